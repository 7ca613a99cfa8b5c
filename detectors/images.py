"""From an image of any size to the input of a network, and back with the boxes."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.sources.pictures import checked_picture

PADDING = 114  # grey level around the image: YOLOX and RTMDet are trained with it
DYNAMIC_SIDE = 640  # longer side of the input where the file leaves its size open
MULTIPLE = 32


@dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / std for each channel, in the order that the network takes them."""

    rgb: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def size_of(image: NDArray[np.uint8]) -> tuple[int, int]:
    """(width, height); raises MambatrackError for what is no picture."""
    height, width = checked_picture(image).shape[:2]
    return width, height


def input_size(
    shape: tuple[int | None, ...], image_size: tuple[int, int], side: int = DYNAMIC_SIDE
) -> tuple[int, int]:
    """(width, height) that a network of input ``shape`` [1, 3, H, W] takes for an image.

    Where the file leaves it open: the longer side is ``side``, the shorter one follows the image,
    rounded up to a multiple of 32.
    """
    height, width = shape[2], shape[3]
    scale = side / max(image_size)
    fitting = [max(1, -int(-size * scale // MULTIPLE)) * MULTIPLE for size in image_size]
    return width or fitting[0], height or fitting[1]


@dataclass(frozen=True)
class Placed:
    """canvas [H, W, 3]: the picture in the size of the input; scale, offset [4] float32: what xyxy
    boxes in the image were multiplied by, and what was added to them then."""

    canvas: NDArray[np.uint8]
    scale: NDArray[np.float32]
    offset: NDArray[np.float32]

    def back(self, boxes: NDArray) -> NDArray:
        """``boxes [N, 4]`` xyxy in pixels of the input -> in pixels of the image."""
        return (boxes - self.offset) / self.scale


def place(image: NDArray[np.uint8], size: tuple[int, int], placement: str = "corner") -> Placed:
    """The image in an input of ``size`` (width, height).

    placement: "corner" and "centre" keep its shape and leave the rest grey; "stretched" fills all
    """
    height, width = image.shape[:2]
    ratio = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * ratio)), max(1, round(height * ratio))
    inner = size if placement == "stretched" else inner
    left, top = (
        (round((whole - part) / 2 - 0.1) if placement == "centre" else 0)
        for whole, part in zip(size, inner, strict=True)
    )
    canvas = np.full((size[1], size[0], 3), PADDING, np.uint8)
    resized = cv2.resize(image, inner, interpolation=cv2.INTER_LINEAR)
    canvas[top : top + inner[1], left : left + inner[0]] = resized
    scale = np.array([inner[0] / width, inner[1] / height] * 2, np.float32)
    return Placed(canvas, scale, np.array([left, top] * 2, np.float32))


def to_blob(canvas: NDArray[np.uint8], normalisation: Normalisation) -> NDArray[np.float32]:
    """``canvas [H, W, 3]`` uint8 BGR -> ``[1, 3, H, W]`` float32, normalised."""
    blob = np.empty((1, 3, *canvas.shape[:2]), np.float32)
    planes = cv2.split(canvas)
    for channel, plane in enumerate(planes[::-1] if normalisation.rgb else planes):
        factor = 1 / normalisation.std[channel]
        np.multiply(plane, np.float32(factor), out=blob[0, channel])
        blob[0, channel] -= np.float32(normalisation.mean[channel] * factor)
    return blob
