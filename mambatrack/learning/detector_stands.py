"""Painted things on legs, which are upright as people are: boards on posts, tripods, easels."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

WIDTHS = 0.2, 1.0  # of a stand, as shares of its height
LEGS, SLANTED = (1, 4), 0.4  # legs, fewest and most; share of the stands whose legs meet at the top
LEG = 0.02, 0.12  # width of a leg, as a share of the height
BOARDED, BOARD = 0.7, (0.1, 0.6)  # share of the stands with a board; its height, of the whole one
BARRED = 0.4  # share with a bar from leg to leg
ASLANT = 0.35  # of its height, by which one side lies lower than the other
GRAIN = 10.0  # grey levels of its texture at most


class Stand(NamedTuple):
    """picture [H, W, 3] uint8; shape [H, W, 1], from 1 where it is to 0 where it is not."""

    picture: NDArray[np.uint8]
    shape: NDArray[np.float32]


def painted_stand(high: int, wide: int, rng: Generator) -> Stand:
    """A stand of any colours that fills ``high`` rows and ``wide`` columns."""
    picture = np.empty((high, wide, 3), np.uint8)
    shape = np.zeros((high, wide), np.uint8)
    colours = rng.uniform(0, 255, (2, 3))
    picture[:] = colours[0]
    thick = max(1, round(high * rng.uniform(*LEG)))
    inner = max(wide - thick, 1)
    feet = np.linspace(0, inner, int(rng.integers(LEGS[0], LEGS[1] + 1))) + thick / 2
    tops = feet
    if rng.random() < SLANTED:
        tops = wide / 2 + (feet - wide / 2) * rng.uniform(0, 0.5)
    for foot, top in zip(feet, tops, strict=True):
        _line(shape, (foot, high - 1), (top, 0), thick)
    if rng.random() < BARRED:
        row = rng.uniform(0.2, 0.9) * high
        _line(shape, (0, row), (wide - 1, row), max(1, thick // 2))
    if rng.random() < BOARDED:
        rows = max(1, int(high * rng.uniform(*BOARD)))
        shape[:rows] = 255
        picture[:rows] = colours[1]
    light = rng.uniform(-40, 40) * np.linspace(-1, 1, wide)[None, :, None]
    grain = rng.normal(0, rng.uniform(0, GRAIN), (high, wide, 1))
    textured = (picture + grain + light).clip(0, 255).astype(np.uint8)
    view = _seen_aslant(high, wide, rng.uniform(-ASLANT, ASLANT))
    seen = (cv2.warpAffine(each, view, (wide, high)) for each in (textured, shape))
    picture, shape = (np.asarray(each, np.uint8) for each in seen)
    return Stand(picture, np.asarray(shape[..., None] / 255, np.float32))


def _seen_aslant(high: int, wide: int, drop: float) -> NDArray:
    """The matrix [2, 3] by which the right side lies lower than the left one, by a share ``drop``
    of the height, and both in the same rows together."""
    return np.array([[1, 0, 0], [drop * high / wide, 1 - abs(drop), max(0, -drop) * high]])


def _line(shape: NDArray, start: tuple[float, float], end: tuple[float, float], thick: int) -> None:
    first, last = ((round(float(x)), round(float(y))) for x, y in (start, end))
    cv2.line(shape, first, last, (255,), thick, cv2.LINE_AA)
