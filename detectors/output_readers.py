"""From the outputs of a network for one picture to boxes, scores and labels, for each layout.

Every reader takes the arrays without their batch, in the order that its layout says, the size
(width, height) of the input and the lowest score, and gives boxes [N, 4] xyxy in pixels of the
input, scores [N] and labels [N].
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.detectors.yolox import read_head

Size = tuple[int, int]
Found = tuple[NDArray, NDArray, NDArray]
Reader = Callable[[Sequence[NDArray], Size, float], Found]


def columns_of_anchors(classes: int) -> Reader:
    """[4 + C + ..., N]: centre and size in pixels, scores, then what segments and poses add."""

    def read(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
        boxes, scores = arrays[0][:4].T, arrays[0][4 : 4 + classes].T
        return _best(boxes, scores, conf)

    return read


def anchors_with_objectness(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[N, 5 + C]: centre and size in pixels, objectness, scores of classes given an object."""
    return read_head(arrays[0], size, True, conf)


def rows_with_labels(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[n, 6 + ...]: x1, y1, x2, y2 in pixels, score, class; nothing is left to suppress."""
    rows = arrays[0][arrays[0][:, 4] >= conf]
    return rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int64)


def normalised_rows(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[n, 4 + C]: centre and size as shares of the picture, scores."""
    return _best(arrays[0][:, :4] * np.array(size * 2, np.float32), arrays[0][:, 4:], conf)


def boxes_and_logits(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[n, 4] centre and size as shares of the picture, [n, C] logits of scores."""
    boxes, logits = arrays
    scores = 0.5 + 0.5 * np.tanh(0.5 * logits)
    return _best(boxes * np.array(size * 2, np.float32), scores, conf)


def corners_and_scores(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[N, 4] x1, y1, x2, y2 in pixels, [N, C] scores."""
    labels = arrays[1].argmax(axis=1)
    scores = arrays[1][np.arange(len(labels)), labels]
    good = scores >= conf
    return arrays[0][good], scores[good], labels[good]


def boxes_scores_labels(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[n, 4] x1, y1, x2, y2 in pixels, [n] scores, [n] labels."""
    boxes, scores, labels = arrays
    good = scores >= conf
    return boxes[good], scores[good], labels[good].astype(np.int64)


def numbered_rows(score: int, label: int) -> Reader:
    """[n, 7]: number of the picture, x1, y1, x2, y2 in pixels, and in these columns score and
    class; nothing is left to suppress."""

    def read(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
        rows = arrays[0][arrays[0][:, score] >= conf]
        return rows[:, 1:5], rows[:, score], rows[:, label].astype(np.int64)

    return read


def labelled_rows(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[n, 6]: class, score, x1, y1, x2, y2 in pixels; a row of class -1 holds nothing."""
    rows = arrays[0][(arrays[0][:, 1] >= conf) & (arrays[0][:, 0] >= 0)]
    return rows[:, 2:], rows[:, 1], rows[:, 0].astype(np.int64)


def of_tensorflow(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[1, n, 4] y1, x1, y2, x2 as shares of the picture, [1, n] scores, [1, n] labels from 1."""
    corners, scores, labels = (each[0] for each in arrays)
    boxes = corners[:, [1, 0, 3, 2]] * np.array(size * 2, np.float32)
    return boxes_scores_labels([boxes, scores, labels], size, conf)


def counted_boxes(arrays: Sequence[NDArray], size: Size, conf: float) -> Found:
    """[1] how many there are, and of these [n, 4] x1, y1, x2, y2 in pixels, [n] scores, [n] labels;
    what follows is filling."""
    count = int(arrays[0][0])
    return boxes_scores_labels([each[:count] for each in arrays[1:]], size, conf)


def _best(boxes: NDArray, scores: NDArray, conf: float) -> Found:
    labels = scores.argmax(axis=1)
    best = scores[np.arange(len(labels)), labels]
    good = best >= conf
    with np.errstate(invalid="ignore"):  # what is not finite is dropped with the detections
        return cxcywh_to_xyxy(boxes[good]), best[good], labels[good]
