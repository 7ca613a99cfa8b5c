"""Weights in 8 bits: near those that they were made of, and refused where they are damaged."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import save_file

from full_weights import card_of, full_weights, write_full
from mambatrack import MambatrackError
from mambatrack.motion.loading import load_predictor
from mambatrack.networks.eight_bits import STEPS, in_eight_bits, restored, shortest_steps
from mambatrack.networks.weight_files import read_weights

NUMBERS = st.floats(-1e6, 1e6, width=32)
SHAPES = array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
ARRAYS = SHAPES.flatmap(lambda shape: arrays(np.float32, shape, elements=NUMBERS))
SHIPPED = ("causal", "window", "association", "refill", "detector", "embedder")


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c.conv", "d.weight"]), ARRAYS, max_size=4))
def test_every_weight_is_within_half_a_step_of_its_channel(weights):
    found = restored(in_eight_bits(weights))
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        assert found[name].dtype == np.float32
        if array.ndim >= 2:
            taps = name.endswith(".conv")
            channels = tuple(range(array.ndim - 1) if taps else range(1, array.ndim))
            allowed = np.abs(array).max(axis=channels, keepdims=True) / 127 * 0.502 + 6e-8
        else:
            allowed = np.abs(array) * 2**-10 + 1e-7
        assert (np.abs(found[name] - array) <= allowed).all()


@settings(max_examples=60, deadline=None)
@given(ARRAYS)
def test_what_was_in_eight_bits_stays_as_it_is(array):
    once = restored(in_eight_bits({"a": array}))
    again = restored(in_eight_bits(once))
    np.testing.assert_allclose(again["a"], once["a"], rtol=2e-3, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(ARRAYS, st.integers(1, 100))
def test_weights_on_steps_that_are_chosen_stay_there(array, times):
    steps = {}
    if array.ndim > 1:
        longer = shortest_steps(array).astype(np.float32) * times
        assume(longer.max() < 6e4)
        steps = {"a": longer.astype(np.float16)}
    once = restored(in_eight_bits({"a": array}, steps))
    again = in_eight_bits(once, steps)
    if steps:
        np.testing.assert_array_equal(again[STEPS], steps["a"])
    np.testing.assert_array_equal(restored(again)["a"], once["a"])


def held(path):
    """Bytes of a safetensors file but for the names, which are much of a small one."""
    with path.open("rb") as file:
        return path.stat().st_size - 8 - int.from_bytes(file.read(8), "little")


@pytest.mark.parametrize("kind", SHIPPED)
def test_a_file_is_three_tenths_of_before_and_holds_the_same_names(tmp_path, kind):
    path, small = write_full(tmp_path / "full.safetensors", kind), tmp_path / "small.safetensors"
    weights = read_weights(path)
    save_file(in_eight_bits(weights), small)
    assert held(small) <= 0.31 * held(path)
    found = read_weights(small)
    assert {n: a.shape for n, a in found.items()} == {n: a.shape for n, a in weights.items()}
    assert all(array.dtype == np.float32 and array.flags.writeable for array in found.values())
    worst = max(np.abs(found[name] - weights[name]).max() for name in weights)
    assert 0 < worst < 0.02 * max(np.abs(each).max() for each in weights.values())


DAMAGE = {
    "a step that is missing": (lambda s: s | {STEPS: s[STEPS][1:]}, r"steps: \[\d+\] expected"),
    "steps of another shape": (lambda s: s | {STEPS: s[STEPS][None]}, r"steps: \[\d+\] expected"),
    "a step that is no number": (lambda s: s | {STEPS: s[STEPS] * np.nan}, "steps: finite numbers"),
    "an infinite step": (lambda s: s | {STEPS: s[STEPS] / 0}, "steps: finite numbers"),
    "no steps": (lambda s: {n: a for n, a in s.items() if n != STEPS}, "type F32 expected, got"),
    "a vector of bytes": (
        lambda s: s | {"blocks.0.mamba.D": np.ones(64, np.int8)},
        "D: a matrix expected in 8 bits",
    ),
    "another type": (
        lambda s: s | {"head.2.bias": np.ones(8)}, "F32 or F16 or I8 expected, got F64",
    ),
    "steps in 8 bits": (lambda s: s | {STEPS: s[STEPS].astype(np.int8)}, "steps: a matrix"),
    "a decay beyond all": (
        lambda s: s | {STEPS: np.full_like(s[STEPS], 1000)}, "finite numbers of at most 50 ",
    ),
    "a missing matrix": (lambda s: {n: a for n, a in s.items() if n != "embed.weight"}, "steps: "),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_damaged_files_are_refused_by_name(tmp_path, case):
    change, said = DAMAGE[case]
    path = tmp_path / "small.safetensors"
    save_file(change(in_eight_bits(full_weights("causal"))), path)
    path.with_suffix(".json").write_text(json.dumps(card_of("causal")))
    with pytest.raises(MambatrackError, match=said) as caught:
        load_predictor(path)
    assert str(path) in str(caught.value)


def test_a_card_that_says_otherwise_changes_nothing(tmp_path):
    """The file itself tells how it is stored."""
    path = tmp_path / "small.safetensors"
    save_file(in_eight_bits(full_weights("causal")), path)
    path.with_suffix(".json").write_text(json.dumps(card_of("causal") | {"quantised": None}))
    assert load_predictor(path).state_size == load_predictor("mamba").state_size
