import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from mambatrack import MambatrackError, load_predictor
from mambatrack.kernels.cpu import library as cpu
from mambatrack.motion.causal_predictor import GAP, HEAD, PENDING, CausalPredictor
from mambatrack.motion.forecast import forecast
from mambatrack.networks.causal import (
    UNITS,
    CausalMotionPredictor,
    observed_tokens,
    roll_out_causal,
)
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.units import SIZED


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def predictor(d_model=16, layers=2, d_state=4, back=0, horizon=40):
    model = CausalMotionPredictor(d_model, layers, d_state, back)
    tracker = CausalPredictor(CausalStep(model), [[0.1] * 4] * horizon)
    tracker.model = model
    return tracker


def walk(frames, tracks=3, seed=0):
    """[frames, tracks, 4] boxes of people who wander and change their size a little."""
    rng = np.random.default_rng(seed)
    boxes = np.cumsum(rng.normal(0, [4, 2, 1, 1], (frames, tracks, 4)), axis=0)
    return (boxes + [300, 200, 60, 150]).clip(20).astype(np.float32)


def fed(tracker, boxes, seen):
    """State of the tracks after all frames; seen [frames] tells where they are corrected."""
    state = tracker.start(boxes[0])
    for box, there in zip(boxes[1:], seen[1:], strict=True):
        tracker.predict(state)
        if there:
            tracker.correct(state, np.arange(len(box)), box)
    return state


def test_tokens_are_offsets_per_frame_in_units_of_the_box():
    boxes = torch.tensor([[[0.0, 0, 40, 40], [9, 9, 40, 40], [6, 0, 40, 40], [8, 0, 40, 40]]])
    seen = torch.tensor([[True, False, True, True]])
    tokens, lengths, frames, scale = observed_tokens(boxes, seen)
    assert lengths.tolist() == [3] and frames[0, :3].tolist() == [0, 2, 3]
    assert scale[0].tolist() == [40 / UNITS] * 4
    assert tokens[0, :3, 0].tolist() == [0, 1.5, 1]  # 6 pixels in two frames, 2 in one
    np.testing.assert_allclose(tokens[0, :3, 4], np.log([1, 2, 1]), atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(
    seen=st.lists(st.booleans(), min_size=1, max_size=25),
    steps=st.integers(1, 5),
    back=st.sampled_from([0, 4]),
)
def test_frame_by_frame_equals_the_whole_track_at_once(seen, steps, back):
    """While the size is still forecast."""
    seen = np.array([True, *seen, True])
    boxes, tracker = walk(len(seen)), predictor(back=back)
    ahead, _ = forecast(tracker, fed(tracker, boxes, seen), steps)
    whole = torch.from_numpy(boxes).transpose(0, 1)
    with torch.inference_mode():
        expected = roll_out_causal(
            tracker.model, whole, torch.from_numpy(seen).expand(3, -1), steps
        )[0]
    np.testing.assert_allclose(ahead, expected.numpy(), atol=2e-3)


@pytest.mark.parametrize("back", [0, 4])
def test_a_track_that_is_found_again_goes_on_from_what_was_observed(back):
    boxes, tracker = walk(30), predictor(back=back)
    seen = np.ones(30, bool)
    seen[10:29] = False
    state = fed(tracker, boxes, seen)
    after = state.copy()
    tracker.predict(after)
    carried = slice(HEAD, HEAD + tracker.carried)
    unbroken = fed(tracker, boxes[:10], np.ones(10, bool))
    tracker.predict(unbroken)
    known = unbroken[:, carried]
    np.testing.assert_array_equal(state[:, carried], known)
    with torch.inference_mode():
        _, expected = tracker.model.step(
            torch.from_numpy(state[:, PENDING].copy()), torch.from_numpy(known.copy())
        )
    np.testing.assert_allclose(after[:, carried], expected.numpy(), atol=1e-6)


def test_correct_changes_the_head_of_its_rows_only():
    boxes, tracker = walk(6), predictor()
    state, rows = fed(tracker, boxes, np.ones(6, bool)), np.array([2, 0])
    tracker.predict(state)
    before = state.copy()
    tracker.correct(state, rows, boxes[0, rows])
    np.testing.assert_array_equal(state[:, HEAD:], before[:, HEAD:])
    np.testing.assert_array_equal(state[1], before[1])
    np.testing.assert_array_equal(state[rows, :4], boxes[0, rows])
    assert state[:, GAP].tolist() == [0, 1, 0] and (before[:, GAP] == 1).all()


def test_tracks_do_not_mix_and_none_is_fine():
    boxes, tracker = walk(8), predictor()
    together = fed(tracker, boxes, np.ones(8, bool))
    alone = fed(tracker, boxes[:, 1:2], np.ones(8, bool))
    np.testing.assert_allclose(together[1:2], alone, atol=1e-4)
    nobody = tracker.start(np.zeros((0, 4), np.float32))
    ahead, spread = tracker.predict(nobody)
    assert ahead.shape == spread.shape == (0, 4) and nobody.shape == (0, tracker.state_size)


def test_scale_and_place_do_not_matter():
    boxes, tracker = walk(12), predictor()
    shift = np.array([500, -90, 0, 0], np.float32)
    ahead, _ = forecast(tracker, fed(tracker, boxes, np.ones(12, bool)), 4)
    moved, _ = forecast(tracker, fed(tracker, boxes * 3 + shift, np.ones(12, bool)), 4)
    np.testing.assert_allclose(moved, ahead * 3 + shift, rtol=1e-4, atol=2e-2)


def test_outliers_and_a_thousand_frames_stay_finite():
    tracker = predictor()
    state = tracker.start(np.array([[0, 0, 1, 1e6], [10, 10, 20, 50]], np.float32))
    ahead, _ = forecast(tracker, state, 1000)
    assert np.isfinite(ahead).all() and (ahead[..., 2:] > 0).all()
    tracker.predict(state)
    tracker.correct(state, np.arange(2), np.full((2, 4), 1e6, np.float32))
    tracker.predict(state)
    assert np.isfinite(state).all()


def test_a_track_takes_less_than_64_kb():
    assert predictor(32, 2, 8).state_size * 4 < 12_000
    assert predictor(64, 3, 8, back=5).state_size * 4 < 64 * 1024


@pytest.mark.skipif(not cpu.available(), reason="the C library is not built")
def test_the_shipped_network_is_the_same_in_c_and_in_torch(monkeypatch):
    boxes = walk(25, tracks=7)
    seen = np.random.default_rng(1).random(25) < 0.7
    ours = load_predictor("mamba")
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    theirs = load_predictor("mamba")
    assert isinstance(theirs.network, CausalStep) and not isinstance(ours.network, CausalStep)
    ahead, spread = forecast(ours, fed(ours, boxes, seen), 10)
    expected, wide = forecast(theirs, fed(theirs, boxes, seen), 10)
    np.testing.assert_allclose(ahead, expected, atol=5e-3)
    np.testing.assert_allclose(spread, wide, rtol=1e-4)


@pytest.mark.skipif(not cpu.available(), reason="the C library is not built")
def test_a_network_with_look_back_is_the_same_in_c_and_in_torch(looking_back, monkeypatch):
    boxes, seen = walk(25, tracks=40), np.random.default_rng(1).random(25) < 0.7
    ours = load_predictor(looking_back)
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    theirs = load_predictor(looking_back)
    assert isinstance(theirs.network, CausalStep) and not isinstance(ours.network, CausalStep)
    ahead, expected = (forecast(each, fed(each, boxes, seen), 10)[0] for each in (ours, theirs))
    np.testing.assert_allclose(ahead, expected, atol=5e-3)


def test_weights_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "run.safetensors"
    save_file({"embed.weight": torch.zeros(3, 7)}, path)
    card = {"architecture": {"kind": "causal"}, "spread": [[0.1] * 4]}
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="run.safetensors and its model card do not fit"):
        load_predictor(path)


