"""A detector's boxes for a whole source in a file, which a stopped run goes on with."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mambatrack.class_names import UNNAMED
from mambatrack.detections import Detections
from mambatrack.detectors import Detector
from mambatrack.files import write_text
from mambatrack.outputs.text import open_output
from mambatrack.runs.detection_text import detection_text
from mambatrack.sources.frames import Frame

FRAME = re.compile(r"^# (\d+)\n", re.MULTILINE)


class DetectionFile:
    """Rows in PATH.unfinished, which become PATH at the end of the source.

    The first line of the unfinished file is a key of all that the boxes depend on, and each frame
    is closed by a line with its number, so that a run goes on with the last whole frame, which it
    does again, as no source can be opened behind its end. It begins again where anything has
    changed. A context manager; written to while it is entered.

    frames, boxes: that are in it;  last: number of its last frame from 0, None where it has none
    names: of the classes; the ending of the name says what is written (detection_text.py)
    """

    def __init__(
        self, path: Path, key: str, resumed: bool = True, names: Sequence[str] = UNNAMED
    ):  # fmt: skip
        self.path, self.unfinished = path, path.with_name(f"{path.name}.unfinished")
        self.frames, self.boxes, self.names = 0, 0, names
        self._form = detection_text(path)
        self.last: int | None = None
        first = f"# {json.dumps(key)}\n"
        self._text = (resumed and self._kept(first)) or first

    def __enter__(self) -> "DetectionFile":
        self._file = open_output(self.unfinished, overwrite=True)
        self._file.append(self._text)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _kept(self, first: str) -> str:
        """What a stopped run with the same key has written in front of its last whole frame."""
        try:
            text = self.unfinished.read_text(encoding="utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return ""
        closed = list(FRAME.finditer(text))
        if not text.startswith(first) or len(closed) < 2:
            return ""
        self.frames, kept = len(closed) - 1, text[: closed[-2].end()]
        self.last = int(closed[-2][1]) - 1
        rows = [line for line in kept.splitlines() if not line.startswith("#")]
        self.boxes = sum(map(self._form.boxes, rows))
        return kept

    def add(self, frame: Frame, found: Detections) -> None:
        """The boxes of the next frame; they are in the file when this returns."""
        rows = self._form.frame(frame, found, self.names)
        self._file.append(f"{rows}# {frame.index + 1}\n")
        self.frames, self.boxes, self.last = self.frames + 1, self.boxes + len(found), frame.index

    def finish(self) -> None:
        """The rows appear under the name of the file, after __exit__."""
        lines = self.unfinished.read_text(encoding="utf-8").splitlines(keepends=True)
        rows = "".join(line for line in lines if not line.startswith("#"))
        write_text(self.path, self._form.header(self.names) + rows)
        self.unfinished.unlink()


def detect_frames(
    frames: Iterable[Frame],
    detector: Detector,
    file: DetectionFile,
    report: Callable[[int], None] = lambda frames: None,
) -> None:
    """The boxes of these frames, at the end of the file; report: called with the frames in it."""
    for frame in frames:
        file.add(frame, detector(frame.image, frame.index))
        report(file.frames)
