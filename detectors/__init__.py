if __name__ == "detectors":
    raise ImportError(
        "import mambatrack.detectors; the top-level folder detectors/ is installed below mambatrack"
    )

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections
from mambatrack.errors import MambatrackError


class Detector(Protocol):
    """Finds objects in one image.

    names: name of each class; a label is an index into it
    """

    names: tuple[str, ...]

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        """``image [H, W, 3]`` uint8 BGR; index: of the frame in its source, from 0, which only
        a detector that replays a file looks at."""


def open_detector(config: DetectorConfig) -> Detector:
    """The detector that ``config.name`` names: motion, yolox, rtmdet, file, or one of
    configs/detectors.yaml, whose weights are fetched on first use."""
    if config.name == "motion":
        from mambatrack.detectors.motion import MotionDetector

        return MotionDetector(conf=config.conf)
    if config.name == "file":
        from mambatrack.detectors.from_file import FileDetector

        return FileDetector(_given(config, "a det.txt"), config.conf, config.classes)
    return _open_network(config)


def _open_network(config: DetectorConfig) -> Detector:
    from mambatrack.detectors.download import fetch, named_models

    named = named_models()
    model = named.get(config.name)
    kind, convention, weights = config.name, config.convention, config.weights
    if model is not None:
        kind = model.kind
        convention = model.convention if convention == "auto" else convention
        weights = weights or str(fetch(model))
    if kind == "yolox":
        from mambatrack.detectors.yolox import YoloxDetector

        weights = weights or _given(config, f"an ONNX file, or one of {', '.join(named)}")
        return YoloxDetector(
            weights, config.conf, config.nms_iou, config.classes, convention, config.backend
        )
    if kind == "rtmdet":
        from mambatrack.detectors.rtmdet import RtmdetDetector

        weights = weights or _given(config, "an ONNX file")
        return RtmdetDetector(weights, config.conf, config.classes, config.backend)
    raise MambatrackError(
        f"unknown detector {config.name!r}; known: motion, yolox, rtmdet, file, {', '.join(named)}"
    )


def _given(config: DetectorConfig, what: str) -> str:
    if not config.weights:
        raise MambatrackError(
            f"the detector {config.name} needs {what}: give it as --weights (detector.weights)"
        )
    return config.weights
