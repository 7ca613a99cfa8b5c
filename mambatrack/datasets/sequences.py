"""Sequences in MOTChallenge layout, found without a seqmap, and their ground truth as arrays.

A sequence is a folder with one of gt/gt.txt, det/det.txt, img1/ or seqinfo.ini, at any place up to
four levels below the folder that is searched. That covers DanceTrack (train/SEQ), SportsMOT (also
below dataset/), MOT17, MOT20, a folder of sequences, and a sequence itself. Its pictures may also
be a video beside gt/ or det/, as in AI City.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.classes import Classes
from mambatrack.datasets.mot_layouts import folder_hint
from mambatrack.datasets.mot_text import Table, read_mot
from mambatrack.datasets.sequence_facts import LONGEST, SequenceFacts
from mambatrack.errors import MambatrackError
from mambatrack.nearest import did_you_mean
from mambatrack.sources.file_types import MARKERS
from mambatrack.sources.video_folders import find_videos

DEPTH = 4


@dataclass(frozen=True)
class Sequence:
    """One video of a dataset.

    image_size: (width, height) from seqinfo.ini, else of the pictures, else the lower right corner
        of all true and detected boxes, which is a guess that holds each of them
    fps: from seqinfo.ini, else of the video, else 30
    frames: from seqinfo.ini, else the number of pictures, or more where boxes go on after them
    images: the folder of its pictures, or its video file
    start: frames in front of them that do not take part (second_half)
    length, length_from: frames in its files, in front and behind included; what says so
    classes: what of the ground truth counts, None while nobody has chosen
    """

    name: str
    folder: Path
    image_size: tuple[int, int]
    fps: float
    frames: int
    gt_path: Path | None
    det_path: Path | None
    images: Path | None
    start: int = 0
    length: int = 0
    length_from: str = "seqLength in seqinfo.ini"
    classes: Classes | None = None

    @property
    def last(self) -> int:
        """The last frame that takes part, as numbered in its files."""
        return self.start + self.frames

    @property
    def end(self) -> int:
        """The last frame that its files may name."""
        return max(self.length, self.last)

    def takes_part(self, frame: NDArray) -> NDArray[np.bool_]:
        """Which of these frames, counted from 1, are scored and tracked."""
        return (frame > self.start) & (frame <= self.last)

    def within(self, table: Table) -> Table:
        """The rows of a MOT table whose frame takes part."""
        return table[self.takes_part(table[:, 0])]


@dataclass(frozen=True)
class Trajectories:
    """Boxes with identities over time, a row for each box, in any order.

    frame [R] int64, from 1;  id [R] int64;  boxes [R, 4] float32, xyxy, pixels
    """

    frame: NDArray[np.int64]
    id: NDArray[np.int64]
    boxes: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)


def find_sequences(root: str | Path, longest: int = LONGEST) -> list[Sequence]:
    """All sequences at or below ``root``, by path; where there is none, the video files in it.

    longest: frames of a sequence; more are taken for a mistake.
    Raises MambatrackError where there is neither, or where a sequence cannot be opened.
    """
    root = Path(root)
    if not root.is_dir():
        raise MambatrackError(f"{root} is not a folder; give the folder of a dataset or sequence")
    folders = list(_sequence_folders(root, DEPTH))
    if folders:
        return [open_sequence(folder, longest) for folder in folders]
    videos = find_videos(root)
    if not videos:
        raise MambatrackError(
            f"no sequence in {root}: expected folders with one of {', '.join(MARKERS)}, or videos"
            f"{_mend(root)}"
        )
    return [_video_sequence(path) for path in videos]


def find_to_detect(root: str | Path, longest: int = LONGEST) -> list[Sequence]:
    """Those of find_sequences(), and each folder below with one video and nothing of a sequence
    yet, which det/det.txt makes one."""
    folders = list(_folders_of_a_video(Path(root)))
    if folders and not any(_sequence_folders(Path(root), DEPTH)):
        return [open_sequence(folder, longest) for folder in folders]
    found = find_sequences(root, longest)
    found += [open_sequence(folder, longest) for folder in folders]
    return sorted(found, key=lambda each: each.folder)


def _folders_of_a_video(folder: Path, depth: int = DEPTH) -> Iterator[Path]:
    """Those below with one video, of which none is a sequence or a part of one."""
    if not depth or not folder.is_dir() or _is_sequence(folder):
        return
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            if len(find_videos(child)) == 1 and not _is_sequence(child):
                yield child
            else:
                yield from _folders_of_a_video(child, depth - 1)


def _mend(root: Path) -> str:
    """What to do with a folder without sequences and videos."""
    alone = next(_folders_of_a_video(root), None)
    if alone is not None:
        return (
            f"; {alone} has a video and no boxes yet: mambatrack detect --dataset {root} writes "
            "det/det.txt beside it"
        )
    names = {path.name for path in chain(root.glob("*/"), root.glob("*/*/")) if path.is_dir()}
    if looks := folder_hint(names):
        return looks
    above = root.absolute().parent
    if root.absolute().name in ("gt", "det", "img1") and _is_sequence(above):
        return f"; {above.name} is one: name that folder"
    texts = sorted(root.glob("*.txt"))
    return f"; move {texts[0].name} to {texts[0].stem}/gt/gt.txt" if texts else ""


def find_detected_sequences(roots: Iterable[str | Path]) -> list[Sequence]:
    """The sequences below ``roots`` that have ground truth and detections, a line of each at least,
    to train on. Raises MambatrackError where they are fewer than two."""
    found = [each for root in roots for each in find_sequences(root)]
    usable = [each for each in found if _has_lines(each.gt_path) and _has_lines(each.det_path)]
    if len(usable) < 2:
        raise MambatrackError(
            f"training needs at least 2 sequences with boxes in gt/gt.txt and det/det.txt, found "
            f"{len(usable)}; 'mambatrack simulate' makes detections from the ground truth"
        )
    return usable


def _has_lines(path: Path | None) -> bool:
    """Whether there is such a file, and more than blanks in it."""
    if path is None:
        return False
    with open(path, "rb") as file:
        return any(line.strip() for line in file)


def select_split(sequences: list[Sequence], split: str) -> list[Sequence]:
    """The sequences below a folder named ``split``, such as val in dancetrack/val/SEQ."""
    chosen = [each for each in sequences if split in each.folder.resolve().parts[:-1]]
    if not chosen:
        seen = sorted({each.folder.resolve().parent.name for each in sequences})
        raise MambatrackError(
            f"no sequence is in a folder named {split}; found {', '.join(seen)}"
            f"{did_you_mean(split, seen)}"
        )
    return chosen


def second_half(sequence: Sequence) -> Sequence:
    """What follows the first ``frames // 2`` frames, which keep their numbers; on MOT17 the part
    that detectors of an ablation study have not seen."""
    kept = sequence.frames // 2
    return replace(sequence, start=sequence.start + kept, frames=sequence.frames - kept)


def open_sequence(folder: str | Path, longest: int = LONGEST) -> Sequence:
    """The sequence in ``folder``. Raises MambatrackError where its size or length is unknown, or
    its length is above ``longest``."""
    folder = Path(folder)
    facts = SequenceFacts(folder, longest)
    frames, source = facts.length()
    return Sequence(
        name=folder.resolve().name,
        folder=folder,
        image_size=facts.size(),
        fps=facts.fps(),
        frames=frames,
        gt_path=_existing(folder / "gt/gt.txt"),
        det_path=_existing(folder / "det/det.txt"),
        images=facts.pictures,
        length=frames,
        length_from=source,
    )


def read_trajectories(path: str | Path) -> Trajectories:
    """All rows of a MOT file, such as a tracker's results."""
    return Trajectories(*_trajectory_columns(read_mot(path)))


