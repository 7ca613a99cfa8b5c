"""Small objects in slices of a large picture: each once, at its place, whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.cli import main
from mambatrack.detections import as_detections
from mambatrack.detectors.slices import SlicedDetector
from mambatrack.errors import MambatrackError
from test_detectors_layouts import HEAD, ULTRALYTICS
from tiny_onnx import detector, write_onnx


class Bright:
    """Finds each bright rectangle with a side above 1/40 of the picture; its shade is its class."""

    names = ("a", "b")

    def __init__(self):
        self.shapes = []

    def __call__(self, image, index=0):
        self.shapes.append(image.shape[:2])
        rows = []
        for shade in np.unique(image[..., 0][image[..., 0] > 0]):
            ys, xs = (image[..., 0] == shade).nonzero()
            box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
            if min(box[2] - box[0], box[3] - box[1]) > max(image.shape) / 40:
                rows.append([*box, 0.5 + shade / 512, 0])
        return as_detections(rows)


def picture(boxes, size=(400, 300)):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for shade, (left, top, right, bottom) in enumerate(boxes, start=1):
        image[top:bottom, left:right] = shade
    return image


@settings(deadline=None)
@given(st.integers(0, 392), st.integers(0, 292), st.integers(60, 200))
def test_a_small_object_is_found_once_wherever_it_is(left, top, side):
    box = [left, top, left + 8, top + 8]
    assert len(Bright()(picture([box]))) == 0
    found = SlicedDetector(Bright(), side, 0.2, 0.65)(picture([box]))
    assert found.boxes.tolist() == [box]


@pytest.mark.parametrize("box", [[10, 20, 390, 280], [90, 90, 130, 250]])
def test_a_large_object_is_not_found_in_parts(box):
    found = SlicedDetector(Bright(), 100, 0.2, 0.65)(picture([box]))
    assert found.boxes.tolist() == [box]


def test_slices_cover_the_picture_and_overlap():
    bright = Bright()
    find = SlicedDetector(bright, 100, 0.2, 0.65)
    find(picture([]))
    assert bright.shapes[0] == (300, 400) and set(bright.shapes[1:]) == {(100, 100)}
    assert len(bright.shapes) == 1 + 4 * 5
    assert find._starts(300) == [0, 80, 160, 200] and find._starts(100) == [0]
    assert find._starts(50) == [0]


def test_a_small_picture_is_seen_once():
    bright = Bright()
    SlicedDetector(bright, 400, 0.2, 0.65)(picture([]))
    assert bright.shapes == [(300, 400)]


@pytest.mark.parametrize("batch", [1, "batch"])
def test_slices_run_together_where_the_file_takes_several(tmp_path, batch):
    inputs = {"images": (batch, 3, 64, 64)}
    several = np.repeat(HEAD.T[None], 4 if batch == "batch" else 1, axis=0)
    path = write_onnx(tmp_path / "a.onnx", {"output0": several}, inputs, 1, ULTRALYTICS)
    find = detector(weights=path, name="onnx", slice=64, slice_overlap=0.0)
    inner, blobs = find._detector._session, []

    class Counted:
        header, input = inner.header, inner.input

        def __call__(self, blob):
            blobs.append(len(blob))
            return inner(blob)

    find._detector._session = Counted()
    find(np.zeros((128, 128, 3), np.uint8))
    assert blobs == ([1, 4] if batch == "batch" else [1] * 5)


def test_slices_are_for_networks(tmp_path, capsys):
    for name in ("motion", "auto", "file"):
        with pytest.raises(MambatrackError, match="detector.slice is for networks"):
            detector(name=name, slice=640)
    (tmp_path / "seq" / "det").mkdir(parents=True)
    (tmp_path / "seq" / "det" / "det.txt").write_text("1,-1,2,2,9,9,.9\n")
    command = ["track", "--dataset", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*command, "--slice", "640"]) == 1
    assert "--slice is for networks" in capsys.readouterr().err
