"""Files of every layout, with planted boxes: recognised, decoded, and given the right pixels."""

import numpy as np
import pytest

from mambatrack.config import load_config
from mambatrack.detectors.classes import COCO_IDS
from mambatrack.detectors.layouts import IMAGENET
from mambatrack.detectors.onnx_session import OrtSession
from mambatrack.errors import MambatrackError
from planted_boxes import (
    BOXES,
    CENTRED,
    COUNT,
    END2END,
    FILES,
    FLAT,
    HEAD,
    IMAGE,
    LABELS,
    PADDLE,
    PADDLED,
    QUERIES,
    SCORES,
    ULTRALYTICS,
    labelled,
    opened,
)
from tiny_onnx import detector, heads, write_onnx


@pytest.mark.parametrize("backend", ["opencv", "onnxruntime"])
@pytest.mark.parametrize("title", FILES)
def test_a_layout_is_recognised_and_decoded(tmp_path, title, backend):
    find = opened(tmp_path, title, backend)
    assert title.startswith(find.layout.family)
    found = find(IMAGE)
    np.testing.assert_allclose(found.boxes, BOXES, atol=1e-3)
    np.testing.assert_allclose(found.scores, SCORES, atol=1e-6)
    assert found.labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize("title", FILES)
def test_names_come_from_the_file_or_are_numbers(tmp_path, title):
    names = opened(tmp_path, title).names
    if FILES[title][1]:
        assert names == ("person", "dog", "car")
    elif title == "RF-DETR of COCO":
        assert names == COCO_IDS
    else:
        untold = ("RT-DETR or D-FINE", "PaddleDetection", "torchvision", "TensorFlow")
        told = not title.startswith(untold) and "suppressed" not in title
        assert names == (("0", "1", "2") if told else ())


