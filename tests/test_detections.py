import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError

GOOD = [10.0, 20.0, 30.0, 60.0, 0.9, 2.0]


@pytest.mark.parametrize("nothing", [None, [], (), np.zeros(0), np.zeros((0, 5)), np.zeros((0, 4))])
def test_nothing_is_an_empty_set_of_the_right_shapes(nothing):
    found = as_detections(nothing)
    assert len(found) == 0 and found.dropped == 0
    assert found.boxes.shape == (0, 4) and found.scores.shape == (0,)
    assert found.labels.shape == (0,) and found.rows.shape == (0,)


def test_columns_that_are_absent_get_score_one_and_class_zero():
    four, five, six = (as_detections([GOOD[:count]]) for count in (4, 5, 6))
    assert (four.scores[0], four.labels[0]) == (1, 0)
    assert (five.scores[0], five.labels[0]) == (np.float32(0.9), 0)
    assert (six.scores[0], six.labels[0]) == (np.float32(0.9), 2)
    assert six.boxes.dtype == np.float32 and six.labels.dtype == np.int64


@pytest.mark.parametrize(
    "bad",
    [
        [np.nan, 20, 30, 60, 0.9, 0],
        [10, 20, np.inf, 60, 0.9, 0],
        [10, 20, 30, 60, np.nan, 0],
        [10, 20, 30, 60, 0.9, np.nan],
        [10, 20, 10, 60, 0.9, 0],
        [10, 20, 30, 10, 0.9, 0],
        [1e6, 20, 1e6 + 0.01, 60, 0.9, 0],
        [-1e12, 20, 1e12, 60, 0.9, 0],
        [10, 20, 30, 60, 0.9, 1e30],
        GOOD,
    ],
)
def test_an_unusable_or_repeated_row_is_dropped_and_counted(bad):
    found = as_detections([GOOD, bad, [0, 0, 5, 5, 0.5, 1]])
    assert found.dropped == 1
    assert found.rows.tolist() == [0, 2]
    assert found.boxes.tolist() == [GOOD[:4], [0, 0, 5, 5]]


@pytest.mark.parametrize(
    "wrong",
    [GOOD, np.zeros((2, 3)), np.zeros((2, 7)), np.zeros((1, 2, 4)), [[1, 2], [3]], [["a"] * 4], {}],
)
def test_another_shape_is_an_error_that_says_what_is_expected(wrong):
    with pytest.raises(MambatrackError, match=r"expected (\(N, 4\)|boxes)|not a table of numbers"):
        as_detections(wrong)


def test_scores_outside_zero_and_one_are_clipped():
    with pytest.warns(UserWarning, match="a score is above 1, and counts as 1"):
        found = as_detections([[0, 0, 1, 1, 1.5], [0, 0, 2, 2, -0.5]])
    assert found.scores.tolist() == [1, 0]


def test_supervision_detections_are_understood():
    full = SimpleNamespace(
        xyxy=np.array([GOOD[:4]]), confidence=np.array([0.9]), class_id=np.array([2])
    )
    bare = SimpleNamespace(xyxy=np.array([GOOD[:4]]), confidence=None, class_id=None)
    empty = SimpleNamespace(xyxy=np.empty((0, 4)), confidence=None, class_id=None)
    assert as_detections(full).labels.tolist() == [2]
    assert as_detections(bare).scores.tolist() == [1]
    assert len(as_detections(empty)) == 0


def test_detections_pass_through_as_they_are():
    found = as_detections([GOOD])
    assert as_detections(found) is found


def test_select_keeps_the_way_back_to_the_callers_rows():
    found = as_detections([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 3, 3]])
    chosen = found.select(np.array([2, 0]))
    assert chosen.rows.tolist() == [3, 1]
    assert chosen.boxes[:, 2].tolist() == [3, 1]
    assert found.select(found.scores > 2).rows.shape == (0,)


def test_arrays_are_read_only_but_the_callers_stay_writable():
    boxes = np.array([[0.0, 0, 1, 1]], np.float32)
    found = Detections(boxes, np.ones(1, np.float32), np.zeros(1, np.int64))
    assert found.rows.tolist() == [0]
    with pytest.raises(ValueError, match="read-only"):
        found.boxes[0, 0] = 5
    boxes[0, 0] = 5


anything = st.floats(allow_nan=True, allow_infinity=True)
tables = st.integers(4, 6).flatmap(
    lambda columns: arrays(
        np.float64, st.tuples(st.integers(0, 8), st.just(columns)), elements=anything
    )
)


@given(tables)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_whatever_comes_in_only_usable_boxes_come_out(table):
    before = table.copy()
    found = as_detections(table)
    assert np.array_equal(table, before, equal_nan=True)
    assert len(found) + found.dropped == len(table)
    assert np.isfinite(found.boxes).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    np.testing.assert_array_equal(found.boxes, table[found.rows, :4].astype(np.float32))


class Frame:
    """As a data frame of pandas: a table with a name for each column, and a method mask."""

    def __init__(self, **columns):
        self.values = {name: np.array(column) for name, column in columns.items()}
        self.columns = tuple(columns)

    def __getitem__(self, name):
        return Column(self.values[name])

    def to_numpy(self):
        return np.column_stack(list(self.values.values()))

    __array__ = mask = to_numpy


class Column:
    def __init__(self, values):
        self.to_numpy = lambda: values


def test_the_columns_of_a_data_frame_are_found_by_their_names():
    sides = {"X1": [10], "y1": [20], "x2": [50], "y2": [90]}
    found = as_detections(Frame(frame=[7], conf=[0.5], **sides, **{"class": [3]}))
    assert found.boxes.tolist() == [[10, 20, 50, 90]] and found.labels.tolist() == [3]
    assert found.scores.tolist() == [0.5] and as_detections(Frame(**sides)).scores.tolist() == [1]
    sizes = Frame(width=[40], height=[70], left=[10], top=[20])
    assert as_detections(sizes).boxes.tolist() == [[10, 20, 50, 90]]
    with pytest.raises(MambatrackError, match="columns score, x, y, .* in this order, as frame"):
        as_detections(Frame(score=[0.9], x=[10], y=[20], w=[40], h=[70]))
    with pytest.raises(MambatrackError, match="its name is"):
        as_detections(Frame(**sides, **{"class": ["dog"]}))


@pytest.mark.parametrize("row", [[1, 2, 30, 40, 95], [1, 2, 30, 40, 2, 1]])
def test_scores_that_are_none_are_asked_about(row):
    with pytest.warns(UserWarning, match="are scores percent or logits, or do class and score"):
        assert as_detections([row, [5, 5, 9, 9, 0.5, 0][: len(row)]]).scores[0] == 1


def test_a_copy_with_other_rows_is_one_of_plain_arrays():
    found = as_detections(np.array([[0, 0, 10, 20, 0.5], [5, 5, 30, 40, 0.25]]))
    other = dataclasses.replace(found, rows=np.array([7, 9]))
    assert len(other) == 2 and other.rows.tolist() == [7, 9]
    assert other.in_c.rows.tolist() == [7, 9] and other.centred.tolist() == found.centred.tolist()
