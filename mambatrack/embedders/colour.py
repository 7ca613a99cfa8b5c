"""Colours of clothes: a histogram for each stripe of a body, without any weights.

Each pixel counts where it is by hue and saturation; one that has hardly any colour, by brightness.
The square roots of shares make the product of two vectors the overlap of two histograms
(Bhattacharyya).
"""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Prior
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.kernels.cpu.colours import ColourHistograms
from mambatrack.kernels.cpu.library import wanted

CROP = 24, 72  # width and height
STRIPES = 6
MIDDLE = slice(6, 18)  # columns: background stands beside a person
HUES, SATURATIONS, BRIGHTNESSES = 12, 3, 12
GREY = 25  # saturation, of 255, below which hue is noise
PRIOR = Prior(same=(0.9, 0.08), others=(0.65, 0.12))  # of 20 people in a street
CELLS = HUES * SATURATIONS + BRIGHTNESSES


def colour_embedder() -> CropEmbedder:
    """The embedder ``colour``."""
    return CropEmbedder("colour", histograms, CROP, PRIOR)


def histograms(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """crops [K, 72, 24, 3] BGR -> [K, STRIPES * CELLS], square roots of shares."""
    return _in_c()(crops) if wanted() else histograms_in_numpy(crops)


def histograms_in_numpy(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The same without the C library."""
    count, height = crops.shape[:2]
    middle = np.ascontiguousarray(crops[:, :, MIDDLE])
    pixels = cv2.cvtColor(middle.reshape(-1, 1, 3), cv2.COLOR_BGR2HSV).reshape(-1, 3)
    cells = CELL_OF_COLOUR[pixels[:, 0], pixels[:, 1]]
    grey = pixels[:, 1] < GREY
    cells[grey] = HUES * SATURATIONS + pixels[grey, 2].astype(np.int64) * BRIGHTNESSES // 256
    stripes = np.arange(count * height) // (height // STRIPES)
    cells += np.repeat(stripes * CELLS, middle.shape[2])
    found = np.bincount(cells, minlength=count * STRIPES * CELLS).reshape(count, -1)
    return np.sqrt(found / (height * middle.shape[2])).astype(np.float32)


@cache
def _in_c() -> ColourHistograms:
    grey = GREY, HUES * SATURATIONS, BRIGHTNESSES
    return ColourHistograms(CROP, MIDDLE, STRIPES, *grey, CELL_OF_COLOUR)


def _cell_of_colour() -> NDArray[np.int64]:
    """[180, 256] by hue and saturation as OpenCV has them."""
    hue = np.arange(180) * HUES // 180
    saturation = np.clip((np.arange(256) - GREY) * SATURATIONS // (256 - GREY), 0, None)
    return hue[:, None] * SATURATIONS + saturation


CELL_OF_COLOUR = _cell_of_colour()
