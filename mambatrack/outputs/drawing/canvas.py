"""Paint that lets the picture through, on parts of it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.outputs.drawing.colours import Colour

Image = NDArray[np.uint8]
Shares = NDArray[np.float32]
FRACTION = 4  # binary digits of coordinates behind the point, as OpenCV's ``shift``


def paint(canvas: Image, left: int, top: int, mask: Image, colour: Colour) -> None:
    """Colour through a mask [h, w] of opacities, 0 to 255, with its corner at (left, top), which is
    inside the picture and mostly 0."""
    inked = np.flatnonzero(mask != 0)
    share = mask.ravel()[inked, None] * np.float32(1 / 255)
    region = canvas[top : top + mask.shape[0], left : left + mask.shape[1]]
    pixels = np.ascontiguousarray(region).reshape(-1, 3)
    below = pixels[inked]
    pixels[inked] = below + share * (np.array(colour, np.float32) - below) + 0.5
    region[:] = pixels.reshape(region.shape)


def blit(canvas: Image, left: int, top: int, stamp: Image, share: Shares, rest: Shares) -> None:
    """A small picture [h, w, 3] with its opacities [h, w], 0 to 1, and what is left to the picture
    below, cut to the canvas."""
    height, width = share.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + width, canvas.shape[1]), min(top + height, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    if (x1 - x0, y1 - y0) != (width, height):
        part = slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)
        stamp = np.ascontiguousarray(stamp[part])
        share, rest = np.ascontiguousarray(share[part]), np.ascontiguousarray(rest[part])
    region = canvas[y0:y1, x0:x1]
    region[:] = cv2.blendLinear(stamp, np.ascontiguousarray(region), share, rest)


def fixed(points: NDArray) -> NDArray[np.int32]:
    """Points in the whole numbers that OpenCV takes with ``shift=FRACTION``."""
    return np.rint(points * (1 << FRACTION)).astype(np.int32)
