"""Decisions over several frames: the likeliest few answers to who is who go on side by side.

Where people cross, one frame often does not tell them apart, and the next ones do. So a close
second-best assignment is not thrown away: it becomes a hypothesis of its own, with a table of its
own, and what the learned association finds likely in the frames that follow decides between them
(multiple hypothesis tracking, Reid 1979; Cox and Hingorani 1996). The likeliest one is put out.
All of them share each call of the networks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.batched import remember_all, score_all
from mambatrack.association.features import Candidates, describe_pairs
from mambatrack.association.interface import Associated
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.scorer import Scores
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable

BRANCHES = 2  # further assignments of one hypothesis that are looked at in a frame
CLOSE = 4.0  # log-odds by which such an assignment may be worse than the best
ROWS = 250  # tracks of all hypotheses together; of a crowd there are fewer hypotheses
BEHIND = 6.0  # log-likelihood by which a hypothesis may be behind the likeliest
MATCHED = 2.0  # log-likelihood for each match: people do not vanish where nothing hides them
SURE = 50.0  # log-odds above which a choice is no surer
CERTAIN = 0.5  # factor on the odds of a pair, which count its track and its detection


class Way(NamedTuple):
    """How one hypothesis may go on.

    likelihood: log-likelihood of all frames so far; parent: the number of the hypothesis;
    chosen [.]: of its candidate pairs; born [.]: detections that start tracks
    """

    likelihood: float
    parent: int
    chosen: Indices
    born: Indices


class Hypothesis(NamedTuple):
    """A table of tracks, how likely it is, and who is seen where in it in this frame."""

    table: TrackTable
    likelihood: float
    seen: Associated


class Occasion(NamedTuple):
    """The hypotheses of one tracker in a frame: a table each, after TrackTable.predict; how likely
    they are, against the first; and the detections, boxes [M, 4] as cxcywh."""

    tables: list[TrackTable]
    likelihoods: list[float]
    found: Detections
    boxes: Boxes


def go_on(association: LearnedAssociation, occasions: Sequence[Occasion]) -> list[list[Hypothesis]]:
    """For each occasion the likeliest ways to go on, the likeliest first, at most as many as the
    association's settings say, and as ROWS allows. Their tables are used up."""
    described = [
        (table, describe_pairs(table, each.found, each.boxes, association.config.class_aware))
        for each in occasions
        for table in each.tables
    ]
    scores = iter(score_all(association, described))
    candidates = iter(described)
    kept: list[list[Hypothesis]] = []
    chosen = []
    for each in occasions:
        given = [own for _, (_, own) in zip(each.tables, candidates, strict=False)]
        room = ROWS // max(1, *map(len, each.tables), len(each.found))
        most = max(min(association.config.hypotheses, room), 1)
        ways = [
            way
            for number, own in enumerate(given)
            for way in _ways(association, own, next(scores), each, number, most)
        ]
        ways = _distinct(ways, given, each.tables, most) if len(ways) > 1 else ways
        tables = _tables(each.tables, [way.parent for way in ways])
        chosen += [
            (table, given[way.parent], way.chosen) for table, way in zip(tables, ways, strict=True)
        ]
        kept.append(
            [
                Hypothesis(table, way.likelihood - ways[0].likelihood, _seen(given, way))
                for table, way in zip(tables, ways, strict=True)
            ]
        )
    remember_all(association, chosen)
    return kept


def _tables(tables: Sequence[TrackTable], parents: Sequence[int]) -> list[TrackTable]:
    """One for each way; of several with one parent all but the last get a copy."""
    return [
        tables[parent].copy() if parent in parents[number + 1 :] else tables[parent]
        for number, parent in enumerate(parents)
    ]


def _seen(given: Sequence[Candidates], way: Way) -> Associated:
    own = given[way.parent]
    return Associated(own.tracks[way.chosen], own.detections[way.chosen], way.born)


