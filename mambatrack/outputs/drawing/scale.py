"""How thick lines are and how high labels: by the picture's size, and by what is in it."""

import numpy as np
from numpy.typing import NDArray

SMALL = 240  # pixels; height of a small picture of 16 to 9
LINE, LINE_GROWTH = 1.0, 0.75  # thickness in a small picture; by which power of its height it grows
PLATE, PLATE_GROWTH, SMALLEST_PLATE = 12.0, 0.5, 13  # the same of labels; pixels
MOST_OF_BOX = 0.36  # that a label is high, at the median box
BOX_LINE = 1 / 28  # of a box's height
WIDE = 0.42  # width of a letter, of the height of its label
STEP = 0.15  # by which sizes are off before they follow


def height_of(size: tuple[int, int]) -> float:
    """Pixels: the height of a picture of 16 to 9 that is as large as ``size`` (width, height), so
    that a panorama is no small picture."""
    width, height = size
    return 0.75 * float(np.sqrt(width * height))


def line_of(size: tuple[int, int], factor: float = 1.0) -> int:
    """Thickness of lines, pixels."""
    return max(1, round(factor * LINE * (height_of(size) / SMALL) ** LINE_GROWTH))


def lines_of(line: int, heights: NDArray) -> NDArray[np.int64]:
    """[M] thickness for boxes of these heights [M], pixels: a small box is not filled by its
    lines."""
    return np.clip(np.rint(BOX_LINE * heights), 1, line).astype(np.int64)


def plate_of(size: tuple[int, int], median: float = 0.0, factor: float = 1.0) -> int:
    """Height of labels, pixels; median: height of the median box, 0 where there is none."""
    most = MOST_OF_BOX * median if median > 0 else np.inf
    high = PLATE * (height_of(size) / SMALL) ** PLATE_GROWTH
    return round(factor * max(SMALLEST_PLATE, min(high, most)))


def width_of(letters: NDArray, plate: int) -> NDArray:
    """About how wide labels of so many letters are, pixels."""
    return (WIDE * letters + 0.6) * plate
