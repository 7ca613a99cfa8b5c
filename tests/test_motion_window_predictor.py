import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.forecast import forecast
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.window_predictor import WindowPredictor, straighten_history
from mambatrack.networks.window import MotionPredictor, next_boxes
from mambatrack.networks.window_step import TorchNetwork


def boxes_of(rng, count):
    return np.concatenate(
        [rng.uniform(0, 1000, (count, 2)), rng.uniform(5, 200, (count, 2))], axis=1
    ).astype(np.float32)


def mamba(straighten=False, q=10, seen_window=0):
    torch.manual_seed(0)
    spread = [[0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.3, 0.3]]
    network = TorchNetwork(MotionPredictor(16, 2, 4))
    return WindowPredictor(
        network, q, "box", spread, straighten=straighten, seen_window=seen_window
    )


FIRST = np.array([0])


def test_mamba_state_is_the_window_it_feeds_to_the_network():
    predictor = mamba()
    rng = np.random.default_rng(3)
    seen = boxes_of(rng, 14)
    state = predictor.start(seen[:1])
    for box in seen[1:]:
        predictor.predict(state)
        predictor.correct(state, FIRST, box[None])
    ahead, spread = predictor.predict(state)
    window = torch.from_numpy(seen[None, -11:])
    with torch.inference_mode():
        want = next_boxes(predictor.network.model, window, torch.tensor([11]), "box").numpy()
    np.testing.assert_allclose(ahead, want, rtol=1e-5)
    np.testing.assert_allclose(spread[0], [0.1, 0.1, 0.2, 0.2] * np.tile(want[0, 2:], 2))
    np.testing.assert_allclose(state[0, :-2].reshape(11, 4)[:-1], seen[-10:])
    np.testing.assert_allclose(state[0, :-2].reshape(11, 4)[-1], want[0], rtol=1e-6)


@pytest.mark.parametrize("frames", [3, 14])
def test_a_track_that_was_just_seen_is_read_from_fewer_boxes_and_one_in_a_gap_from_all(frames):
    seen, brief = boxes_of(np.random.default_rng(3), frames), mamba(q=4)
    quick = mamba(seen_window=4)
    states = [each.start(seen[:1]) for each in (quick, brief)]
    for box in seen[1:]:
        for predictor, state in zip((quick, brief), states, strict=True):
            predictor.predict(state)
            predictor.correct(state, FIRST, box[None])
    ours, theirs = (p.predict(s)[0] for p, s in zip((quick, brief), states, strict=True))
    np.testing.assert_array_equal(ours, theirs)
    whole = mamba()
    np.testing.assert_array_equal(quick.predict(states[0].copy())[0], whole.predict(states[0])[0])


def test_spread_grows_in_a_gap_and_starts_over_when_seen():
    predictor = mamba()
    state = predictor.start(np.array([[50, 50, 20, 40]], np.float32))
    widths = []
    for _ in range(6):
        box, spread = predictor.predict(state)
        widths.append(float(spread[0, 0] / box[0, 2]))
    assert widths[:2] == pytest.approx([0.1, 0.2]) and widths == sorted(widths)
    assert widths[5] == pytest.approx(0.2 * np.sqrt(3))
    predictor.correct(state, FIRST, np.array([[50, 50, 20, 40]], np.float32))
    box, spread = predictor.predict(state)
    assert spread[0, 0] / box[0, 2] == pytest.approx(0.1)


def test_a_new_track_stands_still():
    box = np.array([[50, 50, 20, 40]], np.float32)
    ahead, _ = mamba().predict(mamba().start(box))
    np.testing.assert_array_equal(ahead, box)


def test_forecast_is_repeated_prediction():
    predictor = KalmanPredictor()
    state = predictor.start(boxes_of(np.random.default_rng(4), 3))
    boxes, spread = forecast(predictor, state, 5)
    assert boxes.shape == spread.shape == (3, 5, 4)
    for step in range(5):
        box, _ = predictor.predict(state)
        np.testing.assert_array_equal(boxes[:, step], box)


@given(gap=st.integers(0, 15))
def test_straightening_draws_a_line_and_keeps_what_was_observed(gap):
    window = np.random.default_rng(5).normal(size=(1, 11, 4)).astype(np.float32)
    filled = straighten_history(window, np.array([gap]))
    before = max(9 - gap, 0)
    np.testing.assert_array_equal(filled[0, : before + 1], window[0, : before + 1])
    np.testing.assert_allclose(filled[0, -1], window[0, -1], rtol=1e-6)
    line = np.diff(filled[0, before:], axis=0)
    np.testing.assert_allclose(line, np.broadcast_to(line[:1], line.shape), atol=1e-5)


def test_a_straight_line_replaces_the_prediction_when_a_track_is_found_again():
    predictor = mamba(straighten=True)
    first = np.array([[0, 0, 10, 20]], np.float32)
    state = predictor.start(first)
    for _ in range(4):
        predictor.predict(state)
    predictor.correct(state, FIRST, first + np.float32([[40, 0, 0, 0]]))
    window = state[0, :-2].reshape(11, 4)
    np.testing.assert_allclose(window[-5:, 0], [0, 10, 20, 30, 40], atol=1e-5)


def test_prediction_leaves_the_callers_threads_alone():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        predictor = load_predictor()
        predictor.predict(predictor.start(np.array([[50, 50, 20, 40]], np.float32)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
