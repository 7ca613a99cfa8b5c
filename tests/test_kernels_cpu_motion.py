"""The causal predictor and what a table observes, in the C library: numpy's numbers to the bit."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.motion.causal_predictor import GAP, CausalPredictor
from mambatrack.motion.compiled_predictor import CompiledCausalPredictor
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.units import INPUT_LIMIT
from mambatrack.track_table import TrackTable
from test_kernels_cpu_problems import detections_of


def both(horizon=6, back=0, d_model=8):
    """The predictor in numpy and in C, on one network in C."""
    torch.manual_seed(0)
    model = CausalMotionPredictor(d_model, 2, 4, back)
    state = {name: each.detach().numpy() for name, each in model.state_dict().items()}
    network = CausalNetwork(state, INPUT_LIMIT, back)
    spread = np.random.default_rng(0).uniform(0.1, 1, (horizon, 4))
    return CausalPredictor(network, spread), CompiledCausalPredictor(network, spread)


def differing(plain, compiled, tracks, frames, seed):
    """What numpy has otherwise along frames in which some tracks are seen and others are lost."""
    rng = np.random.default_rng(seed)
    boxes = (rng.uniform(5, 900, (tracks, 4)) + [0, 0, 3, 9]).astype(np.float32)
    ours, theirs = compiled.start(boxes), plain.start(boxes)
    different = []
    for frame in range(frames):
        moved, wanted = compiled.predict(ours), plain.predict(theirs)
        pairs = {"boxes": (moved[0], wanted[0]), "spread": (moved[1], wanted[1])}
        (rows,) = (rng.random(tracks) < rng.choice([0.0, 0.2, 0.9])).nonzero()
        rng.shuffle(rows)
        boxes += rng.normal(0, 3, boxes.shape).astype(np.float32)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 0.5)
        for predictor, state in ((compiled, ours), (plain, theirs)):
            predictor.correct(state, rows, boxes[rows])
        pairs["state"] = ours, theirs
        different += [(frame, name) for name, each in pairs.items() if not np.array_equal(*each)]
    return different


def observed(compiled, seed, count=40):
    """The columns of a table that was started, predicted and seen in part, three times."""
    rng = np.random.default_rng(seed)
    table = TrackTable(3, 2)
    table._compiled = compiled
    found = detections_of(rng, count)
    table.start(xyxy_to_cxcywh(found.boxes), np.zeros((count, 3)), found, np.arange(count))
    for span in (1, 3, 1):
        moved = table["boxes"] + rng.normal(0, 1, (count, 4)).astype(np.float32)
        table.predict(np.maximum(moved, 1), np.ones((count, 4), np.float32), span)
        found = detections_of(rng, count)
        rows, seen = rng.permutation(count)[: count // 2], rng.permutation(count)[: count // 2]
        table.observe(rows, xyxy_to_cxcywh(found.boxes)[seen], found, seen)
    return table.columns()


def measurements():
    """For test_kernels_cpu_variants.py."""
    different = []
    for back in (0, 3):
        for tracks in (0, 1, 7, 70):
            different += differing(*both(back=back), tracks, 12, tracks)
    ours, theirs = observed(True, 0), observed(False, 0)
    different += [name for name in ours if not np.array_equal(ours[name], theirs[name])]
    return {"different": different}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == {"different": []}


@needs_library
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.integers(1, 12), st.sampled_from([0, 3]), st.integers(0, 2**16))
def test_equals_numpy(tracks, horizon, back, seed):
    assert differing(*both(horizon, back), tracks, 16, seed) == []


@needs_library
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16))
def test_what_was_observed_equals_numpy(seed):
    ours, theirs = observed(True, seed), observed(False, seed)
    for name, column in ours.items():
        np.testing.assert_array_equal(column, theirs[name], err_msg=name)


@needs_library
def test_numbers_that_are_none_become_the_least():
    plain, compiled = both()
    states = [each.start(np.full((3, 4), 20, np.float32)) for each in (plain, compiled)]
    for state in states:
        state[1, 17:] = np.nan
        state[2, 17:] = np.inf
    (want, spread), (got, ours) = plain.predict(states[0]), compiled.predict(states[1])
    assert np.isfinite(got).all() and np.isfinite(ours).all()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(ours, spread)


@needs_library
def test_a_gap_that_cannot_be_reads_nothing_else():
    _, compiled = both()
    state = compiled.start(np.full((4, 4), 20, np.float32))
    state[:, GAP] = [-7, np.nan, 1e30, 0.5]
    boxes, spread = compiled.predict(state)
    assert np.isfinite(boxes).all() and spread.shape == (4, 4)


@needs_library
def test_what_does_not_fit_is_refused_and_changes_nothing():
    _, compiled = both()
    state = compiled.start(np.full((3, 4), 20, np.float32))
    before, box = state.copy(), np.full((1, 4), 30, np.float32)
    for rows, boxes, said in (
        (np.array([3]), box, "rows: from 0 to 2 expected, got 3"),
        (np.array([-1]), box, "rows: from 0 to 2 expected, got -1"),
        (np.array([0.0]), box, r"rows: \[1\] int64 .* float64"),
        (np.array([0, 1]), box, r"boxes: \[2, 4\] float32 .* got \[1, 4\]"),
    ):
        with pytest.raises(ValueError, match=said):
            compiled.correct(state, rows, boxes)
    np.testing.assert_array_equal(state, before)
    with pytest.raises(ValueError, match="state: .* without gaps expected"):
        compiled.predict(state[:, 1:].copy())


@needs_library
def test_a_part_of_a_larger_array_is_a_state_too():
    plain, compiled = both()
    state = compiled.start(np.full((3, 4), 20, np.float32))
    ours, theirs = np.concatenate([state, state], axis=1)[:, : state.shape[1]], state.copy()
    for predictor, each in ((compiled, ours), (plain, theirs)):
        predictor.predict(each)
        predictor.correct(each, np.array([1]), np.full((1, 4), 22.0))
    np.testing.assert_array_equal(ours, theirs)


@needs_library
def test_rows_that_the_table_has_not_are_refused():
    table = TrackTable(3, 2)
    found = detections_of(np.random.default_rng(0), 2)
    boxes = xyxy_to_cxcywh(found.boxes)
    table.start(boxes, np.zeros((2, 3)), found, np.arange(2))
    for row in (2, -1):
        with pytest.raises(ValueError, match=f"rows: from 0 to 1 expected, got {row}"):
            table.observe(np.array([row]), boxes[:1], found, np.array([0]))


@needs_library
def test_predictor_and_table_come_back_from_a_pickle_and_a_copy():
    _, compiled = both()
    table = TrackTable(compiled.state_size, 2)
    found = detections_of(np.random.default_rng(0), 5)
    boxes = xyxy_to_cxcywh(found.boxes)
    table.start(boxes, compiled.start(boxes), found, np.arange(5))
    for way in (copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
        predictor, other = way(compiled), way(table)
        other.predict(*predictor.predict(other["motion"]))
        other.observe(np.arange(5), boxes, found, np.arange(5))
        assert other["hits"].tolist() == [2] * 5 and table["hits"].tolist() == [1] * 5
        other.drop(np.arange(5) < 2)
        assert other["hits"].tolist() == [2] * 3
