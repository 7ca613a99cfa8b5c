"""The size of a video, and pictures of any size fitted to it."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Size = tuple[int, int]


def size_within(size: Size, side: int, area: float = float("inf")) -> Size:
    """The even size of a video for pictures of ``size``, smaller where a side or the area would be
    larger than the codec takes."""
    scale = min(1.0, side / max(size), (area / (size[0] * size[1])) ** 0.5)
    if scale == 1.0:
        return size[0] + size[0] % 2, size[1] + size[1] % 2
    width, height = (max(2 * int(length * scale / 2), 2) for length in size)
    return width, height


def fit(image: Image, size: Size) -> Image:
    """The image at ``size`` (width, height): padded where a pixel is missing, else letterboxed."""
    width, height = size
    missing = height - image.shape[0], width - image.shape[1]
    if missing == (0, 0):
        return image
    if missing in ((0, 1), (1, 0), (1, 1)):
        return np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = [max(round(length * scale), 1) for length in image.shape[:2]]
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[0], left : left + inner[1]] = cv2.resize(
        image, (inner[1], inner[0]), interpolation=cv2.INTER_AREA
    )
    return canvas
