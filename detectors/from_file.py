"""Detections that another program wrote, as MOT text (det.txt)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import line_of, read_mot
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.classes import chosen_labels
from mambatrack.errors import MambatrackError


class FileDetector:
    """Replays a det.txt: frame, id, left, top, width, height, score, in any order of rows.

    Frame ``index + 1`` of the file belongs to frame ``index`` of the source, so a frame range and
    a stride keep their place. Without a score column, or where every score is -1, scores are 1;
    others are clipped to [0, 1]. A file has no classes: all is "object".
    Raises MambatrackError for a frame below 1, as the whole file may then be shifted by one.
    """

    names: tuple[str, ...] = ("object",)

    def __init__(self, path: str | Path, conf: float = 0.1, classes: tuple[str, ...] = ()):
        chosen_labels(classes, self.names)
        table = read_mot(path)
        _refuse_frame_zero(table, Path(path))
        table = table[np.argsort(table[:, 0], kind="stable")]
        scores = _scores(table)
        kept = ~(scores < conf)
        self._frames = table[kept, 0].astype(np.int64)
        self._rows = np.column_stack([ltwh_to_xyxy(table[:, 2:6]), scores])[kept]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        first, last = np.searchsorted(self._frames, [index + 1, index + 2])
        return as_detections(self._rows[first:last])


def _scores(table: NDArray[np.float64]) -> NDArray[np.float64]:
    if table.shape[1] < 7 or (table[:, 6] == -1).all():
        return np.ones(len(table))
    return table[:, 6]


def _refuse_frame_zero(table: NDArray[np.float64], path: Path) -> None:
    low = np.flatnonzero(table[:, 0] < 1)
    if len(low):
        raise MambatrackError(
            f"{path}, line {line_of(path, low[0])}: frame {table[low[0], 0]:g}; MOT frames count "
            "from 1. If this file counts from 0, add 1 to its first column"
        )
