"""What moves in front of a static camera, as boxes of upright people; no weights needed.

Foreground by background subtraction (background.py), then people in the foreground (people.py) by
their size, which is learnt from those who stand alone (sizes.py), and by how long they have been
there (records.py).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.class_names import UNNAMED
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.background import FLOOD, Background
from mambatrack.detectors.camera_motion import CameraMotion
from mambatrack.detectors.people import People
from mambatrack.detectors.records import Records
from mambatrack.errors import complain, counted
from mambatrack.sources.pictures import checked_picture

WORK_SIDE = 512  # pixels, longer side of the working picture
REST = 25  # frames that the camera has been at rest for, before anything is reported again
BETTER = "a network finds people all the same: --detector own, or --weights FILE.onnx"
MOVING = f"the camera moves, so the detector motion finds nothing while it does; {BETTER}"


class MotionDetector:
    """Moving upright objects before a static camera, in any resolution.

    names: of the classes. conf: lowest score reported.

    The first frame gives nothing, and so does one in which more than half of the picture changes,
    or the camera moves or did in the last REST frames; that it moves is warned of once. A new frame
    size starts anew. Call it with the frames in order.
    """

    names: tuple[str, ...] = UNNAMED

    def __init__(self, conf: float = 0.1):
        self._conf = conf
        self._shape: tuple[int, ...] = ()
        self._background: Background | None = None
        self._restless = 0  # frames for which nothing is reported yet
        self._unsettled = 0  # frames so far for which nothing was reported, as the camera moved

    @property
    def problem(self) -> str | None:
        """In how many frames nothing was found, and why; None where the camera never moved."""
        if not self._unsettled:
            return None
        return (
            f"the camera moved in {counted(self._unsettled, 'frame')}, in which the detector "
            f"motion found nothing; {BETTER}"
        )

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        if checked_picture(image).shape != self._shape:
            self._restart(image.shape)
        small = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._camera.update(small)
        if self._camera.moving:
            self._unsettle()
        self._unsettled += self._restless > 0
        if self._background is None:
            self._background = Background(small)
            return Detections.empty()
        mask = self._background.foreground(small)
        if mask.mean() >= FLOOD:
            self._background = Background(small)
            return Detections.empty()
        if self._restless:
            self._restless -= 1
            return Detections.empty()
        table = self._records.weigh(self._people.find(mask))
        table[:, :4] *= self._scale
        return as_detections(table[table[:, 4] >= self._conf])

    def _restart(self, shape: tuple[int, ...]) -> None:
        full = np.array([shape[1], shape[0]])
        size = np.maximum(np.round(full * min(1, WORK_SIDE / full.max())), 1).astype(int)
        self._shape, self._size = shape, (int(size[0]), int(size[1]))
        self._scale = np.tile(full / size, 2)
        self._camera = CameraMotion()
        self._forget()

    def _forget(self) -> None:
        self._background = None
        self._people, self._records = People(self._size[1]), Records()

    def _unsettle(self) -> None:
        """The camera moves: what was learnt is worth nothing, and the user is told once."""
        self._forget()
        self._restless = REST
        if not self._unsettled:
            complain(MOVING)
