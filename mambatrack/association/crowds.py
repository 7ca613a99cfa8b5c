"""Crowds of many thousands of boxes: taken apart into tiles, and refused where too many overlap.

Of N boxes that are spread out, a tile sees those near it only, so that work and memory grow with N.
Where all overlap there is nothing to take apart, and every pair counts.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.errors import MambatrackError

TILE = 1024  # boxes that are looked at together
MOST_BOXES = 50_000  # in a frame
MOST_PAIRS = 1_000_000  # of overlapping boxes in a frame
MOST_CELLS = 25_000_000  # of a table for the Hungarian assignment


def tiles(a: NDArray, b: NDArray) -> Iterator[tuple[Indices, Indices]]:
    """Parts of the boxes a [4, N] and, of b [4, M], those that overlap the part's hull: ascending
    indices. Each box of ``a`` is in one part."""
    waiting = [(np.arange(a.shape[1]), np.arange(b.shape[1]))]
    while waiting:
        own, near = waiting.pop()
        halves = _halves(a, b, own, near) if max(len(own), len(near)) > TILE else []
        if halves and max(len(part) for _, part in halves) < 0.8 * len(near):
            waiting += halves
        elif len(own) and len(near):
            yield own, near


def _halves(a: NDArray, b: NDArray, own: Indices, near: Indices) -> list[tuple[Indices, Indices]]:
    """The two halves of a part, on the longer side of its hull."""
    if len(own) < 2:
        return []
    boxes, others = a.take(own, axis=1), b.take(near, axis=1)
    centres = boxes[:2] + boxes[2:]
    axis = int(np.ptp(centres, axis=1).argmax())
    later = np.zeros(len(own), bool)
    later[centres[axis].argpartition(len(own) // 2)[len(own) // 2 :]] = True
    halves = []
    for chosen in (~later, later):
        low, high = boxes[:2, chosen].min(axis=1), boxes[2:, chosen].max(axis=1)
        over = (others[0] < high[0]) & (others[2] > low[0])
        over &= (others[1] < high[1]) & (others[3] > low[1])
        halves.append((own[chosen], near[over]))
    return halves


def clusters(rows: Indices, columns: Indices) -> list[Indices]:
    """Pairs (rows [K], columns [K], each from 0) in groups that share neither a row nor a column:
    the numbers of each group's pairs."""
    of_pair = cluster_of(rows, columns)
    order = of_pair.argsort(kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_pair[order])) + 1)


def cluster_of(rows: Indices, columns: Indices) -> Indices:
    """The group of each pair [K], see clusters(): the lowest row in it."""
    lowest = np.arange(int(rows.max()) + 1)  # for each row, the lowest known of its group
    before = np.zeros_like(lowest) - 1
    while (lowest != before).any():
        before = lowest.copy()
        of_column = np.full(int(columns.max()) + 1, len(lowest))
        np.minimum.at(of_column, columns, before[rows])
        for own in (rows, before[rows]):
            np.minimum.at(lowest, own, of_column[columns])
        lowest = lowest[lowest]
    of_pair: Indices = lowest[rows]
    return of_pair


def check_pairs(count: int) -> None:
    """Raises MambatrackError where so many pairs of boxes overlap that no tracker could tell who is
    who, and memory would run out."""
    if count > MOST_PAIRS:
        raise MambatrackError(
            f"more than {MOST_PAIRS} pairs of boxes overlap in one frame; suppress boxes of one "
            "object (NMS), or raise the lowest score"
        )


def check_table(rows: int, columns: int) -> None:
    """Raises MambatrackError where a table of one cluster of overlapping boxes is too large."""
    if rows * columns > MOST_CELLS:
        raise MambatrackError(
            f"{rows} tracks and {columns} detections overlap in one cluster; suppress boxes of one "
            "object (NMS), or raise the lowest score"
        )
