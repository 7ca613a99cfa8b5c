"""A detector's boxes for a whole sequence, computed once and kept.

An entry's name is a hash of all that the boxes depend on: the weights' content, the settings of the
detector, and the names, sizes and times of the pictures. An entry appears when it is whole.
"""

import hashlib
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.datasets.sequences import Sequence
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors import network_of, open_detector
from mambatrack.detectors.download import cache_folder
from mambatrack.errors import MambatrackError
from mambatrack.files import read_arrays, replacing, sha256
from mambatrack.sources.file_types import IMAGE_TYPES, VIDEO_TYPES
from mambatrack.sources.frames import open_frames
from mambatrack.version import VERSION

FORMAT = 1


class KeptDetections:
    """A Detector that replays rows [R, 7]: frame index from 0, x1, y1, x2, y2, score, label."""

    def __init__(self, rows: NDArray[np.float32], names: tuple[str, ...]):
        self.names = names
        self.rows = rows[np.argsort(rows[:, 0], kind="stable")]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        first, last = np.searchsorted(self.rows[:, 0], [index, index + 1])
        return as_detections(self.rows[first:last, 1:])


def detect_sequence(
    sequence: Sequence,
    config: DetectorConfig,
    folder: Path | None = None,
    report: Callable[[int], None] = lambda frames: None,
) -> KeptDetections:
    """The boxes in all pictures of a sequence, from the cache where they are there.

    folder: of the cache, default detections/ in the cache for downloads. report: called with the
    frames done. Raises MambatrackError where the sequence has no pictures.
    """
    if sequence.images is None:
        raise MambatrackError(
            f"{sequence.folder} has no pictures for the detector {config.name}; expected img1/"
        )
    network = network_of(config)
    path = (
        folder or cache_folder() / "detections"
    ) / f"{detections_key(sequence.images, network)}.npz"
    kept = _read(path)
    if kept is None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _detect(sequence, network, report)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, rows=kept[0], names=np.array(kept[1]))
    return KeptDetections(*kept)


def _detect(
    sequence: Sequence, config: DetectorConfig, report: Callable[[int], None]
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    assert sequence.images is not None
    detector = open_detector(config)
    rows = [np.zeros((0, 7), np.float32)]
    with open_frames(sequence.images) as frames:
        for done, frame in enumerate(frames, start=1):
            found = detector(frame.image, frame.index)
            index = np.full(len(found), frame.index)
            rows.append(np.column_stack([index, found.boxes, found.scores, found.labels]))
            report(done)
        if frames.problem:
            raise MambatrackError(f"{sequence.images}: {frames.problem}")
    return np.concatenate(rows).astype(np.float32), detector.names


def _read(path: Path) -> tuple[NDArray[np.float32], tuple[str, ...]] | None:
    try:
        entry = read_arrays(path)
        return entry["rows"].reshape(-1, 7), tuple(entry["names"].tolist())
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError):
        warnings.warn(f"{path} is damaged; the detector runs again", stacklevel=3)
        return None


def detections_key(images: Path, network: DetectorConfig) -> str:
    """Hash of what the boxes depend on; the code of detectors without weights by its version.

    images: a video, or a folder with pictures or a video at any depth
    """
    said = asdict(network)
    weights = Path(said.pop("weights"))
    said |= {
        "format": FORMAT,
        "version": VERSION,
        "weights": sha256(weights) if weights.is_file() else "",
        "pictures": pictures_key(images),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def pictures_key(images: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the pictures in a video, or in a folder at any depth."""
    states = [(file.name, file.stat()) for file in picture_files(images)]
    return [(name, state.st_size, state.st_mtime_ns) for name, state in states]


def picture_files(images: Path) -> list[Path]:
    """The video, or the pictures and videos in a folder at any depth."""
    inside = [
        each for each in images.rglob("*") if each.suffix.lower() in IMAGE_TYPES + VIDEO_TYPES
    ]
    files = sorted(inside) if images.is_dir() else [images]
    return [file for file in files if file.is_file()]
