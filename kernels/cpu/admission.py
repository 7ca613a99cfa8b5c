"""Rows of detections of which none is unusable, read in the C library."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import library, wanted
from mambatrack.kernels.cpu.packing import address, check_array

MOST_ROWS = 1024  # each is compared with all before it
COLUMNS = (4, 5, 6)
KINDS = frozenset(map(np.dtype, (np.float32, np.float64)))  # found faster than in a tuple
FLOATS, NUMBERS, EXTENT = 9, 2, 4  # of a detection, and of all, as admit.h has them


class Admitted(NamedTuple):
    """found: the detections; extent: largest left and top, least right and bottom edge of all."""

    found: FoundColumns
    extent: list[float]


def readable(rows: Any) -> bool:
    """Whether C reads the rows of detections as they are."""
    if type(rows) is not np.ndarray or rows.dtype not in KINDS or rows.ndim != 2:
        return False
    (count, columns), flags = rows.shape, rows.flags
    fits = 0 < count <= MOST_ROWS and columns in COLUMNS
    return fits and flags.c_contiguous and flags.aligned


def admit(rows: Any, limits: NDArray[np.float64]) -> Admitted | None:
    """rows [N, 4..6] of x1 y1 x2 y2 [score [class]]; limits [6] of their absolute values,
    exclusive -> None where any row is unusable or repeats another one, where it is no array of
    contiguous float32 or float64, and without the library."""
    if not readable(rows) or not wanted():
        return None
    check_array("limits", limits, np.float64, (6,))
    count = len(rows)
    floats, numbers = np.empty(FLOATS * count + EXTENT, np.float32), np.empty(NUMBERS * count, int)
    fine = library().admit(
        address(rows), rows.dtype == np.float64, *rows.shape, address(limits), address(floats),
        address(numbers),
    )  # fmt: skip
    if not fine:
        return None
    extent = floats[FLOATS * count :].tolist()
    return Admitted(FoundColumns.in_one_piece(count, floats, numbers), extent)
