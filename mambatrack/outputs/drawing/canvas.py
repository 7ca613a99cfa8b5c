"""Paint that lets the picture through, on parts of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.outputs.drawing.colours import Colour

Image = NDArray[np.uint8]
FRACTION = 4  # binary digits of coordinates behind the point, as OpenCV's ``shift``


def paint(canvas: Image, left: int, top: int, mask: Image, colour: Colour) -> None:
    """Colour through a mask [h, w] of opacities, 0 to 255, with its corner at (left, top); what is
    outside the picture is left out."""
    share = mask.astype(np.float32) * np.float32(1 / 255)
    blit(canvas, left, top, np.full((*mask.shape, 3), colour, np.uint8), share)


def blit(canvas: Image, left: int, top: int, stamp: Image, opacity: NDArray[np.float32]) -> None:
    """A small picture [h, w, 3] with its opacities [h, w], 0 to 1, cut to the canvas."""
    height, width = opacity.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, canvas.shape[1]), min(top + height, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
    region, share = canvas[y0:y1, x0:x1], np.ascontiguousarray(opacity[part])
    below = np.ascontiguousarray(region)
    region[:] = cv2.blendLinear(np.ascontiguousarray(stamp[part]), below, share, 1 - share)


def fixed(points: NDArray) -> NDArray[np.int32]:
    """Points in the whole numbers that OpenCV takes with ``shift=FRACTION``."""
    return np.rint(points * (1 << FRACTION)).astype(np.int32)
