"""Box formats and overlaps: pure functions over arrays [N, 4].

xyxy is (left, top, right, bottom), cxcywh is (centre x, centre y, width, height), both in pixels.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# products with these are exact up to one rounding, as the same sums are, in one call for five
TO_LTWH = np.array([[1, 0, -1, 0], [0, 1, 0, -1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32)
TO_CENTRE = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0, 1, 0], [0, 0.5, 0, 1]], np.float32)
TO_CORNERS = np.array(
    [[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], np.float32
)


def xyxy_to_cxcywh(boxes: Array) -> Array:
    """``boxes [..., 4]`` xyxy, finite -> ``[..., 4]`` cxcywh."""
    return boxes @ TO_LTWH @ TO_CENTRE


def cxcywh_to_xyxy(boxes: Array) -> Array:
    """``boxes [..., 4]`` cxcywh, finite -> ``[..., 4]`` xyxy."""
    return boxes @ TO_CORNERS


def xyxy_to_ltwh(boxes: Array) -> Array:
    """``boxes [..., 4]`` xyxy -> ``[..., 4]`` (left, top, width, height)."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def ltwh_to_xyxy(boxes: Array) -> Array:
    """``boxes [..., 4]`` (left, top, width, height) -> ``[..., 4]`` xyxy."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def area(boxes: Array) -> Array:
    """``boxes [N, 4]`` xyxy -> ``[N]``; a box turned inside out has no area."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]


def intersection(a: Array, b: Array) -> Array:
    """``a [N, 4]``, ``b [M, 4]`` xyxy -> overlap area ``[N, M]``."""
    width, height = (
        np.minimum(a[:, None, end], b[None, :, end])
        - np.maximum(a[:, None, start], b[None, :, start])
        for start, end in ((0, 2), (1, 3))
    )
    return np.maximum(width, 0) * np.maximum(height, 0)


def iou(a: Array, b: Array) -> Array:
    """Intersection over union: ``a [N, 4]``, ``b [M, 4]`` xyxy -> ``[N, M]`` in [0, 1]."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return shared / np.maximum(union, 1e-9)


def height_iou(a: Array, b: Array) -> Array:
    """Overlap of the vertical extents: ``a [N, 4]``, ``b [M, 4]`` xyxy -> ``[N, M]`` in [0, 1].

    Source: Hybrid-SORT (Yang et al., AAAI 2024), height-modulated IoU.
    """
    shared = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    hull = np.maximum(a[:, None, 3], b[None, :, 3]) - np.minimum(a[:, None, 1], b[None, :, 1])
    return np.maximum(shared, 0) / np.maximum(hull, 1e-9)


def clip(boxes: Array, image_size: tuple[int, int]) -> Array:
    """``boxes [N, 4]`` xyxy cut to an image of ``(width, height)`` pixels."""
    width, height = image_size
    return np.clip(boxes, 0, np.array([width, height, width, height], boxes.dtype))


Boxes = NDArray[np.float32]
SMALLEST = 1.0  # pixels; no prediction is narrower or lower
LOWEST = np.array([-1e7, -1e7, SMALLEST, SMALLEST], np.float32)


def own_size(boxes: Boxes) -> Boxes:
    """cxcywh [N, 4] -> the size that each coordinate is measured by: (w, h, w, h)."""
    return boxes[:, [2, 3, 2, 3]]


def as_plausible(boxes: Boxes) -> Boxes:
    """Keeps extrapolated boxes finite, of NaN too, and of positive size."""
    return np.fmin(np.fmax(boxes, LOWEST), -LOWEST[0])
