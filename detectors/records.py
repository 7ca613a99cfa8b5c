"""How long each box has been there, by which a person is told from flicker."""

import numpy as np

from mambatrack.boxes import iou
from mambatrack.detectors.sizes import Array

SAME = 0.3  # IoU of a person's boxes in two frames
PROVEN = 6  # frames, after which a box is a person's
LONGEST = 12  # frames that count
LOSS = 2  # frames that a frame without the box takes away
UNPROVEN = 0.4  # the highest score of a box before: it may carry a track on, but starts none


class Records:
    """Boxes of the last frames, each with the number of frames that it was there."""

    def __init__(self) -> None:
        self._boxes, self._frames = np.zeros((0, 4)), np.zeros(0)

    def weigh(self, table: Array) -> Array:
        """``table [N, 5]`` xyxy and score, of one frame -> the same, unproven scores lowered."""
        overlap = iou(table[:, :4], self._boxes)
        before = np.where(overlap >= SAME, self._frames, 0).max(axis=1, initial=0)
        seen = (overlap >= SAME).any(axis=0)
        left = self._frames[~seen] - LOSS
        frames = np.minimum(before + 1, LONGEST)
        self._boxes = np.concatenate([table[:, :4], self._boxes[~seen][left > 0]])
        self._frames = np.concatenate([frames, left[left > 0]])
        scores = np.where(frames >= PROVEN, table[:, 4], np.minimum(table[:, 4], UNPROVEN))
        return np.column_stack([table[:, :4], scores])
