"""Detections that another program wrote, as MOT text (det.txt)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.class_names import UNNAMED
from mambatrack.datasets.detection_files import read_detections
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.classes import chosen_labels
from mambatrack.errors import complain


class FileDetector:
    """Replays a det.txt: frame, id, left, top, width, height, score, in any order of rows.

    Frame ``index + 1`` of the file belongs to frame ``index`` of the source, so a frame range and
    a stride keep their place. Without a score column, or where every score is -1, scores are 1.
    scores: plain, percent or logit; see read_detections. A file has no classes: all is "object".
    Raises MambatrackError for a frame below 1, as the whole file may then be shifted by one, and
    for scores that are not of that kind; warns where no score reaches ``conf``.
    """

    names: tuple[str, ...] = UNNAMED

    def __init__(
        self,
        path: str | Path,
        conf: float = 0.1,
        classes: tuple[str, ...] = (),
        scores: str = "plain",
    ):
        chosen_labels(classes, self.names)
        table = read_detections(path, scores)
        table = table[np.argsort(table[:, 0], kind="stable")]
        kept = ~(table[:, 6] < conf)  # a score that is no number is dropped and counted later
        if len(table) and not kept.any():
            complain(
                f"{path}: no detection is used, as its highest score, {table[:, 6].max():g}, is "
                f"below detector.conf, {conf:g}"
            )
        self._frames = table[kept, 0].astype(np.int64)
        self._rows = np.column_stack([ltwh_to_xyxy(table[:, 2:6]), table[:, 6]])[kept]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        first, last = np.searchsorted(self._frames, [index + 1, index + 2])
        return as_detections(self._rows[first:last])
