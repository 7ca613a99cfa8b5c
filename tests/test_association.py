import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.association import assign, cascade, similarity
from mambatrack.boxes import iou

shapes = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 10_000))


def table(shape):
    tracks, detections, seed = shape
    return np.random.default_rng(seed).random((tracks, detections))


@given(shape=shapes, gate=st.floats(0, 1))
def test_assignment_is_one_to_one_and_complete(shape, gate):
    values = table(shape)
    pairs, tracks, detections = assign(values, values >= gate)
    assert pairs.shape == (len(pairs), 2)
    assert sorted([*pairs[:, 0], *tracks]) == list(range(values.shape[0]))
    assert sorted([*pairs[:, 1], *detections]) == list(range(values.shape[1]))
    assert all(values[i, j] >= gate for i, j in pairs)


@settings(max_examples=40, deadline=None)
@given(shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000)))
def test_assignment_is_the_best_there_is(shape):
    values = table(shape)
    allowed = values >= 0.3
    worth = np.where(allowed, values, 0)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    best = max(
        sum(worth[i, j] for i, j in enumerate(order))
        for order in itertools.permutations(range(worth.shape[1]), worth.shape[0])
    )
    pairs = assign(values, allowed).pairs
    assert values[pairs[:, 0], pairs[:, 1]].sum() == pytest.approx(best)


def test_a_similarity_on_the_gate_is_matched():
    values = np.array([[0.3]])
    assert len(assign(values, values >= 0.3).pairs) == 1
    assert len(assign(values, values >= 0.3000001).pairs) == 0


def test_cascade_gives_the_first_pass_precedence():
    values = np.array([[0.6, 0.0], [0.9, 0.5]])
    everyone, allowed = np.ones(2, bool), np.ones((2, 2), bool)
    first = np.array([True, False])
    assert cascade(values, [(everyone, allowed)]).pairs.tolist() == [[0, 0], [1, 1]]
    values[1, 1] = 0.1
    in_turn = cascade(values, [(first, values >= 0.3), (everyone, values >= 0.3)])
    assert in_turn.pairs.tolist() == [[0, 0]]
    assert in_turn.unmatched_tracks.tolist() == [1]
    assert in_turn.unmatched_detections.tolist() == [1]


def test_height_power_prefers_the_box_of_equal_height():
    track = np.array([[0, 0, 10, 20.0]])
    found = np.array([[2, 0, 12, 20.0], [0, 4, 10, 20.0]])
    plain = similarity(track, found)
    np.testing.assert_allclose(plain, iou(track, found))
    assert plain[0, 1] > plain[0, 0]
    strict = similarity(track, found, height_power=2.0)
    np.testing.assert_allclose(strict[0], [plain[0, 0], plain[0, 1] * 0.8**2])
