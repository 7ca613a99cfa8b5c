"""Length, size and frame rate of a sequence: from seqinfo.ini, else pictures, else boxes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import FARTHEST, Table, check_layout, read_mot
from mambatrack.errors import MambatrackError
from mambatrack.sources.pictures import frames_by_name, list_pictures, load_picture
from mambatrack.sources.seqinfo import number, read_seqinfo
from mambatrack.sources.video_folders import pictures_of_sequence

DEFAULT_FPS = 30.0
LONGEST = 1_000_000  # frames, as the setting dataset.longest
MEND = "; dataset.longest allows more"


class SequenceFacts:
    """What the files in the folder of a sequence say about it.

    pictures: the folder of its pictures, else the only video beside gt/ or det/, else None
    longest: frames; a larger number is taken for a mistake
    """

    def __init__(self, folder: Path, longest: int = LONGEST):
        self._folder, self._longest = folder, longest
        self._info = read_seqinfo(folder)
        self.pictures = pictures_of_sequence(folder, self._info)

    def length(self) -> tuple[int, str]:
        """(frames, what says so)."""
        length = int(self._number("seqLength", self._longest))
        if length:
            return length, "seqLength in seqinfo.ini"
        shown = self._shown()
        last = max((int(table[:, 0].max(initial=0)) for table in self._boxes), default=0)
        if shown >= last and self.pictures is not None:
            return shown, f"the number of pictures in {self.pictures.name}"
        return last, "the last frame that has a box; write seqLength into a seqinfo.ini"

    def size(self) -> tuple[int, int]:
        width, height = (int(self._number(key)) for key in ("imWidth", "imHeight"))
        if width and height:
            return width, height
        shown = self._picture_size()
        if shown is not None:
            return shown
        corners = [ltwh_to_xyxy(table[:, 2:6])[:, 2:] for table in self._boxes]
        width, height = np.ceil(np.concatenate([np.zeros((1, 2)), *corners]).max(axis=0))
        if min(width, height) < 1:
            raise MambatrackError(
                f"{self._folder}: the image size is unknown; write imWidth and imHeight into its "
                "seqinfo.ini"
            )
        return int(width), int(height)

    def fps(self) -> float:
        stated = self._number("frameRate")
        return stated or (self._video.fps if self._video else DEFAULT_FPS)

    def _number(self, key: str, highest: float | None = None) -> float:
        return number(self._folder, self._info, key, highest, MEND if highest else "")

    def _shown(self) -> int:
        """Frames of the pictures or the video."""
        if self.pictures is None or self._video:
            return self._video.frames if self._video else 0
        return len(frames_by_name(self._listed(), 0, str(self._folder)))

    def _picture_size(self) -> tuple[int, int] | None:
        if self.pictures is None or self._video:
            return self._video.size if self._video else None
        first = self._listed()[:1]
        pixels = load_picture(first[0]) if first else None
        return None if pixels is None else (pixels.shape[1], pixels.shape[0])

    def _listed(self) -> list[Path]:
        assert self.pictures is not None
        return list_pictures(self.pictures, self._info.get("imExt", ""))

    @cached_property
    def _video(self) -> "_Video | None":
        if self.pictures is None or self.pictures.is_dir():
            return None
        from mambatrack.sources.frames import count_frames, open_frames

        with open_frames(self.pictures) as frames:
            count = count_frames(self.pictures) if frames.count is None else frames.count
            return _Video(count, frames.size, frames.fps)

    @cached_property
    def _boxes(self) -> list[Table]:
        """The rows of ground truth and detections, for want of better information."""
        tables = []
        for path in (self._folder / "gt/gt.txt", self._folder / "det/det.txt"):
            if path.is_file():
                table = read_mot(path)
                check_layout(path, table)(
                    table[:, 0] > self._longest,
                    f"frame {{0:.0f}} is more than {self._longest} and looks like a mistake{MEND}",
                )
                tables.append(table[(np.abs(table[:, 2:6]) < FARTHEST).all(axis=1)])
        return tables


@dataclass(frozen=True)
class _Video:
    frames: int
    size: tuple[int, int]
    fps: float
