import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.boxes import iou
from mambatrack.datasets.matching import (
    best_overlap,
    by_frame,
    detection_rows,
    find_rows,
    invert,
    match,
    neighbour_overlap,
    pairs_in_frames,
)
from worlds import boxes_at


def test_the_largest_sum_is_matched_not_the_largest_pair():
    truth = boxes_at([(1, 1, 0), (1, 2, 8)])
    found = boxes_at([(1, 5, 7), (1, 6, 16)])  # 7 fits object 2 best, but 16 is out of 1's reach
    assert match(truth, found).tolist() == [0, 1]


def test_only_boxes_of_the_same_frame_match_and_the_threshold_counts():
    truth = boxes_at([(2, 1, 0), (1, 1, 0)])
    assert match(truth, boxes_at([(1, 5, 10), (3, 5, 0)])).tolist() == [-1, 0]  # IoU 1/2
    assert match(truth, boxes_at([(1, 5, 10)]), iou=0.51).tolist() == [-1, -1]
    assert match(truth, boxes_at([])).tolist() == [-1, -1]
    assert match(boxes_at([]), truth).tolist() == []


def test_a_match_is_found_from_the_other_side_too():
    assert invert(np.array([2, -1, 0]), 4).tolist() == [2, -1, 0, -1]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 4), max_size=8), st.lists(st.integers(1, 4), max_size=8))
def test_pairs_are_all_of_the_same_frame(a, b):
    rows, others = pairs_in_frames(np.array(a, int), np.array(b, int))
    expected = {(i, j) for i, one in enumerate(a) for j, two in enumerate(b) if one == two}
    assert set(zip(rows.tolist(), others.tolist(), strict=True)) == expected
    assert len(rows) == len(expected)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 40)), min_size=1, max_size=8))
def test_the_closest_neighbour_is_that_of_the_full_matrix(places):
    world = boxes_at([(frame, number, left) for number, (frame, left) in enumerate(places)])
    overlap, partner = neighbour_overlap(world)
    matrix = iou(world.boxes, world.boxes) * (world.frame[:, None] == world.frame)
    np.fill_diagonal(matrix, 0)
    np.testing.assert_allclose(overlap, matrix.max(axis=1), atol=1e-6)
    has = partner >= 0
    np.testing.assert_array_equal(has, matrix.max(axis=1) > 0)
    np.testing.assert_allclose(matrix[has, partner[has]], overlap[has], atol=1e-6)


def test_the_best_overlap_names_the_row():
    overlap, row = best_overlap(
        boxes_at([(1, 9, 0), (2, 9, 0)]), boxes_at([(1, 1, 30), (1, 2, 15)])
    )
    assert overlap.tolist() == pytest.approx([1 / 3, 0])
    assert row.tolist() == [1, -1]


def test_rows_go_by_frame():
    rows = by_frame(np.array([3, 1, 3]))
    assert [(frame, each.tolist()) for frame, each in rows] == [(1, [1]), (3, [0, 2])]
    assert by_frame(np.zeros(0, np.int64)) == []


def test_rows_are_found_by_frame_and_id():
    world = boxes_at([(3, 7, 0), (1, 8, 0), (1, 7, 0)])
    found = find_rows(world, np.array([1, 1, 2, 3]), np.array([7, 8, 7, 7]))
    assert found.tolist() == [2, 1, -1, 0]
    assert find_rows(boxes_at([]), np.array([1]), np.array([1])).tolist() == [-1]


def test_detections_without_scores_are_certain():
    table = np.array([[1.0, -1, 10, 20, 30, 40, 0.7]])
    rows = detection_rows(table)
    assert rows.scores.tolist() == [0.7]
    assert rows.boxes.tolist() == [[10, 20, 40, 60]]
    table[:, 6] = -1
    assert detection_rows(table).scores.tolist() == [1]
    assert detection_rows(table[:, :6]).scores.tolist() == [1]
    assert len(detection_rows(np.zeros((0, 10)))) == 0
