"""Box formats and overlaps: pure functions over arrays [N, 4].

xyxy is (left, top, right, bottom), cxcywh is (centre x, centre y, width, height), both in pixels.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def xyxy_to_cxcywh(boxes: Array) -> Array:
    """``boxes [..., 4]`` xyxy -> ``[..., 4]`` cxcywh."""
    corner, size = boxes[..., :2], boxes[..., 2:] - boxes[..., :2]
    return np.concatenate([corner + size / 2, size], axis=-1)


def cxcywh_to_xyxy(boxes: Array) -> Array:
    """``boxes [..., 4]`` cxcywh -> ``[..., 4]`` xyxy."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def xyxy_to_ltwh(boxes: Array) -> Array:
    """``boxes [..., 4]`` xyxy -> ``[..., 4]`` (left, top, width, height)."""
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def ltwh_to_xyxy(boxes: Array) -> Array:
    """``boxes [..., 4]`` (left, top, width, height) -> ``[..., 4]`` xyxy."""
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def area(boxes: Array) -> Array:
    """``boxes [N, 4]`` xyxy -> ``[N]``; a box turned inside out has no area."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1)


def intersection(a: Array, b: Array) -> Array:
    """``a [N, 4]``, ``b [M, 4]`` xyxy -> overlap area ``[N, M]``."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.prod(np.maximum(bottom_right - top_left, 0), axis=-1)


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
