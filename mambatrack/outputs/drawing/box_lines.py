"""Boxes in the picture: solid where seen, dashed and fading where hidden."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.outputs.drawing.canvas import Image
from mambatrack.outputs.drawing.colours import DARK, Colour

Corners = tuple[int, int, int, int]
DASH = 5  # length of dashes and of the gaps between them, in thicknesses
SHADE = 0.55  # opacity of the dark rim


def draw_solid(canvas: Image, corners: Corners, colour: Colour, line: int) -> None:
    """A line around the box, on a darkened one that is a pixel wider on both sides."""
    for left, top, right, bottom in _edges(corners, line + 2):
        canvas[top:bottom, left:right] >>= 1
    for left, top, right, bottom in _edges(corners, line):
        if left < right and top < bottom:
            cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)


def draw_dashed(
    canvas: Image, corners: Corners, colour: Colour, line: int, opacity: float
) -> None:  # fmt: skip
    """Dashes around the box, with a dark rim, which let the picture through."""
    ink, dark = np.array(colour, np.float32), np.array(DARK, np.float32)
    for number, (left, top, right, bottom) in enumerate(_edges(corners, line + 2)):
        strip = canvas[top:bottom, left:right]
        along = strip if number < 2 else strip.transpose(1, 0, 2)  # [thickness, length, 3]
        if not along.size:
            continue
        share = opacity * _dashes(along.shape[1], line)[None, :, None]
        paint = np.broadcast_to(dark, along.shape).copy()
        shares = np.broadcast_to(SHADE * share, (*along.shape[:2], 1)).copy()
        middle = slice(1, max(along.shape[0] - 1, 2))
        paint[middle], shares[middle] = ink, share
        along[:] = np.rint(along + shares * (paint - along))


def _edges(corners: Corners, width: int) -> tuple[Corners, Corners, Corners, Corners]:
    """Bars along the upper, lower, left and right edge, as (left, top, right, bottom) with the last
    two behind the end; no pixel is in two, and none at negative places."""
    left, top, right, bottom = corners
    before, after = width // 2, width - width // 2
    x0, x1, x2 = max(left - before, 0), left + after, max(right - before, left + after)
    y1, y2 = top + after, max(bottom - before, top + after)
    return (
        (x0, max(top - before, 0), right + after, y1),
        (x0, y2, right + after, bottom + after),
        (x0, y1, x1, y2),
        (x2, y1, right + after, y2),
    )


def _dashes(length: int, line: int) -> NDArray[np.float32]:
    """[length] 1 in a dash, 0 between them; a dash at both ends."""
    count = 2 * max(1, round(length / (2 * DASH * line))) + 1
    return 1 - (np.arange(length) * count // length % 2).astype(np.float32)
