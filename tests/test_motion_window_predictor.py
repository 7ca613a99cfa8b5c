import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from mambatrack.errors import MambatrackError
from mambatrack.motion.classical import KalmanPredictor, StillPredictor, VelocityPredictor
from mambatrack.motion.forecast import forecast
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.window_predictor import WindowPredictor, straighten_history
from mambatrack.networks.window import MotionPredictor, next_boxes
from mambatrack.networks.window_step import TorchNetwork


def boxes_of(rng, count):
    return np.concatenate(
        [rng.uniform(0, 1000, (count, 2)), rng.uniform(5, 200, (count, 2))], axis=1
    ).astype(np.float32)


def mamba(straighten=False):
    torch.manual_seed(0)
    spread = [[0.1, 0.1, 0.2, 0.2], [0.2, 0.2, 0.3, 0.3]]
    network = TorchNetwork(MotionPredictor(16, 2, 4))
    return WindowPredictor(network, 10, "box", spread, straighten=straighten)


PREDICTORS = [StillPredictor, VelocityPredictor, KalmanPredictor, mamba]
FIRST = np.array([0])


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


class FullKalman:
    """The same filter with 8 x 8 matrices, as the literature writes it."""

    def __init__(self, box):
        self.mean = np.concatenate([box, np.zeros(4)])
        size = np.tile(box[2:], 2)
        self.cov = np.diag(np.concatenate([size / 10, size / 16]) ** 2)
        self.F = np.eye(8) + np.eye(8, k=4)
        self.H = np.eye(4, 8)

    def predict(self):
        size = np.tile(self.mean[2:4], 2)
        noise = np.diag(np.concatenate([size / 20, size / 160]) ** 2)
        self.mean = self.F @ self.mean
        self.cov = self.F @ self.cov @ self.F.T + noise

    def correct(self, box):
        noise = np.diag(np.tile(self.mean[2:4], 2) / 20) ** 2
        gain = self.cov @ self.H.T @ np.linalg.inv(self.H @ self.cov @ self.H.T + noise)
        self.mean = self.mean + gain @ (box - self.H @ self.mean)
        self.cov = self.cov - gain @ self.H @ self.cov


def test_kalman_equals_the_full_matrix_filter():
    rng = np.random.default_rng(2)
    box = np.array([100, 200, 40, 90.0])
    full, fast = FullKalman(box), KalmanPredictor()
    state = fast.start(box[None].astype(np.float32))
    for step in range(40):
        full.predict()
        ahead, spread = fast.predict(state)
        np.testing.assert_allclose(ahead[0], full.mean[:4], rtol=1e-4)
        np.testing.assert_allclose(spread[0], np.sqrt(np.diag(full.cov)[:4]), rtol=1e-3)
        if step % 5:
            box = box + rng.normal([3, -1, 0, 0], 2)
            full.correct(box)
            fast.correct(state, FIRST, box[None].astype(np.float32))


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


@pytest.mark.parametrize("name", ["mamba", "mamba-window"])
def test_shipped_predictors_load_and_move_with_the_track(name):
    predictor = load_predictor(name, image_size=(1920, 1080))
    state = predictor.start(np.array([[100, 500, 80, 200]], np.float32))
    for step in range(1, 15):
        predictor.predict(state)
        predictor.correct(state, FIRST, np.array([[100 + 8 * step, 500, 80, 200]], np.float32))
    ahead, _ = predictor.predict(state)
    assert 212 < ahead[0, 0] < 228 + 8


def test_unusable_files_are_named(tmp_path):
    with pytest.raises(MambatrackError, match="nothing.safetensors not found; give mamba, "):
        load_predictor(tmp_path / "nothing.safetensors")
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"no weights")
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(MambatrackError, match="do not fit together"):
        load_predictor(path)
    save_file(MotionPredictor(8, 1, 2).state_dict(), path)
    size: dict[str, object] = {"d_model": 16, "layers": 1, "d_state": 2, "window": 10}
    card = {"architecture": size, "normalisation": {"unit": "box"}, "spread": [[0.1] * 4]}
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="do not fit together"):
        load_predictor(path)
    size |= {"d_model": 8, "kind": "diagonal"}
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="unknown kind of network 'diagonal'"):
        load_predictor(path)
    del size["kind"]  # cards from before there were kinds
    path.with_suffix(".json").write_text(json.dumps(card))
    assert isinstance(load_predictor(path), WindowPredictor)


def test_image_unit_needs_the_image_size():
    with pytest.raises(MambatrackError, match="give image_size"):
        WindowPredictor(TorchNetwork(MotionPredictor(8, 1, 2)), 10, "image", [[0.1] * 4])


def test_cuda_without_a_gpu_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(MambatrackError, match="use --device cpu"):
        load_predictor("mamba", (100, 100), device="cuda")


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
