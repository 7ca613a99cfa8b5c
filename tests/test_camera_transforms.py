"""Transforms: their checks, and what they do to points and boxes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack import MambatrackError
from mambatrack.camera.transforms import (
    CUT,
    UNKNOWN,
    CameraMotion,
    as_motion,
    checked_transform,
    distance,
    inverted,
    moved_boxes,
    moved_points,
)

BOXES = np.array([[100, 200, 40, 90], [600, 300, 20, 50]], np.float32)
PANNED = [[1, 0, 12], [0, 1, -5]]


@pytest.mark.parametrize("of_nothing", [None, UNKNOWN, CUT])
def test_what_is_known_already_is_handed_on(of_nothing):
    assert as_motion(of_nothing) is of_nothing


def test_an_affine_transform_gets_its_third_row_and_cannot_be_changed():
    motion = as_motion(PANNED)
    assert motion.certainty == 1 and not motion.cut and not motion.stands
    assert motion.transform.tolist() == [[1, 0, 12], [0, 1, -5], [0, 0, 1]]
    with pytest.raises(ValueError, match="read-only"):
        motion.transform[0, 0] = 2


def test_a_homography_is_known_up_to_a_factor():
    homography = np.array([[1.1, 0, 3], [0.02, 1, 4], [1e-5, 0, 1]])
    assert checked_transform(-7 * homography) == pytest.approx(homography)


@pytest.mark.parametrize(
    ("given_", "reason"),
    [
        (np.eye(2), r"has the shape \(2, 2\)"),
        (np.zeros((1, 2, 3)), r"has the shape \(1, 2, 3\)"),
        ("left", "has the shape|is not an array"),
        ([[1, 0, np.nan], [0, 1, 0]], "not finite"),
        ([[1, 0, np.inf], [0, 1, 0]], "not finite"),
        ([[1, 0, 1e300], [0, 1, 0]], "too large"),
        ([[1, 1, 0], [1, 1, 0]], "singular"),
        (np.zeros((3, 3)), "singular"),
        ([[-1, 0, 640], [0, 1, 0]], "mirror"),
        ([[1, 2], [3]], "is not an array"),
        (CameraMotion(np.zeros((3, 3))), "singular"),
    ],
)
def test_a_bad_transform_is_refused(given_, reason):
    with pytest.raises(MambatrackError, match=reason):
        as_motion(given_)


def test_a_zoom_about_a_point_moves_and_enlarges():
    zoom = checked_transform([[2, 0, -100], [0, 2, -200]])  # (100, 200) stays
    moved, near = moved_boxes(zoom, BOXES)
    assert moved.tolist() == [[100, 200, 80, 180], [1100, 400, 40, 100]]
    assert near.vectors(np.ones((2, 2))).tolist() == [[2, 2], [2, 2]]


def test_a_roll_keeps_the_size_of_boxes():
    turn = np.array([[np.cos(0.1), -np.sin(0.1), 0], [np.sin(0.1), np.cos(0.1), 0]])
    moved, _ = moved_boxes(checked_transform(turn), BOXES)
    assert moved[:, 2:] == pytest.approx(BOXES[:, 2:], rel=1e-5)


def test_the_linear_part_of_a_homography_is_its_derivative():
    homography = checked_transform([[1.1, 0.05, 3], [0.02, 0.95, 4], [2e-4, -1e-4, 1]])
    point, step = np.array([[320.0, 200.0]]), 1e-4
    place, linear = moved_points(homography, point)
    for axis in range(2):
        ahead, _ = moved_points(homography, point + step * np.eye(2)[axis])
        assert (ahead - place)[0] / step == pytest.approx(linear[0, :, axis], rel=1e-4)


def test_beyond_the_horizon_boxes_stay_finite():
    homography = checked_transform([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1]])
    moved, _ = moved_boxes(homography, BOXES)
    assert np.isfinite(moved).all() and (moved[:, 2:] > 0).all()


@given(
    st.floats(-0.3, 0.3), st.floats(0.5, 2), st.floats(-200, 200), st.floats(-200, 200)
)  # fmt: skip
def test_a_way_and_back_again_ends_where_it_began(roll, zoom, x, y):
    turn = zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    there = as_motion(np.column_stack([turn, [x, y]]))
    moved, _ = moved_boxes(there.transform, BOXES)
    back, _ = moved_boxes(inverted(there).transform, moved)
    assert back == pytest.approx(BOXES, abs=0.01)


def test_distance_is_that_of_the_corners():
    assert distance(checked_transform(PANNED), (640, 360)) == pytest.approx(13)
    assert distance(checked_transform(np.eye(3)), (640, 360)) == 0
