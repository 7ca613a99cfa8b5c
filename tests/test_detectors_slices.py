"""Small objects in slices of a large picture: each once, at its place, whole."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mambatrack.cli import main
from mambatrack.detections import as_detections
from mambatrack.detectors.slices import SlicedDetector
from mambatrack.errors import MambatrackError
from planted_boxes import HEAD, ULTRALYTICS
from tiny_onnx import detector, heads, write_onnx


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
@example(147, 149, 60)  # whole in one slice, and as large where another slice ends with it
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
    inner, blobs = find._detector.run.session, []

    class Counted:
        header, input = inner.header, inner.input

        def __call__(self, blob):
            blobs.append(len(blob))
            return inner(blob)

    find._detector.run.session = Counted()
    find(np.zeros((128, 128, 3), np.uint8))
    assert blobs == ([1, 4] if batch == "batch" else [1] * 5)


class Numbered:
    """A session that gives one box for each picture, whose score tells its place in the batch."""

    def __init__(self, session, kind):
        self.header, self.input, self.kind, self.blobs = session.header, session.input, kind, []

    def __call__(self, blob):
        self.blobs.append(len(blob))
        outputs = [self.of_one(0.75 - place / 16) for place in range(len(blob))]
        return [np.concatenate(each) for each in zip(*outputs, strict=True)]

    def of_one(self, score):
        if self.kind == "yolox":
            return [heads([[8, 8, 24, 40]], 3, [score], [0])[0][None]]
        rows = np.array([[[8, 8, 24, 40, score]]], np.float32)
        return [rows, np.zeros((1, 1), np.int64)]


@pytest.mark.parametrize("batch", [1, "batch"])
@pytest.mark.parametrize("kind", ["yolox", "rtmdet"])
def test_slices_of_yolox_and_rtmdet_run_together_too(tmp_path, kind, batch):
    head = {"output": heads([[8, 8, 24, 40]], 3, [0.5], [0])[0][None]}
    dets = {"dets": np.ones((1, 1, 5), np.float32), "labels": np.zeros((1, 1), np.int64)}
    outputs, inputs = head if kind == "yolox" else dets, {"images": (batch, 3, 64, 64)}
    path = write_onnx(tmp_path / "a.onnx", outputs, inputs)
    find = detector(weights=path, name=kind, slice=64, slice_overlap=0.0)
    session = Numbered(find._detector.run.session, kind)
    find._detector.run.session = session
    found = find(np.zeros((128, 128, 3), np.uint8))
    assert session.blobs == ([1, 4] if batch == "batch" else [1] * 5)
    expected = {(16, 16, 48, 80): 0.75, (8, 8, 24, 40): 0.75, (72, 8, 88, 40): 0.6875,
                (8, 72, 24, 104): 0.625, (72, 72, 88, 104): 0.5625}  # fmt: skip
    boxes = map(tuple, found.boxes.round(3).tolist())
    scores = dict(zip(boxes, found.scores.tolist(), strict=True))
    assert scores == pytest.approx(expected if batch == "batch" else dict.fromkeys(expected, 0.75))


@pytest.mark.parametrize("answer", ["one", "error"])
def test_a_file_that_takes_one_picture_after_all_is_asked_for_each(tmp_path, answer):
    inputs = {"images": ("batch", 3, 64, 64)}
    path = write_onnx(tmp_path / "a.onnx", {"output0": HEAD.T[None]}, inputs, 1, ULTRALYTICS)
    find = detector(weights=path, name="onnx")
    inner, blobs = find.run.session, []

    class One:
        header, input = inner.header, inner.input

        def __call__(self, blob):
            blobs.append(len(blob))
            if answer == "error" and len(blob) > 1:
                raise MambatrackError("Got: 2 Expected: 1")
            return inner(blob)

    find.run.session = One()
    for _ in range(2):
        found = find.of_pictures([np.zeros((64, 64, 3), np.uint8)] * 2)
        assert [len(each) for each in found] == [2, 2]
    assert blobs == [2, 1, 1, 1, 1]


def test_slices_are_for_networks(tmp_path, capsys):
    for name in ("motion", "file"):
        with pytest.raises(MambatrackError, match="detector.slice is for networks"):
            detector(name=name, slice=640)
    (tmp_path / "seq" / "det").mkdir(parents=True)
    (tmp_path / "seq" / "det" / "det.txt").write_text("1,-1,2,2,9,9,.9\n")
    command = ["track", "--dataset", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*command, "--slice", "640"]) == 1
    assert "detector.slice is for networks, and each det/det.txt" in capsys.readouterr().err
