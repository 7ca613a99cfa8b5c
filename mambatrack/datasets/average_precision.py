"""Average precision of detections against true boxes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou


class Boxes(NamedTuple):
    """Of one picture: boxes [N, 4] xyxy; scores [N], of a detector, or how sure the truth is."""

    boxes: NDArray
    scores: NDArray


def average_precision(
    found: Sequence[Boxes], truth: Sequence[Boxes], overlap: float = 0.5, sure: float = 0.5
) -> float:
    """The area below precision over recall, precision being the highest at this or a larger recall
    (PASCAL VOC since 2010), of the detections of all pictures together.

    Each detection, best first, is matched to the true box of its picture that it overlaps most,
    if by ``overlap`` at least and not taken. A true box less sure than ``sure`` need not be found,
    and a detection of it counts for nothing. NaN where there is no true box.
    """
    people = sum(int((true.scores >= sure).sum()) for true in truth)
    if not people:
        return float("nan")
    scores, right = judged(found, truth, overlap, sure)
    hits = np.cumsum(right[np.argsort(-scores, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(hits, prepend=0) / people
    return float((best * steps).sum())


def judged(
    found: Sequence[Boxes], truth: Sequence[Boxes], overlap: float = 0.5, sure: float = 0.5
) -> tuple[NDArray, NDArray]:
    """Of the detections that count, as for average_precision: scores [N], and whether each is right
    [N]."""
    scores, right = [np.zeros(0)], [np.zeros(0, bool)]
    for own, true in zip(found, truth, strict=True):
        hits, counted = _matched(own, true, overlap, sure)
        scores.append(own.scores[counted])
        right.append(hits[counted])
    return np.concatenate(scores), np.concatenate(right)


def _matched(found: Boxes, true: Boxes, overlap: float, sure: float) -> tuple[NDArray, NDArray]:
    """Which detections are right, and which of them count."""
    hits, counted = np.zeros(len(found.boxes), bool), np.ones(len(found.boxes), bool)
    if not len(true.boxes):
        return hits, counted
    shared = iou(found.boxes, true.boxes)
    certain = true.scores >= sure
    taken = np.zeros(len(true.boxes), bool)
    for row in np.argsort(-found.scores, kind="stable"):
        own = np.where(certain & ~taken, shared[row], 0)
        best = int(own.argmax())
        if own[best] >= overlap:
            hits[row] = taken[best] = True
        else:
            counted[row] = not (shared[row, ~certain] >= overlap).any()
    return hits, counted
