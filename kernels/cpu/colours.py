"""Histograms of colours of crops, in the C library: colours.h."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_array


class _Stripes(ctypes.Structure):
    """struct Stripes of colours.h."""

    _fields_ = [
        *[
            (name, ctypes.c_int64)
            for name in (
                "height", "width", "first", "last", "stripes", "grey", "colours", "brightnesses",
            )
        ],
        ("cell_of_colour", ctypes.c_void_p),
    ]  # fmt: skip


class ColourHistograms:
    """Of crops of ``size`` (width, height) the columns ``middle``, in so many stripes.

    cell_of_colour [180, 256]: by hue and saturation, one of ``colours``; grey: saturation below
    which a pixel counts by its brightness, one of ``brightnesses``
    """

    def __init__(
        self, size: tuple[int, int], middle: slice, stripes: int, grey: int, colours: int,
        brightnesses: int, cell_of_colour: NDArray[np.int64],
    ):  # fmt: skip
        check_array("cell_of_colour", cell_of_colour, np.int64, (180, 256))
        (width, height), self._cell_of_colour = size, cell_of_colour
        if height % stripes or not 0 <= middle.start < middle.stop <= width:
            raise ValueError(f"{stripes} stripes of columns {middle} do not fit {size}")
        if not 0 <= cell_of_colour.min() <= cell_of_colour.max() < colours:
            raise ValueError(f"cells from 0 to {colours - 1} expected")
        self._shape = height, width, 3
        self._stripes = _Stripes(
            height, width, middle.start, middle.stop, stripes, grey, colours, brightnesses,
            address(cell_of_colour),
        )  # fmt: skip
        self.size = stripes * (colours + brightnesses)

    def __call__(self, crops: NDArray[np.uint8]) -> Floats:
        """crops [K, height, width, 3] BGR -> [K, size], square roots of shares."""
        crops = np.ascontiguousarray(crops)
        check_array("crops", crops, np.uint8, (len(crops), *self._shape))
        counts = np.empty(self.size, np.int64)
        found = np.empty((len(crops), self.size), np.float32)
        library().histograms(
            ctypes.addressof(self._stripes), len(crops), address(crops), address(counts),
            address(found),
        )  # fmt: skip
        return found
