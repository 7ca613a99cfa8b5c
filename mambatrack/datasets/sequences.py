"""Sequences in MOTChallenge layout, found without a seqmap, and their ground truth as arrays.

A sequence is a folder with one of gt/gt.txt, det/det.txt, img1/ or seqinfo.ini, at any place up to
four levels below the folder that is searched. That covers DanceTrack (train/SEQ), SportsMOT (also
below dataset/), MOT17, MOT20, a folder of sequences, and a sequence itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import read_mot
from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import MARKERS
from mambatrack.sources.pictures import frames_by_name, list_pictures, load_picture
from mambatrack.sources.seqinfo import images_folder, number, read_seqinfo
from mambatrack.sources.video_folders import find_videos

DEPTH = 4
DEFAULT_FPS = 30.0


@dataclass(frozen=True)
class Sequence:
    """One video of a dataset.

    image_size: (width, height) from seqinfo.ini, else of the first image, else the lower right
        corner of all boxes, which is a guess and at most the true size where boxes are clipped
    fps: from seqinfo.ini, else 30
    frames: from seqinfo.ini, else the number of images, else the last frame that has a box
    images: the folder of its pictures, or its video file
    start: frames in front of them that do not take part (second_half)
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

    def within(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The rows of a MOT table whose frame, counted from 1 in the file, takes part."""
        frame = table[:, 0]
        return table[(frame > self.start) & (frame <= self.start + self.frames)]


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


@dataclass(frozen=True)
class GroundTruth(Trajectories):
    """What is truly there; visibility [R] float32 in [0, 1], 1 where the file has none."""

    visibility: NDArray[np.float32]


def find_sequences(root: str | Path) -> list[Sequence]:
    """All sequences at or below ``root``, by path; where there is none, the video files in it.

    Raises MambatrackError where there is neither.
    """
    root = Path(root)
    if not root.is_dir():
        raise MambatrackError(f"{root} is not a folder; give the folder of a dataset or sequence")
    folders = list(_sequence_folders(root, DEPTH))
    if folders:
        return [open_sequence(folder) for folder in folders]
    videos = find_videos(root)
    if not videos:
        raise MambatrackError(
            f"no sequence in {root}: expected folders with one of {', '.join(MARKERS)}, or videos"
        )
    return [_video_sequence(path) for path in videos]


def find_detected_sequences(roots: Iterable[str | Path]) -> list[Sequence]:
    """The sequences below ``roots`` that have ground truth and detections, to train on. Raises
    MambatrackError where they are fewer than two."""
    found = [each for root in roots for each in find_sequences(root)]
    usable = [each for each in found if each.gt_path and each.det_path]
    if len(usable) < 2:
        raise MambatrackError(
            f"training needs at least 2 sequences with gt/gt.txt and det/det.txt, found "
            f"{len(usable)}; 'mambatrack simulate' makes detections from the ground truth"
        )
    return usable


def select_split(sequences: list[Sequence], split: str) -> list[Sequence]:
    """The sequences below a folder named ``split``, such as val in dancetrack/val/SEQ."""
    chosen = [each for each in sequences if split in each.folder.resolve().parts[:-1]]
    if not chosen:
        seen = sorted({each.folder.resolve().parent.name for each in sequences})
        raise MambatrackError(f"no sequence is in a folder named {split}; found {', '.join(seen)}")
    return chosen


def second_half(sequence: Sequence) -> Sequence:
    """What follows the first ``frames // 2`` frames, which keep their numbers; on MOT17 the part
    that detectors of an ablation study have not seen."""
    kept = sequence.frames // 2
    return replace(sequence, start=sequence.start + kept, frames=sequence.frames - kept)


def open_sequence(folder: Path) -> Sequence:
    """The sequence in ``folder``. Raises MambatrackError where its size or length is unknown."""
    info = read_seqinfo(folder)
    images = images_folder(folder, info)
    return Sequence(
        name=folder.resolve().name,
        folder=folder,
        image_size=_image_size(folder, info, images),
        fps=number(folder, info, "frameRate") or DEFAULT_FPS,
        frames=_length(folder, info, images),
        gt_path=_existing(folder / "gt/gt.txt"),
        det_path=_existing(folder / "det/det.txt"),
        images=_existing(images),
    )


def read_ground_truth(sequence: Sequence) -> GroundTruth:
    """What a tracker is asked to find: rows marked as considered (column 7) and of class
    pedestrian (column 8 = 1). Ten columns are the layout of MOT15, which has no classes."""
    if sequence.gt_path is None:
        raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt in it")
    table = sequence.within(read_mot(sequence.gt_path))
    columns = table.shape[1]
    wanted = np.ones(len(table), bool)
    if columns >= 7:
        wanted &= table[:, 6] != 0
    if columns in (8, 9):
        wanted &= table[:, 7] == 1
    table = table[wanted]
    visibility = table[:, 8] if columns == 9 else np.ones(len(table))
    return GroundTruth(*_trajectory_columns(table), visibility.astype(np.float32))


def read_trajectories(path: str | Path) -> Trajectories:
    """All rows of a MOT file, such as a tracker's results."""
    return Trajectories(*_trajectory_columns(read_mot(path)))


def tracklets(
    ground_truth: GroundTruth, min_length: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Each unbroken run of one identity with at least ``min_length`` frames, by identity and time:
    (frames [L], boxes [L, 4] xyxy)."""
    order = np.lexsort((ground_truth.frame, ground_truth.id))
    frame, identity = ground_truth.frame[order], ground_truth.id[order]
    broken = (np.diff(frame) != 1) | (np.diff(identity) != 0)
    for run in np.split(order, np.flatnonzero(broken) + 1):
        if len(run) >= max(min_length, 1):
            yield ground_truth.frame[run], ground_truth.boxes[run]


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
    if any((folder / marker).exists() for marker in MARKERS):
        yield folder
    elif depth:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.name.startswith("."):
                yield from _sequence_folders(child, depth - 1)


def _image_size(folder: Path, info: Mapping[str, str], images: Path) -> tuple[int, int]:
    width, height = (int(number(folder, info, key)) for key in ("imWidth", "imHeight"))
    if width and height:
        return width, height
    for image in list_pictures(images)[:1]:
        pixels = load_picture(image)
        if pixels is not None:
            return pixels.shape[1], pixels.shape[0]
    boxes = ltwh_to_xyxy(_any_boxes(folder)[:, 2:6])
    if not len(boxes) or boxes[:, 2:].max(axis=0).min() < 1:
        raise MambatrackError(
            f"{folder}: the image size is unknown; write imWidth and imHeight into its seqinfo.ini"
        )
    right, bottom = np.ceil(boxes[:, 2:].max(axis=0)).astype(int)
    return int(right), int(bottom)


def _length(folder: Path, info: Mapping[str, str], images: Path) -> int:
    length = int(number(folder, info, "seqLength"))
    length = length or len(frames_by_name(list_pictures(images), 0, str(folder)))
    return length or int(_any_boxes(folder)[:, 0].max(initial=0))


def _any_boxes(folder: Path) -> NDArray[np.float64]:
    """The rows of the ground truth, else of the detections, for want of better information."""
    for path in (folder / "gt/gt.txt", folder / "det/det.txt"):
        if path.is_file():
            return read_mot(path)
    return np.zeros((0, 10))


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
