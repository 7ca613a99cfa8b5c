if __name__ == "detectors":
    raise ImportError(
        "import mambatrack.detectors; the top-level folder detectors/ is installed below mambatrack"
    )

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import Config, DetectorConfig, detector_settings
from mambatrack.detections import Detections
from mambatrack.errors import MambatrackError
from mambatrack.nearest import did_you_mean
from mambatrack.sources.file_types import BOX_TYPES

NAMES = ("auto", "motion", "onnx", "own", "yolox", "rtmdet", "file")
OTHERS = re.compile(r"yolo[-_]?(v|\d|nas|world)|rt-?detr|detr", re.I)  # networks that are not named


class Detector(Protocol):
    """Finds objects in one image.

    names: name of each class; a label is an index into it
    """

    names: tuple[str, ...]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        """``image [H, W, 3]`` uint8 BGR; index: of the frame in its source, from 0, which only
        a detector that replays a file looks at."""


def problem_of(detector: Detector) -> str | None:
    """What a detector says of why it found less than there is (its attribute problem), for the user
    to read; None where it says nothing."""
    return getattr(detector, "problem", None)


def open_detector(
    detector: Config | DetectorConfig | str | Path | None = None, **settings: Any
) -> Detector:
    """The detector that takes an image and gives Detections; open_detector("yolox_nano", conf=0.3).

    detector: motion, onnx, own, yolox, rtmdet, file, or one of configs/detectors.yaml, whose
        weights are fetched on first use; or the path of weights, an ONNX file, one that
        train-detector wrote, or boxes (.txt, .csv, .json, .jsonl, a folder of YOLO's labels);
        or the settings of a Config. None is auto: what the weights are for, else what
        automatic.py chooses
    settings: by name, over those of ``detector``, as the commands have them as options:
        name, weights: as ``detector``, one of them named
        conf: lowest score of a detection (0.1);  nms_iou: above it the weaker box goes (0.65)
        classes: names or numbers to keep, ["person", "car"] or "person,car"; all where empty
        class_names: of a network's classes, in their order, where its file does not have them
        side: longer one in pixels of the picture as a network sees it, where its file leaves that
            open
        slice: side in pixels of parts of the picture that a network sees one by one, for small
            objects; overlap: the share by which they overlap (0.2)
        convention: of YOLOX, legacy or current;  backend: opencv or onnxruntime
        scores: of a file of boxes: plain, percent or logit
    Raises MambatrackError, with the nearest name, for another setting, and where the detector or
    its weights are not there. A network runs on a GPU where the installed onnxruntime has CUDA,
    else on the CPU; the setting ``device`` is that of the tracker's motion model.
    """
    from mambatrack.detectors.automatic import choose

    config, _ = choose(detector_settings(detector, settings))
    if config.name in ("motion", "file"):
        return _open_other(config)
    _refuse_boxes(config)
    network = _open_network(config)
    if not config.slice:
        return network
    from mambatrack.detectors.slices import SlicedDetector

    return SlicedDetector(
        network, config.slice, config.slice_overlap, config.nms_iou, network.names
    )


def _open_other(config: DetectorConfig) -> Detector:
    """A detector that is no network, for which the settings of networks make no sense."""
    for setting in ("slice", "class_names")[: 1 if config.name == "file" else 2]:
        if getattr(config, setting):
            raise MambatrackError(
                f"detector.{setting} is for networks; name one as --detector or give its --weights"
            )
    if config.name == "motion":
        return _open_motion(config)
    from mambatrack.detectors.from_file import FileDetector

    weights = _given(config, "a file of boxes, as det.txt")
    return FileDetector(weights, config.conf, config.classes, config.scores, config.class_names)


def _open_motion(config: DetectorConfig) -> Detector:
    from mambatrack.detectors.classes import wants_all
    from mambatrack.detectors.motion import MotionDetector

    chosen = not wants_all(config.classes)
    for given, option in ((config.weights, "weights"), (chosen, "classes")):
        if given:
            raise MambatrackError(
                f"the detector motion has no {option}; leave out --{option} (detector.{option}), "
                "or name a network as --detector"
            )
    return MotionDetector(conf=config.conf)


def network_of(config: DetectorConfig) -> DetectorConfig:
    """The same settings with the kind of network as name, and weights and convention filled in for
    one of configs/detectors.yaml, and the shipped weights for own without any."""
    from mambatrack.detectors.download import fetch, named_models

    if config.name == "own":
        from mambatrack.detectors.own import SHIPPED

        return replace(config, weights=config.weights or str(SHIPPED))
    model = named_models().get(config.name)
    if model is None:
        return config
    convention = model.convention if config.convention == "auto" else config.convention
    weights = config.weights or str(fetch(model))
    return replace(config, name=model.kind, convention=convention, weights=weights)


def _open_network(config: DetectorConfig) -> Detector:
    from mambatrack.detectors.download import named_models

    named = ", ".join(models := named_models())
    network = network_of(config)
    if network.name == "onnx":
        from mambatrack.detectors.onnx_detector import open_onnx

        _given(network, "an ONNX file")
        return open_onnx(network)
    if network.name == "yolox":
        from mambatrack.detectors.yolox import YoloxDetector

        _given(network, f"an ONNX file, or one of {named}")
        return YoloxDetector(network)
    if network.name == "rtmdet":
        from mambatrack.detectors.rtmdet import RtmdetDetector

        _given(network, "an ONNX file")
        return RtmdetDetector(network)
    if network.name == "own":
        from mambatrack.detectors.own import OwnDetector

        return OwnDetector(network)
    raise MambatrackError(
        f"unknown detector {config.name!r}; known: motion, onnx, own, yolox, rtmdet, file, {named}"
        f"{'' if OTHERS.match(config.name) else did_you_mean(config.name, (*NAMES, *models))}"
        "; the file of any other network is given as --weights FILE.onnx"
    )


def _refuse_boxes(config: DetectorConfig) -> None:
    """Raises MambatrackError where a network is asked for, and its weights are a file of boxes."""
    from mambatrack.detectors.download import named_models

    known = config.name in NAMES or config.name in named_models()
    if known and Path(config.weights).suffix.lower() in BOX_TYPES:
        raise MambatrackError(
            f"{config.weights} is named as boxes, and the detector {config.name} is a network; "
            "boxes are those of the detector file, which is taken where none is named"
        )


def _given(config: DetectorConfig, what: str) -> str:
    if not config.weights:
        raise MambatrackError(
            f"the detector {config.name} needs {what}: give it as --weights (detector.weights)"
        )
    return config.weights