def _ways(
    association: LearnedAssociation,
    given: Candidates,
    scores: Scores,
    occasion: Occasion,
    parent: int,
    most: int,
) -> list[Way]:
    """The best assignment of a hypothesis and those that are close to it."""
    chosen, born = association.choose(given, scores, occasion.found)
    likelihood = occasion.likelihoods[parent]
    alternatives = _alternatives(association, given, scores.pairs, chosen) if most > 1 else []
    if not alternatives and len(occasion.tables) == 1:
        return [Way(likelihood, parent, chosen, born)]
    likelihood += _log_likelihood(given, scores.pairs, chosen)
    ways = [Way(likelihood, parent, chosen, born)]
    for worse, dropped, taken in alternatives:
        other = np.sort(np.concatenate([np.setdiff1d(chosen, dropped), taken]))
        born = association.births(given, scores, occasion.found, other)
        ways.append(Way(likelihood - CERTAIN * worse, parent, other, born))
    return ways


def _log_likelihood(given: Candidates, odds: NDArray[np.float32], chosen: Indices) -> float:
    """Of an assignment: the softmax of each track and of each detection over its candidates and
    none, half of each. The softmax knows no frame in which nothing fits: a hypothesis that has gone
    astray may be sure that everybody stays alone. MATCHED is what that costs it."""
    halves = np.minimum(CERTAIN * odds.astype(np.float64), SURE)
    certain = halves[chosen].sum() + MATCHED * len(chosen)
    for index in (given.tracks, given.detections):
        certain -= np.log1p(np.bincount(index, np.exp(halves))).sum() / 2
    return float(certain)


def _alternatives(
    association: LearnedAssociation,
    given: Candidates,
    odds: NDArray[np.float32],
    chosen: Indices,
) -> list[tuple[float, Indices, Indices]]:
    """(log-odds that are lost, pairs that are dropped, pairs in their place), the best few: two
    tracks that change places, a free track that takes a detection over, or a track that takes a
    free detection."""
    able = odds >= association.config.match_odds
    able[chosen] = False
    (pair,) = able.nonzero()
    if not len(pair):
        return []
    tracks, detections = given.tracks, given.detections
    of_track = np.full(given.track_count, -1)
    of_detection = np.full(given.alone.shape[1], -1)
    of_track[tracks[chosen]] = of_detection[detections[chosen]] = chosen
    owner, own = of_detection[detections[pair]], of_track[tracks[pair]]
    worse = np.where(owner >= 0, odds[owner], 0) + np.where(own >= 0, odds[own], 0) - odds[pair]
    back = _pair_of(given, tracks[owner], detections[own])
    back[(owner < 0) | (own < 0)] = -1
    swap = back >= 0
    swap[swap] = able[back[swap]]
    worse[swap] -= odds[back[swap]]
    close = (swap | (owner < 0) | (own < 0)) & (worse < CLOSE) & ~(swap & (back < pair))
    (rows,) = close.nonzero()
    rows = rows[np.argsort(worse[rows], kind="stable")[:BRANCHES]]
    found = []
    for row in rows.tolist():
        dropped = np.array([each for each in (owner[row], own[row]) if each >= 0])
        taken = np.array([pair[row], back[row]] if swap[row] else [pair[row]])
        found.append((float(worse[row]), dropped, taken))
    return found


def _pair_of(given: Candidates, tracks: Indices, detections: Indices) -> Indices:
    """The number of the pair of these [K], -1 where it is no candidate."""
    count = given.alone.shape[1]
    names = given.tracks * count + given.detections
    order = names.argsort()
    wanted = tracks * count + detections
    place = order[np.minimum(names[order].searchsorted(wanted), len(names) - 1)]
    return np.where(names[place] == wanted, place, -1)


def _distinct(
    ways: Sequence[Way], given: Sequence[Candidates], tables: Sequence[TrackTable], most: int
) -> list[Way]:
    """The best of those that are not far behind and see the same tracks at different places."""
    ways = sorted(ways, key=lambda way: -way.likelihood)
    kept: list[Way] = []
    known = set()
    for way in ways:
        if len(kept) == most or way.likelihood < ways[0].likelihood - BEHIND:
            break
        own, ids = given[way.parent], tables[way.parent]["ids"]
        seen = zip(
            ids[own.tracks[way.chosen]].tolist(),
            own.detections[way.chosen].tolist(), strict=True,
        )  # fmt: skip
        said = frozenset(seen), way.born.tobytes()
        if said not in known:
            known.add(said)
            kept.append(way)
    return kept
