"""What moves in front of a static camera, as boxes of upright people; no weights needed.

Foreground by background subtraction (background.py), then people in the foreground (people.py) by
their size, which is learnt from those who stand alone (sizes.py).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.background import FLOOD, Background
from mambatrack.detectors.people import People

WORK_SIDE = 512  # pixels, longer side of the working picture


class MotionDetector:
    """Moving upright objects before a static camera, in any resolution.

    names: of the classes. conf: lowest score reported.

    The first frame gives nothing, and so does one in which more than half of the picture changes.
    A new frame size starts anew. Call it with the frames in order.
    """

    names: tuple[str, ...] = ("object",)

    def __init__(self, conf: float = 0.1):
        self._conf = conf
        self._shape: tuple[int, ...] = ()
        self._background: Background | None = None

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        if image.shape != self._shape:
            self._restart(image.shape)
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        if self._background is None:
            self._background = Background(small)
            return Detections.empty()
        mask = self._background.foreground(small)
        if mask.mean() >= FLOOD:
            self._background = Background(small)
            return Detections.empty()
        table = self._people.find(mask)
        table[:, :4] *= self._scale
        return as_detections(table[table[:, 4] >= self._conf])

    def _restart(self, shape: tuple[int, ...]) -> None:
        full = np.array([shape[1], shape[0]])
        size = np.maximum(np.round(full * min(1, WORK_SIDE / full.max())), 1).astype(int)
        self._shape, self._size = shape, (int(size[0]), int(size[1]))
        self._scale = np.tile(full / size, 2)
        self._background = None
        self._people = People(self._size[1])
