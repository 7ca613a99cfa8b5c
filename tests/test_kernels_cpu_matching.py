"""The clear pairs of a matching in the C library: those of numpy, in its order."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.interface import Association, Candidates, FrameProblem, Scores
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.kernels.cpu.matching import clear_pairs

pytestmark = needs_library


@cache
def shipped():
    association = load_association(TrackerConfig())
    assert type(association) is CompiledAssociation
    return association


def problem_of(rng, tracks, detections, density):
    rows, columns = np.argwhere(rng.random((tracks, detections)) < density).T.copy()
    none = np.zeros((0, len(rows)), np.float32)
    alone = np.zeros((0, detections), np.float32)
    problem = FrameProblem(None, None, None, Candidates(rows, columns, none, alone, tracks))
    values = rng.choice([-5, -1, 0, 0.3, 2, 2, 7, 30, np.nan], len(rows))
    odds = (values + rng.choice([0, 0.01], len(rows))).astype(np.float32)
    return problem, Scores(odds, np.zeros(detections, np.float32))


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 25), st.integers(0, 25), st.sampled_from([0.05, 0.2, 0.6]),
    st.sampled_from([-2.0, 0.0, 0.3]), st.integers(0, 2**16),
)  # fmt: skip
def test_equals_numpy(tracks, detections, density, match_odds, seed):
    problem, scores = problem_of(np.random.default_rng(seed), tracks, detections, density)
    association = shipped()
    association.match_odds = match_odds
    want = Association.choose(association, problem, scores)
    np.testing.assert_array_equal(association.choose(problem, scores), want)


def test_pairs_that_do_not_fit_are_refused():
    two, odds = np.array([0, 1]), np.ones(2, np.float32)
    for arguments, said in (
        ((two, two, (1, 2), odds), "below 1 and 2 expected"),
        ((two, -two, (2, 2), odds), "below 2 and 2 expected"),
        ((two[:1], two, (2, 2), odds), r"tracks: \[2\] int64 .* got \[1\]"),
        ((two, two, (2, 2), odds.astype("f8")), r"odds: \[2\] float32 .* float64"),
    ):
        with pytest.raises(ValueError, match=said):
            clear_pairs(*arguments, 0.0, 1e-6, 2)
