"""Several results of the same detections made into one: together are those that are on one track in
enough of the results.

Every pair of detections speaks for being on one track with the share of the results in which it is,
less NEEDED_SHARE, and the sum over all pairs that are together is made large (correlation
clustering, Bansal et al. 2004; by greedy joining, as Keuper et al. 2015). Mistakes at which the
results differ are outvoted, also far from where they were made; AssA counts the same pairs.
"""

from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix

from mambatrack.assignment import Indices

NEEDED_SHARE = 0.25  # of the results in which two detections are together


def consensus(frame: Indices, tracks: NDArray[np.int64]) -> Indices:
    """tracks [K, D]: the track of each detection in each of K results, -1 for none; frame [D] ->
    the track of each detection [D], -1 for those without one in most results."""
    (used,) = (np.mean(tracks >= 0, axis=0) > 0.5).nonzero()
    own, of = np.unique(tracks[:, used], axis=1, return_inverse=True)
    of = of.reshape(-1)
    joined = np.full(tracks.shape[1], -1)
    if len(used):
        joined[used] = _Parts(of, frame[used], _together(own, np.bincount(of))).join()[of]
    return joined


def cut(frame: Indices, track: Indices, tracks: NDArray[np.int64], least: float) -> Indices:
    """``track`` [D], -1 for none, cut where a detection and the next one on it are together in less
    than this share of the results ``tracks`` [K, D]."""
    order = np.lexsort((frame, track))
    order = order[track[order] >= 0]
    first, second = order[:-1], order[1:]
    together = ((tracks[:, first] == tracks[:, second]) & (tracks[:, first] >= 0)).mean(axis=0)
    begins = (track[first] != track[second]) | (together < least)
    parts = np.full(len(track), -1)
    parts[order] = np.append(0, np.cumsum(begins))[: len(order)]
    return parts


def _together(own: NDArray[np.int64], sizes: Indices) -> list[dict[int, float]]:
    """own [K, P]: the track of each part in each result; sizes [P]: its detections -> for each
    part, by the number of another one, the pairs of detections that are together, times the share
    of the results in which they are."""
    count = len(sizes)
    results, parts = (own >= 0).nonzero()
    tracks = own[results, parts] + results * (own.max() + 1)
    _, tracks = np.unique(tracks, return_inverse=True)
    weights = sizes[parts].astype(np.float64)
    member = coo_matrix((weights, (parts, tracks.reshape(-1))), (count, len(weights))).tocsr()
    pairs = (member @ member.T / len(own)).tocoo()
    near: list[dict[int, float]] = [{} for _ in range(count)]
    for a, b, worth in zip(
        pairs.row.tolist(), pairs.col.tolist(), pairs.data.tolist(), strict=True
    ):
        if a != b:
            near[a][b] = worth
    return near


class _Parts:
    """Sets of detections that grow together; at first, those that no result parts.

    near: as of _together; of [D]: the part of each detection; frame [D]
    """

    def __init__(self, of: Indices, frame: Indices, near: list[dict[int, float]]):
        order = np.argsort(of, kind="stable")
        ends = np.cumsum(np.bincount(of))[:-1]
        self.frames = [set(each.tolist()) for each in np.split(frame[order], ends)]
        self.near = near
        self.root = np.arange(len(near))
        self.changes = [0] * len(near)
        self.queue = [self._entry(a, b) for a in range(len(near)) for b in near[a] if a < b]
        heapify(self.queue)

    def join(self) -> Indices:
        """Joins the two parts of the largest gain until there is none -> the last part that each
        of the first ones is in."""
        while self.queue and self.queue[0][0] < 0:
            _, a, b, *changes = heappop(self.queue)
            if changes == [self.changes[a], self.changes[b]]:
                self._merge(a, b)
        while (self.root != self.root[self.root]).any():
            self.root = self.root[self.root]
        return self.root

    def _entry(self, a: int, b: int) -> tuple[float, int, int, int, int]:
        """What joining two parts gains, with the sign turned; good while neither changes."""
        pairs = len(self.frames[a]) * len(self.frames[b])
        gain = self.near[a][b] - NEEDED_SHARE * pairs
        return -gain, a, b, self.changes[a], self.changes[b]

    def _merge(self, a: int, b: int) -> None:
        """``b`` becomes a part of ``a``, unless both are in one frame."""
        near = self.near
        del near[a][b], near[b][a]
        if not self.frames[a].isdisjoint(self.frames[b]):
            return
        self.frames[a] |= self.frames[b]
        self.root[b] = a
        self.changes[a] += 1
        self.changes[b] = -1
        for other, worth in near[b].items():
            del near[other][b]
            near[a][other] = near[other][a] = near[a].get(other, 0.0) + worth
        near[b], self.frames[b] = {}, set()
        for other in near[a]:
            heappush(self.queue, self._entry(a, other))
