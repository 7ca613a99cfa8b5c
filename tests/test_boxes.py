import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mambatrack import boxes

finite = st.floats(-1e4, 1e4, width=32)


@st.composite
def xyxy(draw: st.DrawFn, most: int = 6) -> np.ndarray:
    """[N, 4] float32, some of no size."""
    count = draw(st.integers(0, most))
    corner = draw(arrays(np.float32, (count, 2), elements=finite))
    size = draw(arrays(np.float32, (count, 2), elements=st.floats(0, 1e4, width=32)))
    return np.concatenate([corner, corner + size], axis=1)


def test_formats_of_a_known_box():
    box = np.array([[10.0, 20.0, 30.0, 60.0]])
    assert boxes.xyxy_to_cxcywh(box).tolist() == [[20, 40, 20, 40]]
    assert boxes.xyxy_to_ltwh(box).tolist() == [[10, 20, 20, 40]]
    assert boxes.area(box).tolist() == [800]


@given(xyxy())
def test_formats_go_there_and_back(given_boxes):
    centred = boxes.cxcywh_to_xyxy(boxes.xyxy_to_cxcywh(given_boxes))
    cornered = boxes.ltwh_to_xyxy(boxes.xyxy_to_ltwh(given_boxes))
    np.testing.assert_allclose(centred, given_boxes, atol=0.01)
    np.testing.assert_allclose(cornered, given_boxes, atol=0.01)


def test_formats_keep_leading_axes():
    histories = np.arange(24.0).reshape(2, 3, 4)
    assert boxes.xyxy_to_cxcywh(histories).shape == (2, 3, 4)
    assert (boxes.xyxy_to_cxcywh(histories)[1] == boxes.xyxy_to_cxcywh(histories[1])).all()


def test_overlaps_of_known_boxes():
    a = np.array([[0.0, 0, 10, 10]])
    b = np.array([[5.0, 0, 15, 10], [0, 5, 10, 25], [10, 0, 20, 10], [20, 20, 30, 30]])
    np.testing.assert_allclose(boxes.intersection(a, b), [[50, 50, 0, 0]])
    np.testing.assert_allclose(boxes.iou(a, b), [[1 / 3, 1 / 5, 0, 0]])
    np.testing.assert_allclose(boxes.height_iou(a, b), [[1, 0.2, 1, 0]])


@given(xyxy(), xyxy())
def test_overlaps_are_symmetric_and_within_zero_and_one(a, b):
    for overlap in (boxes.iou, boxes.height_iou):
        values = overlap(a, b)
        assert values.shape == (len(a), len(b))
        assert ((values >= 0) & (values <= 1)).all()
        np.testing.assert_allclose(values, overlap(b, a).T, atol=1e-5)


@given(xyxy())
def test_a_box_with_an_area_overlaps_itself_entirely(a):
    sized = a[(a[:, 2:] - a[:, :2] > 0.01).all(axis=1)]
    np.testing.assert_allclose(np.diag(boxes.iou(sized, sized)), 1, atol=1e-5)
    np.testing.assert_allclose(np.diag(boxes.height_iou(sized, sized)), 1, atol=1e-5)


def test_a_box_turned_inside_out_has_no_area_and_no_overlap():
    inside_out = np.array([[10.0, 10, 0, 0]])
    assert boxes.area(inside_out).tolist() == [0]
    assert boxes.iou(inside_out, np.array([[0.0, 0, 10, 10]])).tolist() == [[0]]


@given(xyxy())
def test_clip_keeps_boxes_in_the_image_and_leaves_those_inside(a):
    clipped = boxes.clip(a, (640, 480))
    assert clipped.dtype == np.float32
    assert (clipped >= 0).all() and (clipped <= [640, 480, 640, 480]).all()
    inside = ((a >= 0) & (a <= [640, 480, 640, 480])).all(axis=1)
    assert (clipped[inside] == a[inside]).all()


FUNCTIONS = [
    boxes.xyxy_to_cxcywh, boxes.cxcywh_to_xyxy, boxes.xyxy_to_ltwh, boxes.ltwh_to_xyxy, boxes.area,
    lambda a: boxes.iou(a, a), lambda a: boxes.height_iou(a, a), lambda a: boxes.clip(a, (2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_callers_array_is_left_alone(function):
    given_boxes = np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)
    before = given_boxes.copy()
    result = function(given_boxes)
    assert result.dtype == np.float32
    result += 1
    assert (given_boxes == before).all()
