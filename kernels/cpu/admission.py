"""Rows of detections of which none is unusable, read in the C library."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library, wanted
from mambatrack.kernels.cpu.packing import Floats, address, check_array

MOST_ROWS = 1024  # each is compared with all before it
COLUMNS = (4, 5, 6)

Admitted = tuple[Floats, Floats, NDArray[np.int64]]


def admit(rows: Any, limits: NDArray[np.float64]) -> Admitted | None:
    """rows [N, 4..6] of x1 y1 x2 y2 [score [class]]; limits [6] of their absolute values,
    exclusive -> boxes [N, 4], scores [N], labels [N]; None where any row is unusable or repeats
    another one, where it is no array of contiguous float32 or float64, and without the library."""
    if type(rows) is not np.ndarray or rows.dtype not in (np.float32, np.float64):
        return None
    if rows.ndim != 2 or rows.shape[1] not in COLUMNS or not 0 < len(rows) <= MOST_ROWS:
        return None
    if not (rows.flags.c_contiguous and rows.flags.aligned and wanted()):
        return None
    check_array("limits", limits, np.float64, (6,))
    count = len(rows)
    boxes, scores = np.empty((count, 4), np.float32), np.empty(count, np.float32)
    labels = np.empty(count, np.int64)
    fine = library().admit(
        address(rows), rows.dtype == np.float64, *rows.shape, address(limits), address(boxes),
        address(scores), address(labels),
    )  # fmt: skip
    return (boxes, scores, labels) if fine else None
