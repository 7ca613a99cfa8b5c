"""The protocol of what tells how the camera moved, frame by frame, and a count of what was told."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import IDENTITY, CameraMotion, distance
from mambatrack.errors import counted


class CameraSource(Protocol):
    """Asked once for every frame, in order."""

    def __call__(self, image: NDArray[np.uint8], index: int, boxes: Boxes) -> CameraMotion | None:
        """image [H, W, 3] BGR uint8, or without pixels where there is no picture; index: of the
        frame in its source, from 0; boxes [N, 4] xyxy: what moves by itself. None: not known."""
        ...


@dataclass
class Travel:
    """What a run was told of the camera.

    frames: of which something was told; known: whose motion was; unknown: whose motion could not be
    cuts; pixels: that the corners of the picture moved by, in all; certainty: of all known frames
    together
    """

    frames: int = 0
    known: int = 0
    unknown: int = 0
    cuts: int = 0
    pixels: float = 0.0
    certainty: float = 0.0

    def note(self, motion: CameraMotion | None, size: tuple[int, int] | None) -> None:
        """One frame more; size: (width, height) of the picture."""
        if motion is None:
            return
        self.frames += 1
        self.cuts += motion.cut
        self.known += motion.certainty > 0
        self.certainty += motion.certainty
        self.unknown += self.frames > 1 and not motion.certainty  # none is before the first
        if motion.transform is not IDENTITY and size is not None:
            self.pixels += distance(motion.transform, size)

    @property
    def mean_pixels(self) -> float:
        """That the corners moved by in a frame."""
        return self.pixels / max(self.frames, 1)

    @property
    def mean_certainty(self) -> float:
        """Of the frames whose motion is known, 0 where there are none."""
        return self.certainty / max(self.known, 1)

    def __str__(self) -> str:
        told = f"the camera moved {self.mean_pixels:.1f} pixels a frame in "
        told += counted(self.frames, "frame")
        told += f", certainty {self.mean_certainty:.2f}" if self.known else ""
        told += f", {counted(self.cuts, 'cut')}" if self.cuts else ""
        return told + (f"; not known in {self.unknown} of them" if self.unknown else "")
