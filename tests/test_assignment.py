"""The best pairs of a table: each row and column once, above a gate."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.assignment import among, assign
from mambatrack.association.pairs import best, candidates, cascade
from test_association_pairs import crowd, pairs_of

shapes = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 10_000))


def table(shape):
    tracks, detections, seed = shape
    return np.random.default_rng(seed).random((tracks, detections))


def best_sum(values):
    """The largest total of a one-to-one matching, by trying all."""
    values = values if len(values) <= values.shape[1] else values.T
    orders = itertools.permutations(range(values.shape[1]), len(values))
    return max(sum(values[i, j] for i, j in enumerate(order)) for order in orders)


@given(shape=shapes, gate=st.floats(0, 1))
def test_assignment_of_a_table_is_one_to_one_and_complete(shape, gate):
    values = table(shape)
    pairs, tracks, detections = assign(values, values >= gate)
    assert pairs.shape == (len(pairs), 2)
    assert sorted([*pairs[:, 0], *tracks]) == list(range(values.shape[0]))
    assert sorted([*pairs[:, 1], *detections]) == list(range(values.shape[1]))
    assert all(values[i, j] >= gate for i, j in pairs)


@given(shape=shapes, gate=st.floats(0, 1))
def test_assignment_is_one_to_one_and_above_the_gate(shape, gate):
    pairs = pairs_of(table(shape), gate)
    chosen = pairs.select(best(pairs))
    assert len(set(chosen.tracks.tolist())) == len(set(chosen.detections.tolist()))
    assert len(set(chosen.tracks.tolist())) == len(chosen.tracks)
    assert (chosen.similarities >= gate).all()


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(0, 10_000)),
    steps=st.sampled_from([3, 10, 1000]),
)
def test_assignment_is_the_best_there_is(shape, steps):
    values = np.round(table(shape) * steps) / steps
    values[values < 0.3] = 0
    pairs = pairs_of(values)
    assert pairs.similarities[best(pairs)].sum() == pytest.approx(best_sum(values))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), gate=st.sampled_from([0.01, 0.15, 0.3]))
def test_assignment_equals_that_of_the_whole_table(seed, gate):
    values = np.zeros((40, 30))
    pairs = candidates(crowd(seed), crowd(seed + 1, 30), 2.0)
    values[pairs.tracks, pairs.detections] = pairs.similarities
    values[values < gate] = 0
    pairs = pairs_of(values)
    whole = assign(values, values > 0).pairs
    assert pairs.similarities[best(pairs)].sum() == pytest.approx(values[tuple(whole.T)].sum())


def test_no_pairs_no_matches():
    nobody = candidates(np.zeros((0, 4), np.float32), crowd(0))
    assert len(best(nobody)) == 0 and len(cascade(nobody, [np.zeros(0, bool)] * 2)) == 0
    assert len(candidates(crowd(0), np.zeros((0, 4), np.float32)).tracks) == 0


@given(st.lists(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_ids_are_looked_for_among_those_known(ids, known):
    ids, known = np.array(ids, np.int64), np.array(sorted(known), np.int64)
    assert among(ids, known).tolist() == np.isin(ids, known).tolist()