@pytest.mark.parametrize("title", FILES)
def test_pixels_are_those_of_the_family(tmp_path, title):
    find, seen = opened(tmp_path, title), []
    session = find.run.session

    class Seen:
        header, input = session.header, session.input

        def __call__(self, blob):
            seen.append(blob)
            return session(blob)

    find.run.session = Seen()
    find(IMAGE)
    rgb = np.array([30, 20, 10]) / 255
    if title.startswith("RF-DETR"):
        rgb = (rgb - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    if title == "TensorFlow":
        rgb = rgb * 255
    np.testing.assert_allclose(seen[0][0, :, 32, 32], rgb, atol=1e-5)
    stretched = "DETR" in title or "Paddle" in title or title == "TensorFlow"
    assert np.allclose(seen[0][0, :, 0, 0], rgb if stretched else 114 / 255, atol=1e-5)


def test_classes_and_scores_are_chosen(tmp_path):
    find = opened(tmp_path, "Ultralytics YOLO", classes=("car",))
    assert find(IMAGE).labels.tolist() == [2]
    assert len(opened(tmp_path, "YOLO, suppressed", conf=0.5)(IMAGE)) == 2
    assert len(opened(tmp_path, "YOLO, suppressed", conf=0.51)(IMAGE)) == 1


def test_boxes_of_one_class_are_suppressed_only_where_the_file_did_not(tmp_path):
    twice = HEAD.copy()
    twice[2] = twice[0] + [0.5, 0, 0, 0, -0.1, 0, 0]
    path = write_onnx(tmp_path / "a.onnx", {"output0": twice.T[None]}, None, 1, ULTRALYTICS)
    assert len(detector(name="onnx", weights=path)(IMAGE)) == 2
    assert len(detector(name="onnx", weights=path, nms_iou=1.0)(IMAGE)) == 3
    rows = labelled(CENTRED)
    rows[2] = rows[0] + [0.5, 0, 0, 0, -0.1, 0]
    path = write_onnx(tmp_path / "b.onnx", {"output0": rows[None]}, None, 1, ULTRALYTICS)
    assert len(detector(name="onnx", weights=path)(IMAGE)) == 3


def test_names_may_be_given_where_the_file_has_none(tmp_path):
    title = "RT-DETR or D-FINE"
    find = opened(tmp_path, title, class_names=("man", "dog", "bus"), classes=("bus",))
    assert find.names == ("man", "dog", "bus") and find(IMAGE).labels.tolist() == [2]
    with pytest.raises(MambatrackError, match="2 names; expected one for each of the 3 classes"):
        opened(tmp_path, "RF-DETR", class_names=("man", "dog"))


def test_two_classes_of_rtdetr_and_rows_with_a_label_are_told_apart(tmp_path):
    names = {"task": "detect", "names": "{0: 'person', 1: 'dog'}"}
    outputs = {"output0": QUERIES[None, :, :6].copy()}
    for description, family in (
        ("Ultralytics rtdetr-l model trained on a.yaml", "Ultralytics RT-DETR"),
        ("Ultralytics YOLO26n model", "YOLO, suppressed"),
    ):
        metadata = {**names, "description": description}
        path = write_onnx(tmp_path / "a.onnx", outputs, None, 1, metadata)
        assert detector(name="onnx", weights=path).layout.family == family


@pytest.mark.parametrize("kind", [1, 2, 10])
@pytest.mark.parametrize("last", [False, True])
def test_inputs_of_other_types_and_orders(tmp_path, kind, last):
    inputs = {"images": (1, 64, 64, 3) if last else (1, 3, 64, 64)}
    outputs = {"output0": HEAD.T[None].astype(np.float16 if kind == 10 else np.float32)}
    path = write_onnx(tmp_path / "a.onnx", outputs, inputs, kind, ULTRALYTICS)
    find = detector(name="onnx", weights=path, backend="onnxruntime")
    np.testing.assert_allclose(find(IMAGE).boxes, BOXES, atol=0.05)
    feed = find.run.session.input.feeds(np.full((1, 3, 64, 64), 7, np.float32))["images"]
    assert feed.shape == inputs["images"] and (feed == 7).all()
    assert feed.dtype == {1: "float32", 2: "uint8", 10: "float16"}[kind]


def test_an_open_size_is_the_one_that_the_file_was_trained_with(tmp_path):
    metadata = {**ULTRALYTICS, "imgsz": "[64, 64]"}
    inputs = {"images": ("batch", 3, "height", "width")}
    path = write_onnx(tmp_path / "a.onnx", {"output0": HEAD.T[None]}, inputs, 1, metadata)
    assert len(detector(name="onnx", weights=path)(IMAGE[:, :96])) == 2


def test_an_onnx_file_implies_its_detector():
    overrides = {"detector.weights": "a.ONNX"}
    assert load_config(overrides=overrides).detector.name == "onnx"
    named = load_config(overrides={**overrides, "detector.name": "yolox"})
    assert named.detector.name == "yolox"
    assert load_config(overrides={"detector.weights": "det.txt"}).detector.name == "auto"


def test_files_of_yolox_and_rtmdet_go_to_their_detectors(tmp_path):
    head = heads([[8, 8, 24, 40]], 3, [0.9], [0])[0]
    path = write_onnx(tmp_path / "a.onnx", {"output": head[None]})
    assert detector(name="onnx", weights=path).convention == "current"
    assert detector(name="auto", weights=path).names == ("0", "1", "2")
    dets = {"dets": np.ones((1, 3, 5), np.float32), "labels": np.zeros((1, 3), np.int64)}
    found = detector(name="onnx", weights=write_onnx(tmp_path / "b.onnx", dets))
    assert type(found).__name__ == "RtmdetDetector"


@pytest.mark.parametrize(
    ("outputs", "metadata", "message"),
    [
        ({"a": np.zeros((1, 9), np.float32)}, {}, r"1 output\(s\) a \[1, 9\]; it resembles none"),
        ({"p3": np.zeros((1, 8, 8, 8), np.float32)}, {}, "feature maps of a head that is not dec"),
        ({"a": np.zeros((5, 7), np.float32)}, {}, "whose output is named output or flat_predic"),
        ({"output0": HEAD.T[None]}, {"task": "obb"}, "Ultralytics model for the task obb"),
        (
            {"x": np.zeros((1, 19, 4), np.float32), "y": np.zeros((1, 19, 9), np.float32)},
            {},
            "boxes and logits of a DETR whose pre-processing",
        ),
    ],
)
def test_what_is_not_known_says_what_it_resembles(tmp_path, outputs, metadata, message):
    path = write_onnx(tmp_path / "a.onnx", outputs, None, 1, metadata)
    with pytest.raises(MambatrackError, match=message) as error:
        detector(name="onnx", weights=path)
    assert "Inputs images [1, 3, 64, 64]" in str(error.value) and "RF-DETR" in str(error.value)


def test_a_fixed_number_of_pictures_is_refused_by_the_header(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", {"a": HEAD[None]}, {"images": (8, 3, 64, 64)})
    with pytest.raises(MambatrackError, match=r"images \[8, 3, 64, 64\] takes 8 pictures at a ti"):
        detector(name="onnx", weights=path)


def test_paddle_is_told_the_size_of_its_input_and_no_scale(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", *FILES["PaddleDetection"][::2])
    find = detector(name="onnx", weights=path, backend="onnxruntime")
    feeds = find.run.session.input.feeds(np.zeros((1, 3, 32, 64), np.float32))
    assert feeds["im_shape"].tolist() == [[32, 64]] and feeds["scale_factor"].tolist() == [[1, 1]]
    assert {array.dtype for array in feeds.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("convention", "warned"), [("auto", 1), ("current", 0), ("legacy", 0)])
def test_pixels_of_paddle_follow_the_convention(tmp_path, caplog, convention, warned):
    path = write_onnx(tmp_path / "a.onnx", *FILES["PaddleDetection"][::2])
    find = detector(name="onnx", weights=path, convention=convention)
    assert (find._normalisation == IMAGENET) == (convention == "legacy")
    assert len([line for line in caplog.messages if "detector.convention" in line]) == warned


def test_paddle_without_its_suppression_is_refused(tmp_path):
    outputs = {"a": np.zeros((1, 84, 4), np.float32), "b": np.zeros((1, 9, 84), np.float32)}
    path = write_onnx(tmp_path / "a.onnx", outputs, PADDLE)
    with pytest.raises(MambatrackError, match="PaddleDetection without its suppression"):
        detector(name="onnx", weights=path)


def test_inputs_that_nobody_knows_are_refused(tmp_path):
    inputs = {**PADDLE, "im_id": (1, 2)}
    path = write_onnx(tmp_path / "a.onnx", FILES["PaddleDetection"][0], inputs)
    with pytest.raises(MambatrackError, match="or im_shape and scale_factor beside it"):
        detector(name="onnx", weights=path)


@pytest.mark.parametrize("name", ["yolox", "rtmdet", "yolo"])
def test_a_file_is_opened_once(tmp_path, monkeypatch, name):
    outputs = {
        "yolox": {"output": heads([[8, 8, 24, 40]], 3, [0.9], [0])[0][None]},
        "rtmdet": {"dets": np.ones((1, 3, 5), np.float32), "labels": np.zeros((1, 3), np.int64)},
        "yolo": {"output0": HEAD.T[None]},
    }
    path = write_onnx(tmp_path / "a.onnx", outputs[name])
    opened = []
    init = OrtSession.__init__
    monkeypatch.setattr(
        OrtSession, "__init__", lambda self, *given: opened.append(given) or init(self, *given)
    )
    detector(name="onnx", weights=path)
    assert len(opened) == 1


def test_a_file_for_tensorrt_is_refused_with_the_mend(tmp_path):
    path = write_onnx(tmp_path / "a.onnx", {"num_dets": COUNT}, operator="EfficientNMS_TRT")
    with pytest.raises(MambatrackError, match="EfficientNMS_TRT runs in TensorRT alone; export"):
        detector(name="onnx", weights=path)


@pytest.mark.parametrize("title", ["Ultralytics YOLO", "RF-DETR", "YOLO-NAS, suppressed"])
def test_a_convention_that_would_have_no_effect_is_refused(tmp_path, title):
    with pytest.raises(MambatrackError, match="leave detector.convention at auto"):
        opened(tmp_path, title, convention="legacy")


@pytest.mark.parametrize(
    ("outputs", "inputs"),
    [
        ({"graph2_flat_predictions": FLAT[:0]}, None),
        ({"output": END2END[:0]}, None),
        ({"rows": PADDLED[:0], "count": np.array([0], np.int32)}, PADDLE),
    ],
)
def test_a_picture_without_boxes_gives_none(tmp_path, outputs, inputs):
    find = detector(name="onnx", weights=write_onnx(tmp_path / "a.onnx", outputs, inputs))
    assert len(find(IMAGE)) == 0
