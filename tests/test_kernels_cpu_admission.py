"""Rows of detections read in the C library: what numpy makes of them, or left to numpy."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack import detections
from mambatrack.detections import PLAIN_LIMITS, as_detections
from mambatrack.kernels.cpu.admission import admit

PLACES = st.sampled_from([0, -3.5, 0.1, 1, 7.25, 1e7, 9999999.9, np.nan, np.inf, 2**31, 1e-30])
pytestmark = needs_library


def rows_of(rng, count, columns, kind):
    rows = rng.uniform(0, 900, (count, columns)).astype(kind)
    rows[:, 2:4] += rows[:, :2] + 1
    if columns > 4:
        rows[:, 4] = rng.uniform(-0.2, 1.2, count)
    if columns > 5:
        rows[:, 5] = rng.integers(-3, 9, count)
    return rows


def in_numpy(rows):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detections, "admit", lambda rows, limits: None)
        return as_detections(rows)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 12), st.integers(4, 6), st.sampled_from(["f4", "f8"]), st.integers(0, 2**16),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 5), PLACES), max_size=3),
    st.booleans(),
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:most boxes end left", "ignore:a score is", "ignore:class")
def test_equals_numpy(count, columns, kind, seed, changes, twice):
    rows = rows_of(np.random.default_rng(seed), count, columns, kind)
    for row, column, value in changes:
        if row < count and column < columns:
            rows[row, column] = value
    rows = np.concatenate([rows, rows[:1]]) if twice else rows
    before = rows.copy()
    got, want = as_detections(rows), in_numpy(rows)
    for name in ("boxes", "scores", "labels", "rows", "dropped"):
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name))
        assert np.asarray(getattr(got, name)).dtype == np.asarray(getattr(want, name)).dtype
    np.testing.assert_array_equal(rows, before)


def test_some_of_them_are_a_frame_of_their_own():
    rows = rows_of(np.random.default_rng(0), 5, 6, "f4")
    found, other = as_detections(rows), in_numpy(rows)
    for some, wanted in ((found.select([3, 1]), other.select([3, 1])), (found, other)):
        assert len(some) == len(wanted) == some.in_c.count
        np.testing.assert_array_equal(some.centred, wanted.centred)
        np.testing.assert_array_equal(some.in_c.rows, wanted.in_c.rows)
    np.testing.assert_array_equal(replace(found, dropped=2).centred, other.centred)


def test_rows_without_fault_are_read_at_once_and_others_are_left_to_numpy():
    rng, limits = np.random.default_rng(0), PLAIN_LIMITS
    rows = rows_of(rng, 5, 6, "f4")
    assert admit(rows, limits) is not None
    for column, value in ((0, np.nan), (2, -1), (3, 1e7), (4, 1.02), (5, 2.0**31), (5, 0.5)):
        spoiled = rows.copy()
        spoiled[3, column] = value
        assert admit(spoiled, limits) is None
    for other in (rows[::2], rows.T, rows[:0], rows[:, :3], rows.astype("f2"), rows[0]):
        assert admit(other, limits) is None
    assert admit(np.repeat(rows, 2, axis=0), limits) is None
    assert admit(rows_of(rng, 1025, 5, "f4"), limits) is None


@pytest.mark.parametrize("first", [0, 3, 897])
def test_of_many_rows_one_that_is_there_twice_is_left_to_numpy(first):
    rows = rows_of(np.random.default_rng(first), 900, 4, "f4")
    rows[::2, 0] = 0  # one left edge, of which nothing follows
    assert admit(rows, PLAIN_LIMITS) is not None
    rows[899] = rows[first]
    rows[899, 0] *= 1 if first % 2 else -1  # zero is zero with either sign
    assert admit(rows, PLAIN_LIMITS) is None
    assert as_detections(rows).dropped == 1
