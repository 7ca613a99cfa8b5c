if __name__ == "detectors":
    raise ImportError("import mambatrack.detectors; the top-level folder detectors/ is installed below mambatrack")

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections


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
    raise NotImplementedError(config.name)
