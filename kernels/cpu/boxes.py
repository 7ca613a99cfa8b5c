"""association.features.neighbours and best_other in the C library: numpy in and out."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, contiguous

Indices = NDArray[np.int64]


def neighbours(corners: Floats) -> tuple[Floats, Indices]:
    """Of each box [4, N] xyxy the largest IoU with another one [N] and which that is [N]; itself
    where nothing overlaps."""
    if corners.ndim != 2 or len(corners) != 4 or corners.dtype != np.float32:
        raise ValueError(f"[4, N] float32 expected, got {list(corners.shape)} {corners.dtype}")
    corners, count = contiguous(corners), corners.shape[1]
    floats, numbers = np.empty(7 * count, np.float32), np.empty(2 * count, np.int64)
    most, which = np.empty(count, np.float32), np.empty(count, np.int64)
    library().neighbours(
        address(corners), count, address(floats), address(numbers), address(most), address(which)
    )
    return most, which


def best_other(values: Floats, index: Indices, count: int) -> Floats:
    """values [K] >= 0 of pairs, index [K] from 0 to ``count``, one side of each -> the largest
    value among the other pairs of that side [K], 0 where there is none."""
    if values.ndim != 1 or values.shape != index.shape or values.dtype != np.float32:
        raise ValueError(
            f"values [K] float32 and index [K] expected, got {list(values.shape)} {values.dtype} "
            f"and {list(index.shape)}"
        )
    values, index = contiguous(values), contiguous(index, np.int64)
    memory, holder = np.empty(2 * count, np.float32), np.empty(count, np.int64)
    other = np.empty_like(values)
    wrong = library().best_other(
        len(values), address(values), address(index), count, address(memory), address(holder),
        address(other),
    )  # fmt: skip
    if wrong >= 0:
        raise ValueError(f"index: from 0 to {count - 1} expected, got {index[wrong]}")
    return other
