"""open_detector: by name, by weights, with settings as keywords."""

import numpy as np
import pytest

from mambatrack import Config, DetectorConfig, MambatrackError, load_config, open_detector
from mambatrack.config import detector_settings
from mambatrack.detectors.motion import MotionDetector

DEFAULT = DetectorConfig()


def test_a_text_is_a_name_or_the_path_of_weights(tmp_path):
    assert detector_settings("yolox_s").name == "yolox_s"
    onnx = detector_settings(tmp_path / "best.ONNX")
    assert (onnx.name, onnx.weights) == ("onnx", str(tmp_path / "best.ONNX"))
    assert detector_settings("det.txt") == DetectorConfig(weights="det.txt")
    assert detector_settings("yolox", {"weights": "a.onnx"}).name == "yolox"
    assert detector_settings(None, {"weights": "a.onnx"}).name == "onnx"


def test_settings_are_named_as_the_options_of_the_commands():
    given = {"classes": "person,car", "conf": 0.3, "slice": 640, "overlap": 0.3,
             "class_names": ["a", "b"]}  # fmt: skip
    own = {"classes": ("person", "car"), "conf": 0.3, "slice": 640, "slice_overlap": 0.3,
           "class_names": ("a", "b")}  # fmt: skip
    for base in (None, DEFAULT, Config(), load_config()):
        assert detector_settings(base, given) == DetectorConfig(**own, own_conf=0.3)
    kept = load_config(overrides={"detector.conf": 0.4, "detector.name": "motion"})
    assert detector_settings(kept, {"nms_iou": 0.5}) == DetectorConfig(
        "motion", conf=0.4, own_conf=0.4, nms_iou=0.5
    )


def test_a_file_of_boxes_is_opened_with_its_settings(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,10,20,30,40,90\n1,-1,50,20,30,40,20\n")
    detect = open_detector(path, conf=0.3, scores="percent")
    assert detect(np.zeros((9, 9, 3), np.uint8), 0).boxes.tolist() == [[10, 20, 40, 60]]
    assert isinstance(open_detector("motion", conf=0.2), MotionDetector)


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ("motion", {"clases": "person"}, "unknown setting 'detector.clases'; did you mean 'dete"),
        ("motion", {"device": "cuda"}, "unknown setting 'detector.device'; did you mean 'tracker."),
        ("motion", {"conf": 3}, r"detector.conf: 3.* is not allowed \(0.0 to 1.0\)"),
        ("motion", {"slice": 640}, "detector.slice is for networks"),
        ("yolo99", {}, "unknown detector 'yolo99'; known: motion, onnx"),
        (42, {}, "the detector is 42; expected a name as 'yolox_nano', the path"),
        ("nowhere/best.onnx", {}, "nowhere/best.onnx"),
    ],
)
def test_what_does_not_exist_is_said(given, settings, message):
    with pytest.raises(MambatrackError, match=message):
        open_detector(given, **settings)


@pytest.mark.parametrize("name", ["own", "onnx", "yolox", "rtmdet", "yolox_s"])
@pytest.mark.parametrize("weights", ["det.txt", "det.CSV", "coco.json", "det.jsonl", "det.ndjson"])
def test_boxes_are_no_weights_of_a_network(tmp_path, name, weights):
    path = tmp_path / weights
    path.write_text("1,-1,10,10,20,40,0.9\n")
    with pytest.raises(MambatrackError, match="is named as boxes, and the detector"):
        open_detector(name, weights=str(path))
