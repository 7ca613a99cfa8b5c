"""The scene without objects, learnt online, and what differs from it.

Lengths are pixels of the working picture.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[Any]  # uint8, which the type hints of OpenCV do not promise

RATE, SLOW_RATE = 0.02, 0.001  # a frame, at which background and foreground are learnt
ABSORB_RATE = 0.2  # a frame, at which what is no object becomes background
FLOOD = 0.5  # of the picture in motion: the background starts anew
NOISES, LEAST = 4.0, 20  # foreground differs by so many times the noise, and grey levels
NOISE = 4.0  # grey levels, before it is measured
DARK = 0.6  # of the background's brightness, the darkest shadow
CHROMA = 0.08  # of the background's brightness, largest change of colour in a shadow
EDGE = 1.2  # an object's outline is sharper than the background there, by this factor
CELL = np.ones((3, 3), np.uint8)


class Background:
    """mean: [H, W, 3] float32, of the scene without objects; noise: [H, W] float32; grey levels"""

    def __init__(self, image: Picture):
        self.mean = image.astype(np.float32)
        self.noise = np.full(image.shape[:2], NOISE, np.float32)
        self.frames = 1

    def foreground(self, image: Picture) -> Picture:
        """-> [H, W], 1 where an object is, else 0; and learns the image."""
        self.frames += 1
        mean = cv2.convertScaleAbs(self.mean)
        difference = cv2.absdiff(image, mean)
        blue, green, red = cv2.split(difference)
        difference = cv2.max(cv2.max(blue, green), red)
        limit = cv2.convertScaleAbs(self.noise, alpha=NOISES)
        mask: Any = cv2.compare(difference, np.maximum(limit, LEAST), cv2.CMP_GE)
        if mask.mean() < FLOOD * 255:
            mask = cv2.medianBlur(without_shadows(mask, image, mean), 5)
        ghosts = without_outline(mask, image, mean)
        near: Any = cv2.dilate(mask, CELL)
        rate = max(RATE, 1 / self.frames)
        cv2.accumulateWeighted(image, self.mean, rate, ~near)
        cv2.accumulateWeighted(cv2.min(difference, 2 * limit), self.noise, rate, ~near)
        cv2.accumulateWeighted(image, self.mean, SLOW_RATE, near)
        cv2.accumulateWeighted(image, self.mean, ABSORB_RATE, ghosts)
        return (mask & ~ghosts) // 255


def without_shadows(mask: Picture, image: Picture, background: Picture) -> Picture:
    """``mask [H, W]`` less the pixels that are as the background but evenly darker."""
    rows = np.flatnonzero(mask)
    now = image.reshape(-1, 3)[rows].astype(np.float32)
    before = background.reshape(-1, 3)[rows].astype(np.float32) + 1
    ratio = np.einsum("ij,ij->i", now, before) / np.einsum("ij,ij->i", before, before)
    change = np.abs(now - ratio[:, None] * before).max(axis=1)
    shadow = (ratio >= DARK) & (ratio < 1) & (change < CHROMA * before.max(axis=1))
    lit = mask.copy()
    lit.reshape(-1)[rows[shadow]] = 0
    return lit


def without_outline(mask: Picture, image: Picture, background: Picture) -> Picture:
    """The blobs of ``mask [H, W]`` whose outline is not in the image: places that somebody left,
    and changes of light. A person has an outline, also one who stands still."""
    count, labels = cv2.connectedComponents(mask)
    inner: Any = cv2.erode(mask, CELL)
    rows = np.flatnonzero(mask & ~inner)
    blobs = labels.reshape(-1)[rows]
    now, before = (
        np.bincount(
            blobs, cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, CELL).reshape(-1)[rows], count
        )
        for grey in (cv2.cvtColor(each, cv2.COLOR_BGR2GRAY) for each in (image, background))
    )
    ghost = np.where(now < EDGE * before, 255, 0).astype(np.uint8)
    ghost[0] = 0
    return ghost[labels]
