"""Crops: the parts of a picture inside boxes, all brought to one size."""

from collections.abc import Sequence
from math import isfinite

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes
from mambatrack.errors import MambatrackError

LEAST_SIDES = 4, 8  # pixels, width and height inside the picture, below which nothing can be told
LEAST_SHARE = 0.5  # of a box that has to lie inside the picture


def as_bgr(image: NDArray) -> NDArray[np.uint8]:
    """A picture [H, W, 3], [H, W, 4], [H, W, 1] or [H, W], uint8 or uint16 -> [H, W, 3] uint8.
    Raises MambatrackError for anything else."""
    if not isinstance(image, np.ndarray) or image.dtype not in (np.uint8, np.uint16):
        numpy = isinstance(image, np.ndarray)
        kind = f"an array of {image.dtype}" if numpy else f"of type {type(image).__name__}"
        raise MambatrackError(
            f"the picture is {kind}; expected a numpy array [height, width, 3] of uint8 or uint16, "
            "BGR, as cv2.imread gives it; one of PIL becomes np.asarray(picture)[:, :, ::-1]"
        )
    layers = image[..., None] if image.ndim == 2 else image
    if layers.ndim != 3 or layers.shape[2] not in (1, 3, 4) or not image.size:
        raise MambatrackError(
            f"the picture has shape {list(image.shape)}; expected [height, width, 3] as BGR"
        )
    if layers.dtype == np.uint16:
        layers = (layers >> 8).astype(np.uint8)
    return np.repeat(layers, 3, axis=2) if layers.shape[2] == 1 else layers[..., :3]


def parts_inside(
    boxes: Boxes, image_size: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """boxes [N, 4] xyxy -> the whole pixels of each that lie in a picture of (width, height), and
    which of them are enough to look at [N]."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 4).tolist()
    parts = np.zeros((len(corners), 4), np.int64)
    enough = np.zeros(len(corners), bool)
    for number, box in enumerate(corners):  # of few boxes in less time than whole columns
        if all(map(isfinite, box)):
            parts[number], enough[number] = _part_inside(box, *image_size)
    return parts, enough


def _part_inside(box: Sequence[float], width: int, height: int) -> tuple[Sequence[int], bool]:
    left, right = (min(max(side, 0), width) for side in box[::2])
    top, bottom = (min(max(side, 0), height) for side in box[1::2])
    wide, high = max(box[2] - box[0], 1e-9), max(box[3] - box[1], 1e-9)
    share = max(right - left, 0) / wide * (max(bottom - top, 0) / high)
    part = left, top, right, bottom = round(left), round(top), round(right), round(bottom)
    enough = right - left >= LEAST_SIDES[0] and bottom - top >= LEAST_SIDES[1]
    return part, enough and share >= LEAST_SHARE


def cut(
    image: NDArray[np.uint8], parts: NDArray[np.int64], size: tuple[int, int]
) -> NDArray[np.uint8]:
    """The parts [K, 4] xyxy, whole pixels, of image [H, W, 3], each in ``size`` (width, height)
    -> [K, height, width, 3]."""
    crops = np.empty((len(parts), size[1], size[0], 3), np.uint8)
    for crop, (left, top, right, bottom) in zip(crops, parts.tolist(), strict=True):
        _resize(image[top:bottom, left:right], size, crop)
    return crops


def resized(crops: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """crops [K, H, W, 3] in another ``size`` (width, height) -> [K, height, width, 3]."""
    found = np.empty((len(crops), size[1], size[0], 3), np.uint8)
    for crop, into in zip(crops, found, strict=True):
        _resize(crop, size, into)
    return found


def _resize(part: NDArray[np.uint8], size: tuple[int, int], into: NDArray[np.uint8]) -> None:
    shrinks = part.shape[0] > size[1]
    cv2.resize(part, size, into, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