def test_far_ahead_the_size_is_kept_and_then_the_box_rests():
    boxes, tracker = walk(12), predictor(horizon=9)
    state = fed(tracker, boxes, np.ones(12, bool))
    ahead, spread = forecast(tracker, state, 20)
    moved = np.abs(np.diff(ahead, axis=1))
    assert (moved[:, : SIZED - 1, 2:] > 0).all() and (moved[:, SIZED - 1 :, 2:] == 0).all()
    assert (moved[:, :8, :2] > 0).all() and (moved[:, 8:] == 0).all()
    growth = spread[:, 9:] / spread[:, 8:9]
    wanted = np.sqrt(np.arange(10, 21) / 9, dtype=np.float32)
    wanted = np.broadcast_to(wanted[:, None], growth.shape[1:])
    for each in growth[:, 1:] / growth[:, :1]:  # the tenth frame asks with the ninth box
        np.testing.assert_allclose(each, wanted[1:] / wanted[0], rtol=1e-4)


def test_a_track_found_after_its_box_rested_goes_on_from_what_was_observed():
    boxes, tracker = walk(40), predictor(horizon=5)
    seen = np.ones(40, bool)
    seen[10:39] = False
    kept = slice(HEAD, HEAD + tracker.carried)
    state, before = fed(tracker, boxes, seen), fed(tracker, boxes[:11], seen[:11])
    np.testing.assert_array_equal(state[:, kept], before[:, kept])
    assert (state[:, GAP] == 0).all() and np.array_equal(state[:, :4], boxes[-1])
