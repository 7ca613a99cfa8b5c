"""The Hungarian assignment: a table of similarities in, index pairs out."""

from typing import NamedTuple

import lap
import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


class Matches(NamedTuple):
    """pairs [K, 2] (track, detection); unmatched_tracks [.], unmatched_detections [.]."""

    pairs: Indices
    unmatched_tracks: Indices
    unmatched_detections: Indices


def assign(similarities: NDArray, allowed: NDArray[np.bool_]) -> Matches:
    """The same for a whole table [N, M]; only ``allowed`` pairs are matched [N, M].

    The result has the right shapes also where N or M is 0.
    """
    pairs = np.zeros((0, 2), np.int64)
    if allowed.any():
        cost = np.where(allowed, -similarities, 0.0)
        _, chosen, _ = lap.lapjv(cost, extend_cost=True)
        (rows,) = (chosen >= 0).nonzero()
        rows = rows[allowed[rows, chosen[rows]]]
        pairs = np.stack([rows, chosen[rows]], axis=1).astype(np.int64)
    free = [np.ones(count, bool) for count in similarities.shape]
    for side, taken in zip(free, pairs.T, strict=True):
        side[taken] = False
    return Matches(pairs, *(np.flatnonzero(side) for side in free))


def among(ids: Indices, known: Indices) -> NDArray[np.bool_]:
    """[N] which of them are some of the ``known`` [M], which ascend."""
    if not len(known):
        return np.zeros(len(ids), bool)
    places = known.searchsorted(ids)
    found: NDArray[np.bool_] = known.take(places, mode="clip") == ids
    return found
