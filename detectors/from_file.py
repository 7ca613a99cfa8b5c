"""Detections that another program wrote."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.box_files import read_box_file
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.classes import chosen_labels
from mambatrack.errors import complain


class FileDetector:
    """Replays MOT text, as det.txt, CSV, JSON Lines, COCO's JSON, or a folder of YOLO's labels; see
    datasets/box_files.py.

    The first frame of the file, 1 or 0, is the first of the source, so a frame range and a stride
    keep their place. Without scores they are 1. MOT text has no classes: all is "object".
    scores: plain, percent or logit; see read_detections. class_names: in place of the file's.
    Raises MambatrackError for a frame below 1 in MOT text, as the whole file may then be shifted by
    one, and for scores that are not of that kind; warns where no score reaches ``conf``.
    """

    def __init__(
        self,
        path: str | Path,
        conf: float = 0.1,
        classes: tuple[str, ...] = (),
        scores: str = "plain",
        class_names: tuple[str, ...] = (),
    ):
        found = read_box_file(path, scores)
        self.names: tuple[str, ...] = class_names or found.names
        chosen = chosen_labels(classes, self.names)
        kept = ~(found.scores < conf)  # a score that is no number is dropped and counted later
        if len(kept) and not kept.any():
            complain(
                f"{path}: no detection is used, as its highest score, {found.scores.max():g}, is "
                f"below detector.conf, {conf:g}"
            )
        if chosen is not None:
            kept &= np.isin(found.labels, list(chosen))
        self._frames, self._shares = found.frames[kept], found.shares
        self._rows = np.column_stack([found.boxes, found.scores, found.labels])[kept]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        first, last = np.searchsorted(self._frames, [index, index + 1])
        rows = self._rows[first:last]
        if self._shares and len(rows):
            height, width = image.shape[:2]
            rows = rows * [width, height, width, height, 1, 1]
        return as_detections(rows)
