"""The window predictor in the C library: numpy's numbers to the bit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.kernels.cpu.network import WindowNetwork
from mambatrack.motion.compiled_predictor import CompiledWindowPredictor
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.networks.units import INPUT_LIMIT
from mambatrack.networks.window import MotionPredictor
from test_kernels_cpu_motion import differing
from test_kernels_cpu_network import numpy_state
from test_kernels_cpu_settling import differing as differing_tables


def both(horizon=6, q=4, unit="box", straighten=False, seen_window=3):
    """The predictor in numpy and in C, on one network in C."""
    torch.manual_seed(0)
    network = WindowNetwork(numpy_state(MotionPredictor(8, 2, 4)), INPUT_LIMIT)
    how = q, unit, np.random.default_rng(0).uniform(0.1, 1, (horizon, 4)), (1920, 1080)
    how = *how, straighten, seen_window
    return WindowPredictor(network, *how), CompiledWindowPredictor(network, *how)


def measurements():
    """For test_kernels_cpu_variants.py."""
    different = []
    for unit, straighten in (("box", False), ("image", True)):
        for tracks in (0, 1, 7, 70):
            different += differing(*both(unit=unit, straighten=straighten), tracks, 12, tracks)
    tables, several = differing_tables((4, 5), "mamba-window", 20)
    return {"different": different + tables, "several": several > 20}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == {"different": [], "several": True}


@needs_library
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 30), st.integers(1, 12), st.integers(1, 12), st.sampled_from(["box", "image"]),
    st.booleans(), st.integers(1, 12), st.integers(0, 2**16),
)  # fmt: skip
def test_equals_numpy(tracks, horizon, q, unit, straighten, seen_window, seed):
    pair = both(horizon, q, unit, straighten, seen_window)
    assert differing(*pair, tracks, 16, seed) == []


@needs_library
def test_offsets_follow_the_size_of_the_picture():
    plain, compiled = both(unit="image")
    state = compiled.start(np.full((3, 4), 20, np.float32))
    state[:, 0:4] = 18
    ours, theirs = state.copy(), state.copy()
    for predictor in (compiled, plain):
        predictor.image_size = (640, 360)
    np.testing.assert_array_equal(compiled.predict(ours)[0], plain.predict(theirs)[0])


@needs_library
@pytest.mark.parametrize("held", [0, 6, np.nan])
def test_a_window_that_cannot_be_is_refused_and_nothing_changes(held):
    _, compiled = both()
    state = compiled.start(np.full((3, 4), 20, np.float32))
    state[1, -2] = held
    before = state.copy()
    with pytest.raises(ValueError, match="boxes in the window: from 1 to 5 expected"):
        compiled.predict(state)
    np.testing.assert_array_equal(state, before)


@needs_library
def test_a_gap_that_cannot_be_reads_nothing_else():
    _, compiled = both(straighten=True)
    state = compiled.start(np.full((4, 4), 20, np.float32))
    state[:, -1] = [-1e30, 1e30, np.inf, np.nan]
    for predictor in (compiled, copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        boxes, _ = predictor.predict(state.copy())
        np.testing.assert_array_equal(boxes[:, :2], np.full((4, 2), 20))
        again = state.copy()
        predictor.correct(again, np.arange(4), np.full((4, 4), 21, np.float32))
        assert (again[:, -1] == 0).all() and (again[:, 16:20] == 21).all()


@needs_library
def test_a_part_of_a_larger_array_is_a_state_too():
    plain, compiled = both()
    state = compiled.start(np.full((3, 4), 20, np.float32))
    ours, theirs = np.concatenate([state, state], axis=1)[:, : state.shape[1]], state.copy()
    for predictor, each in ((compiled, ours), (plain, theirs)):
        predictor.predict(each)
        predictor.correct(each, np.array([1]), np.full((1, 4), 22, np.float32))
    np.testing.assert_array_equal(ours, theirs)


@needs_library
def test_the_shipped_predictor_is_the_compiled_one_and_its_states_are_those_of_the_plain_one():
    assert isinstance(load_predictor("mamba-window"), CompiledWindowPredictor)
    assert CompiledWindowPredictor.state_layout == "WindowPredictor/WindowNetwork"
