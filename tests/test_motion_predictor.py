"""What every predictor does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import MambatrackError, Tracker
from mambatrack.motion.classical import KalmanPredictor, StillPredictor, VelocityPredictor
from mambatrack.motion.predictor import spread_after
from test_motion_window_predictor import FIRST, boxes_of, mamba

PREDICTORS = [StillPredictor, VelocityPredictor, KalmanPredictor, mamba]


@pytest.mark.parametrize("make", PREDICTORS)
def test_shapes_what_changes_and_no_tracks(make):
    predictor = make()
    boxes = boxes_of(np.random.default_rng(0), 5)
    state = predictor.start(boxes)
    assert state.shape == (5, predictor.state_size) and state.dtype == np.float32
    before = boxes.copy()
    ahead, spread = predictor.predict(state)
    assert ahead.shape == spread.shape == (5, 4)
    assert not np.shares_memory(ahead, state) and not np.shares_memory(spread, state)
    moved, rows = state.copy(), np.array([3, 1])
    predictor.correct(state, rows, boxes[rows])
    np.testing.assert_array_equal(np.delete(state, rows, axis=0), np.delete(moved, rows, axis=0))
    np.testing.assert_array_equal(boxes, before)
    nothing = predictor.start(boxes[:0])
    assert nothing.shape == (0, predictor.state_size)
    assert [len(each) for each in predictor.predict(nothing)] == [0, 0]
    predictor.correct(nothing, rows[:0], boxes[:0])


@pytest.mark.parametrize("make", PREDICTORS)
def test_permuting_tracks_permutes_predictions(make):
    predictor = make()
    rng = np.random.default_rng(1)
    state = predictor.start(boxes_of(rng, 6))
    for _ in range(4):
        predictor.predict(state)
        predictor.correct(state, np.arange(6), boxes_of(rng, 6))
    order = rng.permutation(6)
    shuffled = state[order]
    straight = (*predictor.predict(state), state)
    for each, permuted in zip(straight, (*predictor.predict(shuffled), shuffled), strict=True):
        np.testing.assert_allclose(each[order], permuted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("make", PREDICTORS)
@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e6),
                  st.floats(1e-3, 1e6), st.booleans()), min_size=1, max_size=14),
)  # fmt: skip
def test_predictions_stay_finite_and_of_positive_size(make, steps):
    predictor = make()
    state = predictor.start(np.array([[0, 0, 10, 20]], np.float32))
    for *box, seen in steps:
        ahead, spread = predictor.predict(state)
        assert np.isfinite(ahead).all() and (ahead[:, 2:] > 0).all()
        assert np.isfinite(spread).all() and (spread >= 0).all()
        if seen:
            predictor.correct(state, FIRST, np.array([box], np.float32))


class OldKalman:
    """As predictors were: the state goes in, a new one comes out."""

    state_size, image_size = 20, None
    start, move = KalmanPredictor().start, KalmanPredictor().move

    def predict(self, state):
        return state[:, :4], state[:, :4], state

    def correct(self, state, boxes):
        return state


class OldPrediction(KalmanPredictor):
    def predict(self, state):
        return (*super().predict(state), state)


class Narrow(StillPredictor):
    state_size = 5


class Nothing:
    state_size, image_size = 4, None


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [
        (OldKalman(), r"has correct\(state, boxes\); expected correct\(state, rows, boxes\)"),
        (OldPrediction(), "returns 3 values; expected boxes and their spread alone, and the state"),
        (Narrow(), r"an array of shape \(0, 4\) float32; expected an array of shape \(0, 5\)"),
        (Nothing(), "Nothing has no start; derive it from mambatrack.motion.predictor.Predictor"),
    ],
)
def test_a_predictor_of_another_protocol_is_refused(predictor, reason):
    with pytest.raises(MambatrackError, match=reason):
        Tracker(predictor=predictor)


def test_spread_is_measured_and_grows_with_the_square_root_beyond():
    measured = np.array([[0.1, 0.2, 0.3, 0.4], [0.2, 0.3, 0.4, 0.5]], np.float32)
    boxes = np.array([[0, 0, 10, 100]] * 3, np.float32)
    spread = spread_after(measured, np.array([1, 2, 8]), boxes)
    np.testing.assert_allclose(spread[0], [1, 20, 3, 40], rtol=1e-6)
    np.testing.assert_allclose(spread[1], [2, 30, 4, 50], rtol=1e-6)
    np.testing.assert_allclose(spread[2], 2 * spread[1], rtol=1e-6)
