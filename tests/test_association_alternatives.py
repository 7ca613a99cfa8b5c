"""Which assignments are tried, and how they are weighed."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.association.alternatives import (
    ALTERNATIVE_LOG_ODDS,
    ALTERNATIVES,
    MATCH_LOG_LIKELIHOOD,
    ODDS_SHARE,
    alternatives,
    log_likelihood,
)
from mambatrack.association.features import ALONE, NAMES
from mambatrack.association.interface import Candidates, FrameProblem, Scores
from mambatrack.detections import as_detections
from mambatrack.track_table import TrackTable
from test_tracking_hypotheses import association_of


def candidates(odds):
    """All pairs of a table of odds [N, M], but those that are NaN."""
    tracks, detections = np.nonzero(~np.isnan(odds))
    return Candidates(
        tracks, detections, np.zeros((len(NAMES), len(tracks)), np.float32),
        np.zeros((len(ALONE), odds.shape[1]), np.float32), len(odds),
    )  # fmt: skip


def assignments(odds):
    """All one-to-one sets of pairs (track, detection) with odds of 0 or more."""
    pairs = [tuple(each) for each in np.argwhere(odds >= 0).tolist()]
    for count in range(len(pairs) + 1):
        for some in combinations(pairs, count):
            if len({t for t, _ in some}) == len({d for _, d in some}) == count:
                yield frozenset(some)


tables_of_odds = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 10**6)).map(
    lambda given: np.random.default_rng(given[2]).uniform(-3, 6, given[:2]).astype(np.float32)
)


@settings(max_examples=60, deadline=None)
@given(tables_of_odds, st.floats(0, 0.5))
def test_alternatives_are_the_best_ones_that_change_two_tracks_at_most(odds, holes):
    odds[np.random.default_rng(0).random(odds.shape) < holes] = np.nan
    pairs = candidates(odds)
    of_pairs = odds[pairs.tracks, pairs.detections]
    found = as_detections([[10 * i, 0, 10 * i + 5, 9, 0.9] for i in range(odds.shape[1])])
    problem = FrameProblem(TrackTable(0), found, found.boxes, pairs)
    chosen = association_of([odds]).choose(problem, Scores(of_pairs, np.zeros(odds.shape[1])))
    names = list(zip(pairs.tracks.tolist(), pairs.detections.tolist(), strict=True))
    best = frozenset(names[k] for k in chosen)
    got = {}
    for loss, dropped, taken in alternatives(pairs, of_pairs, chosen, 0.0):
        other = frozenset(best - {names[k] for k in dropped} | {names[k] for k in taken})
        assert len({t for t, _ in other}) == len({d for _, d in other}) == len(other)
        got[other] = loss
    value = lambda some: sum(float(odds[pair]) for pair in some)  # noqa: E731
    expected = {}
    for other in assignments(np.nan_to_num(odds, nan=-9)):
        new, old = other - best, best - other
        touched = {t for t, _ in new} | {t for t, _ in old}
        detections = {d for _, d in new} | {d for _, d in old}
        swap = len(new) == len(old) == 2 and len(touched) == len(detections) == 2
        moved = len(new) == len(old) == 1 and (len(touched) == 1 or len(detections) == 1)
        if (swap or moved) and value(best) - value(other) < ALTERNATIVE_LOG_ODDS:
            expected[other] = value(best) - value(other)
    nearest = sorted(expected.values())[:ALTERNATIVES]
    np.testing.assert_allclose(sorted(got.values()), nearest, atol=1e-4)
    assert set(got) <= set(expected)


def test_likelihood_is_that_of_the_choices_of_tracks_and_of_detections():
    odds = np.array([[3.0, 1.0], [0.5, 2.0]], np.float32)
    pairs = candidates(odds)
    got = log_likelihood(pairs, odds.ravel(), np.array([0, 3]))
    halves = ODDS_SHARE * odds.astype(float)
    with_none = [
        np.log(np.exp(halves[0, 0]) / (1 + np.exp(halves[0]).sum())),
        np.log(np.exp(halves[1, 1]) / (1 + np.exp(halves[1]).sum())),
        np.log(np.exp(halves[0, 0]) / (1 + np.exp(halves[:, 0]).sum())),
        np.log(np.exp(halves[1, 1]) / (1 + np.exp(halves[:, 1]).sum())),
    ]
    assert got == pytest.approx(sum(with_none) / 2 + 2 * MATCH_LOG_LIKELIHOOD)
