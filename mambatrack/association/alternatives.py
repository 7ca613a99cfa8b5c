"""Assignments close to the best one of a frame, how likely an assignment is, and how sure.

All of it is in log-odds of pairs: that the two belong together rather than both being left alone.
"""

from typing import NamedTuple

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.problem import Candidates, Floats

ALTERNATIVES = 2  # further assignments of one hypothesis that are tried in a frame
ALTERNATIVE_LOG_ODDS = 4.0  # by which such an assignment may be worse than the best
MATCH_LOG_LIKELIHOOD = 2.0  # for each match: people do not vanish where nothing hides them
ALONE_LOG_ODDS = 1.0  # two people who change places are a clearer mistake than one found again
LARGEST_LOG_ODDS = 50.0  # above it a choice is no surer
ODDS_SHARE = 0.5  # factor on the odds of a pair, which count its track and its detection


class Alternative(NamedTuple):
    """A change of the best assignment: loss, the log-odds that it costs; dropped [.], taken [.]:
    the candidate pairs that are no longer matched, and those in their place."""

    loss: float
    dropped: Indices
    taken: Indices


def alternatives(
    given: Candidates, odds: Floats, chosen: Indices, match_odds: float
) -> list[Alternative]:
    """The best few changes of the assignment ``chosen`` [.]: two tracks that change places, a free
    track that takes a detection over, or a track that takes a free detection. odds [K]: log-odds of
    the candidates, of which those below match_odds are never matched."""
    able = odds >= match_odds
    able[chosen] = False
    (pair,) = able.nonzero()
    if not len(pair):
        return []
    owner, own, back, loss = _changes(given, odds, chosen, pair)
    swap = back >= 0
    swap[swap] = able[back[swap]]
    loss[swap] -= odds[back[swap]]
    possible = swap | (owner < 0) | (own < 0)
    once = ~(swap & (back < pair))  # a swap is found from both of its pairs
    (rows,) = (possible & once & (loss < ALTERNATIVE_LOG_ODDS)).nonzero()
    rows = rows[np.argsort(loss[rows], kind="stable")[:ALTERNATIVES]]
    found = []
    for row in rows.tolist():
        dropped = np.array([each for each in (owner[row], own[row]) if each >= 0])
        taken = np.array([pair[row], back[row]] if swap[row] else [pair[row]])
        found.append(Alternative(float(loss[row]), dropped, taken))
    return found


def surety(given: Candidates, odds: Floats, chosen: Indices) -> Floats:
    """[.] how sure each of the pairs ``chosen`` is, in log-odds: those of the pair itself, or
    ALONE_LOG_ODDS more than the least that any change of the assignment without it costs, if that
    is less. odds [K]: of all candidates, low ones too."""
    sure = odds[chosen].astype(np.float32)
    other = np.ones(len(odds), bool)
    other[chosen] = False
    (pair,) = other.nonzero()
    if len(pair):
        owner, own, back, loss = _changes(given, odds, chosen, pair)
        loss = loss - np.where(back >= 0, np.maximum(odds[back], 0), 0) + ALONE_LOG_ODDS
        least = np.full(len(odds), np.inf, np.float32)
        for dropped in (owner, own):
            np.minimum.at(least, dropped[dropped >= 0], loss[dropped >= 0])
        sure = np.minimum(sure, least[chosen])
    return sure


def _changes(
    given: Candidates, odds: Floats, chosen: Indices, pair: Indices
) -> tuple[Indices, Indices, Indices, Floats]:
    """What matching each of the pairs [P] changes: owner, own [P], the chosen pairs of its
    detection and of its track, which it takes the place of, and back, the one that their other
    sides make, -1 for none; and loss, the log-odds that it costs if those stay alone."""
    tracks, detections = given.tracks, given.detections
    of_track, of_detection = np.full(given.track_count, -1), np.full(given.detection_count, -1)
    of_track[tracks[chosen]] = of_detection[detections[chosen]] = chosen
    owner, own = of_detection[detections[pair]], of_track[tracks[pair]]
    loss = np.where(owner >= 0, odds[owner], 0) + np.where(own >= 0, odds[own], 0) - odds[pair]
    back = _numbers_of_pairs(given, tracks[owner], detections[own])
    back[(owner < 0) | (own < 0)] = -1
    return owner, own, back, loss


def _numbers_of_pairs(given: Candidates, tracks: Indices, detections: Indices) -> Indices:
    """Which candidates the pairs of these tracks [K] and detections [K] are, -1 for none."""
    count = given.detection_count
    cells = given.tracks * count + given.detections
    order = cells.argsort()
    wanted = tracks * count + detections
    place = order[np.minimum(cells[order].searchsorted(wanted), len(cells) - 1)]
    return np.where(cells[place] == wanted, place, -1)


def log_likelihood(given: Candidates, odds: Floats, chosen: Indices) -> float:
    """Of an assignment: the softmax of each track and of each detection over its candidates and
    none, half of each. The softmax knows no frame in which nothing fits: a hypothesis that has gone
    astray may be sure that everybody stays alone. MATCH_LOG_LIKELIHOOD is what that costs it."""
    shares = np.minimum(ODDS_SHARE * odds.astype(np.float64), LARGEST_LOG_ODDS)
    total = shares[chosen].sum() + MATCH_LOG_LIKELIHOOD * len(chosen)
    for index in (given.tracks, given.detections):
        total -= np.log1p(np.bincount(index, np.exp(shares))).sum() / 2
    return float(total)
