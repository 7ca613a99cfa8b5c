"""The colour of each track: always the same, and as light as that of any other."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]

GREY: Colour = (165, 165, 165)
DARK: Colour = (24, 24, 24)
WHITE: Colour = (255, 255, 255)
GOLDEN = 0.6180339887  # share of the circle of hues between ids that follow each other
LIGHTNESS = (0.73, 0.64, 0.80)  # of OKLab, by turns
CHROMA = 0.19
# OKLab to linear RGB: Björn Ottosson, "A perceptual color space for image processing", 2020
TO_CONES = np.array(
    [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
)
TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@lru_cache(maxsize=4096)
def rgb_of(identity: int) -> Colour:
    """Red, green and blue, 0 to 255, of a track id; far in hue from the ids next to it."""
    lightness = LIGHTNESS[identity % len(LIGHTNESS)]
    angle = 2 * np.pi * (identity * GOLDEN % 1.0)
    for chroma in np.linspace(CHROMA, 0, 20):  # the strongest that a screen can show
        lab = np.array([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])
        linear = TO_RGB @ (TO_CONES @ lab) ** 3
        if linear.min() >= 0 and linear.max() <= 1:
            break
    red, green, blue = np.rint(255 * _encoded(np.clip(linear, 0, 1))).astype(int).tolist()
    return red, green, blue


def colour_of(identity: int) -> Colour:
    """Blue, green and red, as OpenCV has them, of a track id."""
    red, green, blue = rgb_of(identity)
    return blue, green, red


def is_bright(colour: Colour) -> bool:
    """Whether dark ink is easier to read than white on a plate of this colour (BGR)."""
    blue, green, red = colour
    return 0.114 * blue + 0.587 * green + 0.299 * red > 100


def pale(colour: Colour) -> Colour:
    """Half way to white."""
    blue, green, red = ((channel + 255) // 2 for channel in colour)
    return blue, green, red


def _encoded(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB of linear light."""
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
