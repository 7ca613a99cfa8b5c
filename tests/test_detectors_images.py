import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.detectors.images import Normalisation, input_size, place, to_blob
from mambatrack.detectors.yolox import CONVENTIONS
from mambatrack.errors import MambatrackError
from tiny_onnx import detector, heads, write_onnx


def test_a_placed_picture_fills_from_the_top_left():
    image = np.full((50, 100, 3), 200, np.uint8)
    placed = place(image, (64, 64))
    canvas, scale = placed.canvas, placed.scale
    assert canvas.shape == (64, 64, 3)
    assert (canvas[:32] == 200).all() and (canvas[32:] == 114).all()
    np.testing.assert_allclose(scale, 0.64)


def test_a_placed_picture_scale_is_the_true_one_of_each_side():
    placed = place(np.zeros((33, 100, 3), np.uint8), (64, 64))
    canvas, scale = placed.canvas, placed.scale
    assert (canvas[:21] == 0).all() and (canvas[21:] == 114).all()
    np.testing.assert_allclose(scale, [0.64, 21 / 33, 0.64, 21 / 33], rtol=1e-6)


@settings(deadline=None)
@pytest.mark.parametrize("placement", ["corner", "centre", "stretched"])
@given(st.tuples(*[st.integers(1, 200)] * 2), st.tuples(*[st.integers(32, 128)] * 2))
def test_boxes_come_back_from_where_the_picture_was_placed(placement, shape, size):
    placed = place(np.full((*shape, 3), 200, np.uint8), size, placement)
    rows, columns = (placed.canvas == 200).all(axis=2).nonzero()
    seen = [[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]]
    whole = [[0, 0, shape[1], shape[0]]]
    np.testing.assert_allclose(placed.back(np.array(seen, np.float32)), whole, rtol=1e-5)
    spare = [size[0] - seen[0][2] - seen[0][0], size[1] - seen[0][3] - seen[0][1]]
    assert placement == "corner" or all(0 <= each <= 1 for each in spare)


def test_blobs_of_the_two_conventions():
    canvas = np.zeros((2, 2, 3), np.uint8)
    canvas[:] = (10, 20, 30)
    current = to_blob(canvas, CONVENTIONS["current"])
    assert current.shape == (1, 3, 2, 2) and current[0, :, 0, 0].tolist() == [10, 20, 30]
    legacy = to_blob(canvas, CONVENTIONS["legacy"])[0, :, 0, 0]
    rgb = np.array([30, 20, 10]) / 255
    wanted = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(legacy, wanted, atol=1e-5)


def test_blob_of_a_bgr_network_with_a_mean():
    canvas = np.full((1, 1, 3), (10, 20, 30), np.uint8)
    blob = to_blob(canvas, Normalisation(False, (1, 2, 3), (2, 4, 8)))
    np.testing.assert_allclose(blob.ravel(), [4.5, 4.5, 27 / 8])


def test_an_open_input_size_follows_the_image():
    assert input_size((1, 3, 608, 1088), (100, 100)) == (1088, 608)
    assert input_size((None, 3, None, None), (1920, 1080)) == (640, 384)
    assert input_size((None, 3, None, None), (480, 640)) == (480, 640)
    assert input_size((None, 3, None, None), (6000, 10)) == (640, 32)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("yolox", "needs an ONNX file, or one of yolox_nano, yolox_tiny"),
        ("rtmdet", "needs an ONNX file"),
        ("file", "needs a file of boxes"),
        (
            "yolov8",
            "unknown detector 'yolov8'; known: motion, onnx, own, yolox, rtmdet, file, ",
        ),
    ],
)
def test_an_incomplete_choice_says_what_is_missing(name, message):
    with pytest.raises(MambatrackError, match=message):
        detector(name=name)


def test_weights_that_are_absent(tmp_path):
    for name in ("yolox", "rtmdet", "yolox_s"):
        with pytest.raises(MambatrackError, match="absent.onnx do not exist"):
            detector(name=name, weights=str(tmp_path / "absent.onnx"))


def test_a_named_model_brings_its_convention(tmp_path, caplog):
    head = heads([], 1, [], [])[0]
    path = write_onnx(tmp_path / "a.onnx", {"output": head[None]})
    caplog.set_level(logging.INFO)
    assert detector(name="yolox_nano", weights=path, convention="auto").convention == "current"
    assert detector(name="yolox_nano", weights=path, convention="legacy").convention == "legacy"
    assert caplog.text == ""
