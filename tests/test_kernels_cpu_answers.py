"""The answers of a hypothesis in the C library: those of numpy, in its order."""

from functools import cache

import numpy as np
import pytest

from c_library import VARIANTS, measured, measured_under_sanitizer, needs_library
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.interface import Association, Candidates, FrameProblem, Scores
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.answers import ALTERNATIVES, Answerer, Limits, ScoredPairs

DENSITIES = (0.05, 0.2, 0.6)
LOWEST = (-2.0, 0.0, 0.3)


@cache
def shipped(match_odds):
    association = load_association(TrackerConfig(match_odds=match_odds))
    assert type(association) is CompiledAssociation
    return association


def problem_of(rng, tracks, detections, density):
    rows, columns = np.argwhere(rng.random((tracks, detections)) < density).T.copy()
    none = np.zeros((0, len(rows)), np.float32)
    alone = np.zeros((0, detections), np.float32)
    found = Detections(
        np.zeros((detections, 4), np.float32),
        rng.choice([0.3, 0.7, 0.9], detections).astype(np.float32),
        np.zeros(detections, np.int64),
    )
    problem = FrameProblem(None, found, None, Candidates(rows, columns, none, alone, tracks))
    values = rng.choice([-5, -1, 0, 0.3, 2, 2, 7, 30, np.nan], len(rows))
    odds = (values + rng.choice([0, 0.01], len(rows))).astype(np.float32)
    return problem, Scores(odds, rng.choice([-3, 0, 4], detections).astype(np.float32))


class Plain(LearnedAssociation):
    """What the answers of numpy need of an association."""

    choose = Association.choose

    def __init__(self, config):
        self.config, self.match_odds = config, config.match_odds


def difference(problem, scores, several, compared, match_odds):
    """What differs from numpy; None where nothing does."""
    ours = shipped(match_odds).answers(problem, scores, several, compared)
    theirs = Plain(TrackerConfig(match_odds=match_odds)).answers(problem, scores, several, compared)
    if len(ours) != len(theirs):
        return "number"
    for own, other in zip(ours, theirs, strict=True):
        if not np.isclose(own.likelihood, other.likelihood, 1e-9, 1e-9, equal_nan=True):
            return "likelihood"
        for part in ("chosen", "born"):
            if not np.array_equal(getattr(own.decision, part), getattr(other.decision, part)):
                return part
    return None


def measurements():
    """For c_library.measured."""
    rng, different, near = np.random.default_rng(3), [], 0
    for _ in range(300):
        sizes = rng.integers(0, 25, 2).tolist()
        problem, scores = problem_of(rng, *sizes, rng.choice(DENSITIES))
        several, compared = (rng.random(2) < 0.7).tolist()
        match_odds = float(rng.choice(LOWEST))
        near += len(shipped(match_odds).answers(problem, scores, True, True)) > 1
        if what := difference(problem, scores, several, compared, match_odds):
            different.append(what)
    return {"different": different, "with alternatives": near > 100}


@needs_library
@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_numpy(variant):
    assert measured(variant)[__name__] == {"different": [], "with alternatives": True}


@needs_library
def test_touches_no_memory_out_of_bounds():
    assert measured_under_sanitizer()[__name__]["different"] == []


def limits():
    return Limits(0.0, 1e-6, 0.5, 0.0, 4.0, 2, 0.5, 50.0, 2.0)


@needs_library
def test_pairs_that_do_not_fit_are_refused():
    two, odds = np.array([0, 1]), np.ones(2, np.float32)
    given = ScoredPairs(two, two, (2, 2), odds, odds, odds)
    for changes, said in (
        ({"counts": (1, 2)}, "below 1, and then detections, below 2, expected"),
        ({"detections": -two}, "below 2, and then detections, below 2, expected"),
        ({"tracks": two[::-1].copy()}, "in the order of their tracks"),
        ({"tracks": np.zeros(2, int), "detections": np.zeros(2, int)}, "in the order of their tra"),
        ({"tracks": two[:1]}, r"tracks: \[2\] int64 .* got \[1\]"),
        ({"odds": odds.astype("f8")}, r"odds: \[2\] float32 .* float64"),
        ({"people": odds[:1]}, r"people: \[2\] float32 .* got \[1\]"),
        ({"scores": odds[:1]}, r"scores: \[2\] float32 .* got \[1\]"),
    ):
        with pytest.raises(ValueError, match=said):
            Answerer(limits())(given._replace(**changes), True, True, lambda left, worth: left)


@needs_library
def test_a_solution_of_pairs_that_are_none_is_refused():
    tracks, detections = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    odds = np.full(4, 3, np.float32)
    given = ScoredPairs(tracks, detections, (2, 2), odds, odds[:2], odds[:2])
    for wrong in (np.array([0, 4]), np.array([-1]), np.arange(4 + ALTERNATIVES + 1)):
        with pytest.raises(ValueError, match="pairs that are left expected"):
            Answerer(limits())(given, True, True, lambda left, worth, wrong=wrong: wrong)
