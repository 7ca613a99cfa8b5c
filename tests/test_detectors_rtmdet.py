import numpy as np
import pytest

from mambatrack.boxes import iou
from mambatrack.detectors.classes import COCO
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.sources.frames import open_frames
from shared import needs
from tiny_onnx import detector, without_onnxruntime, write_onnx

IMAGE = np.zeros((64, 64, 3), np.uint8)
BOXES = [[8, 8, 24, 40], [30, 10, 50, 60]]


def rtmdet_file(tmp_path, scores=(0.9, 0.3), labels=(0, 2), weights=None, **options):
    dets = np.array([[*box, score] for box, score in zip(BOXES, scores, strict=False)], np.float32)
    outputs = {"dets": dets[None], "labels": np.array(labels, np.int64)[None]}
    return write_onnx(tmp_path / "rtmdet.onnx", {**outputs, **options}, weights=weights)


def test_rtmdet_finds_what_its_outputs_hold(tmp_path):
    found = detector(name="rtmdet", weights=rtmdet_file(tmp_path))(np.zeros((32, 32, 3), np.uint8))
    np.testing.assert_allclose(found.boxes, np.array(BOXES[:2]) / 2)
    np.testing.assert_allclose(found.scores, [0.9, 0.3])
    assert found.labels.tolist() == [0, 2]


def test_rtmdet_drops_weak_boxes_and_other_classes(tmp_path):
    path = rtmdet_file(tmp_path, scores=(0.5, 0.25))
    assert detector(name="rtmdet", weights=path, conf=0.5)(IMAGE).labels.tolist() == [0]
    find = detector(name="rtmdet", weights=path, classes=("car",), class_names=COCO)
    assert find(IMAGE).labels.tolist() == [2]
    assert detector(name="rtmdet", weights=path, classes=("2",))(IMAGE).labels.tolist() == [2]


@pytest.mark.parametrize(
    ("count", "names"), [(80, COCO), (1, ("person",)), (3, ("0", "1", "2")), (None, ())]
)
def test_names_are_as_many_as_the_head_has_classes(tmp_path, count, names):
    weights = {} if count is None else {"bbox_head.rtm_cls.0.weight": (count, 64, 1, 1)}
    path = rtmdet_file(tmp_path, weights=weights)
    assert detector(name="rtmdet", weights=path).names == names
    assert detector(name="onnx", weights=path).names == names


def test_names_may_be_given(tmp_path):
    path = rtmdet_file(tmp_path, weights={"bbox_head.rtm_cls.0.weight": (2, 64, 1, 1)})
    assert detector(name="rtmdet", weights=path, class_names=("a", "b")).names == ("a", "b")
    with pytest.raises(MambatrackError, match="has 3 names; expected one for each of the 2 clas"):
        detector(name="rtmdet", weights=path, class_names=("a", "b", "c"))


def test_rtmdet_refuses_other_outputs(tmp_path):
    with pytest.raises(MambatrackError, match="3 output.*RTMDet file .* has two"):
        detector(name="rtmdet", weights=rtmdet_file(tmp_path, masks=np.zeros((1, 2), np.float32)))


def test_rtmdet_needs_onnxruntime(tmp_path, monkeypatch):
    path = rtmdet_file(tmp_path)
    with pytest.raises(MambatrackError, match="RTMDet needs onnxruntime"):
        detector(name="rtmdet", weights=path, backend="opencv")
    without_onnxruntime(monkeypatch)
    with pytest.raises(MissingExtra, match=r"mambatrack\[onnx\]"):
        detector(name="rtmdet", weights=path)


def test_rtmdet_finds_the_walkers_of_a_real_frame():
    weights = str(needs("models/rtmdet_nano_person.onnx"))
    image = next(open_frames(needs("videos/vtest.avi"), start=300)).image
    found = detector(name="rtmdet", weights=weights, conf=0.5)(image)
    yolox = str(needs("models/bytetrack_nano.onnx"))
    people = detector(weights=yolox, conf=0.7, convention="legacy")(image)
    assert len(people) == 6 and (iou(people.boxes, found.boxes).max(axis=1) > 0.5).all()
