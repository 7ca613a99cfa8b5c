"""Which boxes show one object and hardly anything else."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes

IN_FRONT = 0.15  # share of a box that another one may cover whose foot is lower
BEHIND = 0.4  # likewise of one that stands behind


def clean(boxes: Boxes, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """boxes [M, 4] xyxy of one frame -> which of the ``rows`` [K] are clean."""
    own = boxes.take(rows, axis=0)
    left = np.maximum(own[:, None, :2], boxes[None, :, :2])
    sides = np.maximum(np.minimum(own[:, None, 2:], boxes[None, :, 2:]) - left, 0)
    area = np.maximum((own[:, 2:] - own[:, :2]).prod(axis=1), 1e-9)
    covered = sides[..., 0] * sides[..., 1] / area[:, None]
    covered[np.arange(len(rows)), rows] = 0
    in_front = boxes[None, :, 3] >= own[:, None, 3]
    return ~(covered > np.where(in_front, IN_FRONT, BEHIND)).any(axis=1)
