"""Candidate pairs, gates and the Hungarian assignment: arrays in, index pairs out.

Only boxes that overlap can be matched, so what is handed on is a list of pairs, not a table: its
length grows with the number of tracks, not with its square.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices, assign
from mambatrack.association.crowds import (
    MOST_BOXES,
    MOST_PAIRS,
    TILE,
    check_pairs,
    check_table,
    clusters,
    tiles,
)
from mambatrack.errors import MambatrackError

DENSE = 1500  # up to so many cells the whole table of similarities is faster than a sweep
FALSE_PAIRS = 8  # that a sweep may look at for each pair that overlaps
ROUNDS = 2  # of picking clear pairs; what is left goes to the Hungarian assignment


class Pairs(NamedTuple):
    """tracks [K], detections [K], similarities [K] in (0, 1], in any order."""

    tracks: Indices
    detections: Indices
    similarities: NDArray[np.floating]

    def select(self, chosen: NDArray) -> "Pairs":
        """The chosen pairs (mask or indices [K])."""
        return Pairs(self.tracks[chosen], self.detections[chosen], self.similarities[chosen])


def candidates(tracks: NDArray, detections: NDArray, height_power: float = 0.0) -> Pairs:
    """All pairs of overlapping boxes: tracks [N, 4], detections [M, 4], xyxy pixels."""
    a, b = np.ascontiguousarray(tracks.T), np.ascontiguousarray(detections.T)
    if len(tracks) * len(detections) > DENSE:
        rows, columns = sweep(a, b)
        values = similarity(a.take(rows, axis=1), b.take(columns, axis=1), height_power)
        return Pairs(rows, columns, values)
    values = similarity(a[:, :, None], b[:, None], height_power)
    (cells,) = values.ravel().nonzero()
    rows, columns = np.divmod(cells, max(len(detections), 1))
    return Pairs(rows, columns, values.ravel()[cells])


def similarity(a: NDArray, b: NDArray, height_power: float = 0.0) -> NDArray:
    """IoU of boxes [4, ...] and [4, ...], xyxy pixels, broadcast against each other, in [0, 1].

    height_power: multiplies by the overlap of the vertical extents to that power. People in a
    crossing differ in height and depth more than in place (Hybrid-SORT, AAAI 2024, uses power 1).
    """
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0)
    shared = sides[0] * sides[1]
    union = _area(a) + _area(b) - shared
    overlap = shared / np.maximum(union, 1e-9)
    if height_power:
        hull = np.maximum(a[3], b[3]) - np.minimum(a[1], b[1])
        overlap = overlap * (sides[1] / np.maximum(hull, 1e-9)) ** height_power
    return overlap


def _area(boxes: NDArray) -> NDArray:
    """Of a box turned inside out it does not matter: it shares nothing with any other."""
    sides = boxes[2:] - boxes[:2]
    return sides[0] * sides[1]


def sweep(a: NDArray, b: NDArray) -> tuple[Indices, Indices]:
    """Indices of the boxes a [4, N] and b [4, M], xyxy, that overlap: [K] each.

    With b in the order of its left edges, those that a box of ``a`` can reach are one run: it ends
    before the first that starts right of the box, and starts at the first that ends right of the
    box's left edge. Only the pairs in these runs are looked at; a large crowd tile by tile.
    Raises MambatrackError where there are more than crowds.MOST_PAIRS.
    """
    if max(a.shape[1], b.shape[1]) <= TILE:
        return _sweep(a, b)
    rows, columns, count = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], 0
    for own, near in tiles(a, b):
        first, second = _sweep(a.take(own, axis=1), b.take(near, axis=1))
        count += len(first)
        check_pairs(count)
        rows.append(own.take(first))
        columns.append(near.take(second))
    return np.concatenate(rows), np.concatenate(columns)


def _sweep(a: NDArray, b: NDArray) -> tuple[Indices, Indices]:
    order = b[0].argsort()
    left, top, right, bottom = b.take(order, axis=1)
    start = np.maximum.accumulate(right).searchsorted(a[0], side="right")
    count = np.maximum(left.searchsorted(a[2]) - start, 0)
    check_pairs(int(count.sum()) // FALSE_PAIRS)
    rows = np.repeat(np.arange(len(count)), count)
    places = np.arange(len(rows)) + np.repeat(start - (np.cumsum(count) - count), count)
    over = (a[0].take(rows) < right.take(places)) & (a[1].take(rows) < bottom.take(places))
    (over,) = (over & (a[3].take(rows) > top.take(places))).nonzero()
    return rows.take(over), order.take(places.take(over))


def check_crowd(boxes: NDArray) -> None:
    """Raises MambatrackError where boxes [N, 4] are too many for a frame, or too many overlap."""
    if len(boxes) > MOST_BOXES:
        raise MambatrackError(
            f"{len(boxes)} detections in one frame, of which at most {MOST_BOXES} can be tracked; "
            "raise the lowest score"
        )
    if len(boxes) ** 2 > MOST_PAIRS:
        corners = np.ascontiguousarray(boxes.T)
        sweep(corners, corners)


def best(pairs: Pairs, rounds: int = ROUNDS) -> Indices:
    """The one-to-one matching of the largest total similarity -> indices into ``pairs``.

    A pair worth more than all others of its track and of its detection together is in every best
    matching. In a usual frame that settles all but a few, which are left to the Hungarian method.
    """
    tracks, detections, _ = pairs
    values = pairs.similarities.astype(np.float64)  # 3 * values of 32 bits may be rounded up
    of_track, of_detection = np.bincount(tracks, values), np.bincount(detections, values)
    (clear,) = (3 * values > of_track[tracks] + of_detection[detections]).nonzero()
    if len(clear) == len(values):
        return clear
    if not len(clear) or not rounds:
        return hungarian(pairs)
    of_track[tracks[clear]] = of_detection[detections[clear]] = -1
    (left,) = ((of_track[tracks] >= 0) & (of_detection[detections] >= 0)).nonzero()
    return np.concatenate([clear, left[best(pairs.select(left), rounds - 1)]])


def hungarian(pairs: Pairs) -> Indices:
    """The same in any case: one dense assignment over the boxes that are in ``pairs``, or of many
    boxes one for each cluster."""
    tracks, rows = np.unique(pairs.tracks, return_inverse=True)
    detections, columns = np.unique(pairs.detections, return_inverse=True)
    if len(tracks) * len(detections) > TILE**2:
        parts = clusters(rows, columns)
        if len(parts) > 1:
            return np.concatenate([part[hungarian(pairs.select(part))] for part in parts])
    check_table(len(tracks), len(detections))
    values = np.zeros((len(tracks), len(detections)))
    values[rows, columns] = pairs.similarities
    chosen = np.zeros(values.shape, bool)
    chosen[tuple(assign(values, values > 0).pairs.T)] = True
    return chosen[rows, columns].nonzero()[0]


def cascade(pairs: Pairs, passes: Sequence[NDArray[np.bool_]]) -> Indices:
    """Several assignments in turn, each on what the earlier ones left -> indices into ``pairs``.

    passes: for each, which of the pairs may be matched [K].
    """
    allowed, *later = passes
    (able,) = allowed.nonzero()
    chosen = able[best(pairs.select(able))]
    if not later:
        return chosen
    tracks, detections, _ = pairs.select(chosen)
    free = ~(np.isin(pairs.tracks, tracks) | np.isin(pairs.detections, detections))
    return np.concatenate([chosen, cascade(pairs, [each & free for each in later])])
