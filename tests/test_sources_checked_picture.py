"""A picture that is none is refused in one sentence wherever a user may give it."""

import numpy as np
import pytest

from mambatrack import Painter, Tracker, open_detector, open_video_writer
from mambatrack.errors import MambatrackError
from mambatrack.sources.pictures import checked_picture
from tiny_onnx import write_onnx

WRONG = {
    "None .cv2.imread gives that": None,
    "a str": "photo.jpg",
    r"an array of uint8 of shape \(40, 60\)": np.zeros((40, 60), np.uint8),
    r"an array of uint8 of shape \(40, 60, 4\)": np.zeros((40, 60, 4), np.uint8),
    "an array of float64": np.zeros((40, 60, 3)),
    r"shape \(0, 60, 3\)": np.zeros((0, 60, 3), np.uint8),
}


@pytest.fixture(params=["motion", "onnx", "slices", "painter", "video"])
def taker(request, tmp_path):
    if request.param == "motion":
        return open_detector("motion")
    if request.param in ("onnx", "slices"):
        outputs = {"output0": np.zeros((1, 84, 84), np.float32)}
        weights = write_onnx(tmp_path / "model.onnx", outputs)
        return open_detector(weights, slice=64 if request.param == "slices" else 0)
    if request.param == "painter":
        return lambda image: Painter().draw(image, Tracker().update([]))
    writer = open_video_writer(tmp_path / "a.mp4", 25, (60, 40))
    request.addfinalizer(writer.close)
    return writer.write


@pytest.mark.parametrize(("message", "image"), WRONG.items(), ids=WRONG)
def test_what_is_no_picture_is_refused(taker, message, image):
    with pytest.raises(MambatrackError, match=f"the picture is .*{message}.*; expected a numpy"):
        taker(image)


def test_a_view_of_a_picture_is_one_and_stays_as_it_is(taker):
    picture = np.arange(40 * 60 * 3, dtype=np.uint64).astype(np.uint8).reshape(40, 60, 3)
    before = picture.copy()
    taker(picture[:, :, ::-1])
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize(
    ("picture", "how"),
    [
        (np.zeros((4, 6), np.uint8), "COLOR_GRAY2BGR"),
        (np.zeros((4, 6, 1), np.uint8), "COLOR_GRAY2BGR"),
        (np.zeros((4, 6, 4), np.uint8), "COLOR_BGRA2BGR"),
        (np.zeros((4, 6, 3), np.float32), r"picture \* 255"),
        (np.zeros((4, 6, 3), np.uint16), "picture // 256"),
        (np.zeros((3, 4, 6), np.float32), "transpose"),
        (np.zeros((1, 4, 6, 3), np.uint8), "picture by picture"),
    ],
)
def test_it_is_told_how_an_array_becomes_a_picture(picture, how):
    with pytest.raises(MambatrackError, match=how):
        checked_picture(picture)


def test_it_is_told_how_a_picture_of_another_library_becomes_one():
    torch = pytest.importorskip("torch")
    with pytest.raises(MambatrackError, match=r"a Tensor; .* picture.cpu\(\).numpy\(\)"):
        checked_picture(torch.zeros(4, 6, 3, dtype=torch.uint8))
    of_pillow = type("Image", (), {"convert": lambda self, mode: self})()
    with pytest.raises(MambatrackError, match=r"a Image; .*picture.convert\(.RGB.\)"):
        checked_picture(of_pillow)
