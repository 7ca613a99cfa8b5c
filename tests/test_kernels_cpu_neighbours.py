"""Neighbours and rivals in the C library: what NumPy makes of the same boxes, to the bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.association.features import (
    best_other,
    neighbours,
    overlapping,
)


def in_numpy(function, *arguments):
    """What it returns where the C library is not to be used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAMBATRACK_BACKEND", "torch")
        return function(*arguments)


def crowd(count, seed=0):
    """Boxes [4, N] xyxy, most of which overlap others."""
    generator = np.random.default_rng(seed)
    low, size = generator.uniform(0, 300, (2, count)), generator.uniform(10, 90, (2, count))
    return np.concatenate([low, low + size]).astype(np.float32)


def differences():
    """Of neighbours and rivals from numpy: none, to the bit."""
    for count in (0, 1, 2, 5, 31, 64, 201):
        corners = crowd(count, count)
        rows, columns = overlapping(corners, corners)
        values = corners[0].take(columns)
        for got, want in (
            *zip(neighbours(corners), in_numpy(neighbours, corners), strict=True),
            *(
                (best_other(values, each, count), in_numpy(best_other, values, each, count))
                for each in (rows, columns)
            ),
        ):
            yield got.dtype != want.dtype or not np.array_equal(got, want)


def measurements():
    """For test_kernels_cpu_variants.py."""
    return {"different": any(differences())}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return not found["different"]


@needs_library
@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0.0, 0.25, 0.5, 0.9])), max_size=30),
    st.integers(5, 9),
)
def test_rivals_equal_numpy(pairs, count):
    index, values = np.array([i for i, _ in pairs], int), np.array([v for _, v in pairs], "f4")
    want = in_numpy(best_other, values, index, count)
    np.testing.assert_array_equal(best_other(values, index, count), want)


@needs_library
def test_boxes_and_rivals_that_do_not_fit_are_refused():
    values = np.ones(2, np.float32)
    for function, arguments, said in (
        (neighbours, (np.zeros((4, 2)),), r"\[4, N\] float32 expected, got \[4, 2\] float64"),
        (neighbours, (np.zeros((3, 2), np.float32),), r"got \[3, 2\] float32"),
        (best_other, (values, np.array([0, 2]), 2), "index: from 0 to 1 expected, got 2"),
        (best_other, (values, np.array([-1, 0]), 2), "index: from 0 to 1 expected, got -1"),
        (best_other, (values, np.array([0]), 2), r"got \[2\] float32 and \[1\]"),
    ):
        with pytest.raises(ValueError, match=said):
            function(*arguments)
