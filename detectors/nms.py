"""Non-maximum suppression."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.detections import Detections


def suppress(found: Detections, nms_iou: float) -> NDArray[np.int64]:
    """Indices [M] to keep, best first: no two of one class overlap by more than ``nms_iou``."""
    if not len(found):
        return np.zeros(0, np.int64)
    boxes: Any = xyxy_to_ltwh(found.boxes.astype(np.float64))
    scores: Any = found.scores
    labels: Any = found.labels.astype(np.int32)
    # -1: the scores are cut before, where a score equal to the threshold counts
    kept = cv2.dnn.NMSBoxesBatched(boxes, scores, labels, -1.0, nms_iou)
    return np.asarray(kept, np.int64).ravel()
