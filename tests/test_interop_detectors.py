"""What detectors of other libraries give goes into Tracker.update as it is; stand-ins of the same
shape run the examples of docs/interop.md."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from mambatrack import Tracker
from mambatrack.detections import as_detections
from mambatrack.errors import MambatrackError
from shared import examples
from videos import write_avi

BOXES = np.array([[10, 20, 50, 90], [5, 5, 5, 9], [20, 20, 45, 40]], np.float64)
SCORES, LABELS = np.array([0.9, 0.8, 0.7]), np.array([1, 0, 2])
EXAMPLES = examples("interop.md", "Detectors in Python")


class Tensor:
    """A tensor on a device: it is no array before it was detached and brought home."""

    def __init__(self, values, where="device"):
        self.values, self.where = values, where

    def detach(self):
        return Tensor(self.values, "detached")

    def cpu(self):
        return Tensor(self.values, "home" if self.where == "detached" else self.where)

    def double(self):
        return Tensor(self.values.astype(np.float64), self.where)

    def numpy(self):
        assert self.where == "home"
        return self.values

    def __array__(self, *_, **__):
        raise TypeError("can't convert a device tensor to numpy")


def results(tensor=Tensor):
    """Ultralytics Results, whose column of classes is of floats."""
    boxes = SimpleNamespace(
        xyxy=tensor(BOXES), conf=tensor(SCORES), cls=tensor(LABELS.astype(np.float32)),
        data=tensor(np.column_stack([BOXES, SCORES, LABELS])),
    )  # fmt: skip
    return SimpleNamespace(boxes=boxes, names={0: "person"}, masks=None, probs=None)


def mapping(tensor=Tensor):
    return {"boxes": tensor(BOXES), "labels": tensor(LABELS), "scores": tensor(SCORES)}


GIVEN = {
    "Results of Ultralytics": results(),
    "Boxes of Ultralytics": results().boxes,
    "Boxes of Ultralytics as arrays": results(np.asarray).boxes,
    "rows of Ultralytics": results().boxes.data,
    "a mapping of torchvision or transformers": mapping(),
    "Detections of supervision": SimpleNamespace(
        xyxy=BOXES, confidence=SCORES, class_id=LABELS, mask=None
    ),
}


@pytest.mark.parametrize("kind", GIVEN)
def test_what_other_detectors_give_is_taken(kind):
    found = as_detections(GIVEN[kind])
    np.testing.assert_array_equal(found.boxes, BOXES[[0, 2]])
    np.testing.assert_allclose(found.scores, SCORES[[0, 2]], rtol=1e-6)
    assert found.labels.tolist() == [1, 2] and found.labels.dtype == np.int64
    assert found.rows.tolist() == [0, 2] and found.dropped == 1


def test_the_names_of_the_results_are_those_of_the_tracks_unless_the_tracker_was_told():
    plain = {"predictor": "kalman", "association": "overlap", "image_size": (60, 100)}
    given = results()
    given.names = {0: "person", 1: "bicycle"}
    with pytest.warns(UserWarning, match="dropped 1"):
        named = [track.class_name for track in Tracker(**plain).update(given)]
        told = Tracker(class_names=["a", "b", "c"], **plain).update(given)
    assert named == ["bicycle", "2"] and [track.class_name for track in told] == ["b", "c"]
    given.names = {"person": 0}
    assert as_detections(given).class_names == as_detections(results().boxes).class_names == ()


def test_tensors_of_torch_are_taken():
    torch = pytest.importorskip("torch")
    boxes = torch.tensor(BOXES, dtype=torch.bfloat16, requires_grad=True)
    found = as_detections({"boxes": boxes, "scores": torch.tensor(SCORES), "labels": None})
    np.testing.assert_array_equal(found.boxes, BOXES[[0, 2]])
    assert found.labels.tolist() == [0, 0]


def test_nothing_found_is_taken():
    empty = np.zeros((0, 4))
    for given in (
        {"boxes": empty, "scores": empty[:, 0], "labels": empty[:, 0]},
        {"boxes": []},
        SimpleNamespace(xyxy=empty, conf=empty[:, 0], cls=empty[:, 0]),
    ):
        assert len(as_detections(given)) == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pred_boxes": BOXES, "logits": SCORES}, "a mapping of pred_boxes, logits; expected box"),
        ({}, "a mapping of nothing"),
        ({"boxes": BOXES / 100}, "shares of the picture; expected pixels: give target_sizes"),
        ([results()], "a list of results; give those of one picture"),
        (SimpleNamespace(boxes=None, names={}), "the results have no boxes"),
        ({"boxes": BOXES, "scores": SCORES[:2]}, "3 boxes with 2 scores"),
        ("person", "not a table of numbers"),
    ],
)
def test_what_cannot_be_read_is_said(given, message):
    with pytest.raises(MambatrackError, match=message):
        as_detections(given)


class Network:
    """A stand-in for the classes of all three packages."""

    def __init__(self, *names):
        self.names = names

    from_pretrained = classmethod(lambda cls, name: cls(name))

    def predict(self, image, threshold):
        assert image.flags.c_contiguous and threshold == 0.1
        return GIVEN["Detections of supervision"]

    def post_process_object_detection(self, outputs, threshold, target_sizes):
        assert target_sizes == [(48, 64)]
        return [mapping()]


@pytest.mark.parametrize("code", EXAMPLES, ids=["ultralytics", "rfdetr", "transformers"])
def test_the_examples_of_the_page_track(tmp_path, monkeypatch, code):
    write_avi(tmp_path / "street.avi", 3)
    package = ModuleType("stand_in")
    for name in ("YOLO", "RFDETRNano", "AutoImageProcessor", "AutoModelForObjectDetection"):
        setattr(package, name, Network)
    for name in ("ultralytics", "rfdetr", "transformers"):
        monkeypatch.setitem(sys.modules, name, package)
    monkeypatch.setattr(
        Network, "__call__", _of_model if "processor" in code else _of_picture, raising=False
    )
    monkeypatch.chdir(tmp_path)
    scope = {}
    with pytest.warns(UserWarning, match="dropped 1"):
        exec(code.replace("street.mp4", "street.avi"), scope)
    tracks = scope["tracks"]
    assert tracks.observed.sum() == 2 and tracks.det_ind[tracks.observed].tolist() == [0, 2]


def _of_picture(network, image, conf):
    assert image.shape == (48, 64, 3) and conf == 0.1
    return [results()]


def _of_model(network, **inputs):
    assert set(inputs) in ({"images", "return_tensors"}, {"pixel_values"})
    return {"pixel_values": inputs["images"]} if "images" in inputs else {"logits": None}