def _video_sequence(path: Path) -> Sequence:
    """A video file as a sequence that has pictures and nothing else."""
    from mambatrack.sources.frames import count_frames, open_frames

    with open_frames(path) as frames:
        count = count_frames(path) if frames.count is None else frames.count
        return Sequence(path.stem, path.parent, frames.size, frames.fps, count, None, None, path)


def _trajectory_columns(
    table: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """(frame, id, boxes) of a table as read_mot gives it."""
    frame, identity = table[:, :2].astype(np.int64).T
    return frame, identity, ltwh_to_xyxy(table[:, 2:6]).astype(np.float32)


def _sequence_folders(folder: Path, depth: int) -> Iterator[Path]:
    if _is_sequence(folder):
        yield folder
    elif depth:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from _sequence_folders(child, depth - 1)


def would_find(root: str | Path, folder: Path) -> bool:
    """Whether find_sequences(root) would find a sequence that is written into ``folder``."""
    place = Path(os.path.realpath(root))
    try:
        parts = Path(os.path.realpath(folder)).relative_to(place).parts
    except ValueError:
        return False
    above = [place.joinpath(*parts[:count]) for count in range(len(parts))]
    hidden = any(part.startswith(".") for part in parts)
    inside = any(map(_is_sequence, above))
    return len(parts) <= DEPTH and not hidden and not inside


def _is_sequence(folder: Path) -> bool:
    return any((folder / marker).exists() for marker in MARKERS)


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
