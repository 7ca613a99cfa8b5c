"""Two results of the same detections made into one: where they differ, region by region, the one
that the association finds more likely, seen forwards and backwards in time.

A detection follows another on a track; where both results agree it stays. Links that differ and
share a detection belong together, and so do those that are tied by a short piece on which both
agree: two people who cross may change places at its start in one result and at its end in the
other, which is the same. So a region is decided as a whole.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mambatrack.assignment import Indices

SHORT_PIECE = 8  # detections: pieces with fewer tie what differs at both of their ends
EVIDENCE_FRAMES = 10  # frames around a region that speak for one result or the other
ONE_RESULT_LOG_ODDS = 4.0  # of a link that only one of the results has
MORE_LINKS_LOG_ODDS = 20.0  # log-odds in favour of the result that links more


class Weighed(NamedTuple):
    """track [D]: the track of each detection, -1 for none; evidence [D]: log-likelihood of what
    became of it, at most 0"""

    track: Indices
    evidence: NDArray[np.float64]


def followers(track: Indices, frame: Indices) -> Indices:
    """[D] the next detection on the track of each, -1 where there is none."""
    order = np.lexsort((frame, track))
    order = order[track[order] >= 0]
    joined = track[order][1:] == track[order][:-1]
    after = np.full(len(track), -1)
    after[order[:-1][joined]] = order[1:][joined]
    return after


def pieces(after: Indices) -> tuple[Indices, Indices]:
    """The chains that ``after`` [D] links: the number of each detection's [D], from 0 in the order
    of their first detections, and the detections of each [P]."""
    rows = np.flatnonzero(after >= 0)
    links = coo_matrix((np.ones(len(rows)), (rows, after[rows])), shape=(len(after),) * 2)
    _, of = connected_components(links, directed=False)
    _, of = np.unique(of, return_inverse=True)
    return of.astype(np.int64), np.bincount(of)


def merge(frame: Indices, one: Weighed, other: Weighed) -> Indices:
    """frame [D] -> the track of each detection [D], from 0, -1 for none: that of ``one``, in some
    regions as in ``other``. A detection that only ``other`` uses stays where it fits in."""
    after = followers(one.track, frame)
    other_after = followers(other.track, frame)
    for rows in _regions(after, other_after):
        tails = np.concatenate([after[rows], other_after[rows]])
        ends = np.concatenate([rows, tails[tails >= 0]])
        worth = MORE_LINKS_LOG_ODDS * np.sign(
            np.count_nonzero(other_after[rows] >= 0) - np.count_nonzero(after[rows] >= 0)
        )
        worth += _evidence(frame, other, ends) - _evidence(frame, one, ends)
        if worth > 0:
            after[rows] = other_after[rows]
    of, length = pieces(after)
    used = (one.track >= 0) | ((other.track >= 0) & (length[of] > 1))
    return np.where(used, of, -1)


class Sure(NamedTuple):
    """ahead, back [D]: how sure it is, in log-odds, that a detection follows the one before it on
    its track, and the one behind it, seen backwards; results: tracks [D] as found in each direction
    """

    ahead: NDArray[np.float64]
    back: NDArray[np.float64]
    results: Sequence[Indices]


def cut(frame: Indices, track: Indices, sure: Sure, least: float) -> Indices:
    """``track`` [D] cut where a link is less sure than ``least`` log-odds in both directions; one
    that is not in both results is no surer than ONE_RESULT_LOG_ODDS."""
    after = followers(track, frame)
    (rows,) = (after >= 0).nonzero()
    links = np.maximum(sure.ahead[after[rows]], sure.back[rows])
    for result in sure.results:
        differs = followers(result, frame)[rows] != after[rows]
        links[differs] = np.minimum(links[differs], ONE_RESULT_LOG_ODDS)
    after[rows[links < least]] = -1
    of, _ = pieces(after)
    return np.where(track >= 0, of, -1)


def _regions(after: Indices, other_after: Indices) -> list[Indices]:
    """For each region the detections [.] that the two results link differently to what follows."""
    count = len(after)
    agreed = np.where(after == other_after, after, -1)
    of, length = pieces(agreed)
    leads = np.full(count, True)
    leads[agreed[agreed >= 0]] = False
    first, last = np.flatnonzero(leads), np.flatnonzero(agreed < 0)
    first = first[np.argsort(of[first])]
    last = last[np.argsort(of[last])]
    short = length < SHORT_PIECE
    sources, targets = [last[short]], [first[short]]
    differs = after != other_after
    for each in (after, other_after):
        rows = np.flatnonzero(differs & (each >= 0))
        sources.append(rows)
        targets.append(each[rows])
    a, b = np.concatenate(sources), np.concatenate(targets) + count  # way out, way in
    ties = coo_matrix((np.ones(len(a)), (a, b)), shape=(2 * count, 2 * count))
    _, region = connected_components(ties, directed=False)
    rows = np.flatnonzero(differs)
    rows = rows[np.argsort(region[rows], kind="stable")]
    return [each for each in np.split(rows, np.flatnonzero(np.diff(region[rows])) + 1) if len(each)]


def _evidence(frame: Indices, given: Weighed, ends: Indices) -> float:
    """Of the tracks that the detections ``ends`` are on, in the frames around these."""
    tracks = np.unique(given.track[ends])
    near = np.isin(given.track, tracks[tracks >= 0])
    near &= frame >= frame[ends].min() - EVIDENCE_FRAMES
    near &= frame <= frame[ends].max() + EVIDENCE_FRAMES
    return float(given.evidence[near].sum())
