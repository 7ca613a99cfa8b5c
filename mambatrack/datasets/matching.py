"""Which boxes of two tables belong together: pairs within a frame, and one-to-one matches.

Tables are Trajectories or anything else with ``frame [R]`` and ``boxes [R, 4]``, rows in any order.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import assign
from mambatrack.boxes import area, ltwh_to_xyxy
from mambatrack.boxes import iou as box_iou
from mambatrack.datasets.sequences import Trajectories

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

CONFIDENT = 0.5


class Table(Protocol):
    """frame [R] int64, from 1;  boxes [R, 4] xyxy, pixels"""

    @property
    def frame(self) -> NDArray[np.int64]: ...

    @property
    def boxes(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class DetectionRows:
    """All detections of a sequence: frame [D] int64 from 1, boxes [D, 4] float32 xyxy in pixels,
    scores [D] float64."""

    frame: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, chosen: Mask) -> "DetectionRows":
        return DetectionRows(self.frame[chosen], self.boxes[chosen], self.scores[chosen])


def detection_rows(table: NDArray[np.float64]) -> DetectionRows:
    """The detections of a table as read_mot gives it; scores are 1 where it has none."""
    scored = table.shape[1] >= 7 and not (table[:, 6] == -1).all()
    scores = table[:, 6] if scored else np.ones(len(table))
    boxes = ltwh_to_xyxy(table[:, 2:6]).astype(np.float32)
    return DetectionRows(table[:, 0].astype(np.int64), boxes, scores)


def select(trajectories: Trajectories, chosen: NDArray) -> Trajectories:
    """The chosen rows (mask or indices)."""
    return Trajectories(
        trajectories.frame[chosen], trajectories.id[chosen], trajectories.boxes[chosen]
    )


def rows_by_frame(frame: NDArray[np.int64], frames: NDArray[np.int64]) -> list[Rows]:
    """The rows that belong to each of the ``frames`` (ascending)."""
    order = np.argsort(frame, kind="stable")
    first = np.searchsorted(frame[order], frames, "left")
    last = np.searchsorted(frame[order], frames, "right")
    return [order[start:stop] for start, stop in zip(first.tolist(), last.tolist(), strict=True)]


def by_frame(frames: NDArray[np.int64]) -> list[tuple[int, Rows]]:
    """(frame, rows of that frame) in the order of frames."""
    numbers = np.unique(frames)
    return list(zip(numbers.tolist(), rows_by_frame(frames, numbers), strict=True))


def match(truth: Table, found: Table, iou: float = 0.5) -> Rows:
    """[len(truth)] the row of ``found`` that each true box is matched to, -1 where none is.

    One-to-one in each frame, with the largest sum of overlaps, of pairs of at least ``iou``.
    """
    matched = np.full(len(truth.frame), -1)
    frames = np.intersect1d(truth.frame, found.frame)
    both = zip(rows_by_frame(truth.frame, frames), rows_by_frame(found.frame, frames), strict=True)
    for true, other in both:
        overlap = box_iou(
            truth.boxes[true].astype(np.float64), found.boxes[other].astype(np.float64)
        )
        pairs = assign(overlap, overlap >= iou).pairs
        matched[true[pairs[:, 0]]] = other[pairs[:, 1]]
    return matched


def match_confident_first(truth: Trajectories, found: DetectionRows) -> Rows:
    """``match`` of detections, those with a score of at least CONFIDENT before the others, so that
    no weak duplicate takes their place."""
    matched = np.full(len(truth), -1)
    for lowest in (CONFIDENT, -np.inf):
        free = np.flatnonzero(matched < 0)
        left = (invert(matched, len(found)) < 0) & (found.scores >= lowest)
        new = match(select(truth, free), found.select(left))
        matched[free[new >= 0]] = np.flatnonzero(left)[new[new >= 0]]
    return matched


def invert(matched: Rows, length: int) -> Rows:
    """[length] the row matched to each row of the other table, -1 where none is."""
    inverse = np.full(length, -1)
    rows = np.flatnonzero(matched >= 0)
    inverse[matched[rows]] = rows
    return inverse


def pairs_in_frames(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """All pairs (row of a [P], row of b [P]) with the same frame, ascending in the row of a."""
    order = np.argsort(b, kind="stable")
    first = np.searchsorted(b[order], a, "left")
    count = np.searchsorted(b[order], a, "right") - first
    rows = np.repeat(np.arange(len(a)), count)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, order[np.repeat(first, count) + place]


def best_overlap(a: Table, b: Table) -> tuple[NDArray[np.float64], Rows]:
    """Largest IoU of each box of ``a`` with a box of ``b`` in its frame, and that box's row: 0 and
    -1 where nothing overlaps."""
    rows, others = pairs_in_frames(a.frame, b.frame)
    return _largest(len(a.frame), rows, others, pair_iou(a, b, rows, others))


def neighbour_overlap(truth: Trajectories) -> tuple[NDArray[np.float64], Rows]:
    """Largest IoU of each box with another one of its frame, and that one's row, -1 for none."""
    rows, others = pairs_in_frames(truth.frame, truth.frame)
    rows, others = rows[rows != others], others[rows != others]
    return _largest(len(truth), rows, others, pair_iou(truth, truth, rows, others))


def find_rows(trajectories: Trajectories, frame: Rows, identity: Rows) -> Rows:
    """The row with each (frame, id), -1 where there is none."""
    order = np.lexsort((trajectories.frame, trajectories.id))
    if not len(order):
        return np.full(len(frame), -1)
    keys, wanted = row_keys(trajectories.frame[order], trajectories.id[order], frame, identity)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, order[place], -1)


def row_keys(
    frame: Rows, identity: Rows, other_frame: Rows, other_identity: Rows
) -> tuple[Rows, Rows]:
    """One number for each (frame, id) of two tables, the same for the same, which ascends with
    (id, frame). Ids may be of any size."""
    _, place = np.unique(np.concatenate([identity, other_identity]), return_inverse=True)
    keys = (place.reshape(-1) << 32) + np.concatenate([frame, other_frame])
    return keys[: len(frame)], keys[len(frame) :]


def pair_iou(a: Table, b: Table, rows: Rows, others: Rows) -> NDArray[np.float64]:
    """[P] IoU of pairs of boxes."""
    one, two = a.boxes[rows].astype(np.float64), b.boxes[others].astype(np.float64)
    low, high = np.maximum(one[:, :2], two[:, :2]), np.minimum(one[:, 2:], two[:, 2:])
    shared = area(np.concatenate([low, high], axis=1))
    return shared / np.maximum(area(one) + area(two) - shared, 1e-9)


def _largest(
    length: int, rows: Rows, others: Rows, overlap: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Rows]:
    largest, partner = np.zeros(length), np.full(length, -1)
    order = np.argsort(overlap, kind="stable")
    order = order[overlap[order] > 0]
    largest[rows[order]], partner[rows[order]] = overlap[order], others[order]
    return largest, partner
