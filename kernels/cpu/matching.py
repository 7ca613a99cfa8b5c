"""The clear pairs of a matching in the C library; what is left goes to the Hungarian method."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import MISFIT, library
from mambatrack.kernels.cpu.packing import Floats, address, check_array

Indices = NDArray[np.int64]


def clear_pairs(
    tracks: Indices,
    detections: Indices,
    counts: tuple[int, int],
    odds: Floats,
    lowest: float,
    least: float,
    rounds: int,
) -> tuple[Indices, Indices, Floats]:
    """association.pairs.best but for the Hungarian method: tracks [K], detections [K] and odds [K]
    of pairs, of which those below ``lowest`` are never matched; counts: of all tracks and of all
    detections; least: worth of a pair with the lowest odds -> the pairs that are matched [.], those
    that are left [.], and the worth of all [K].

    Raises ValueError for what does not fit."""
    count = len(odds)
    check_array("odds", odds, np.float32, (count,))
    check_array("tracks", tracks, np.int64, (count,))
    check_array("detections", detections, np.int64, (count,))
    sums, worth = np.empty(sum(counts)), np.empty(count, np.float32)
    chosen, left = np.empty(count, np.int64), np.empty(count, np.int64)
    settled = ctypes.c_int64()
    remaining = library().choose_clear(
        count, address(tracks), address(detections), *counts, address(odds), lowest, least, rounds,
        address(sums), address(worth), address(chosen), address(left), ctypes.byref(settled),
    )  # fmt: skip
    if remaining == MISFIT:
        raise ValueError(f"tracks and detections: below {counts[0]} and {counts[1]} expected")
    return chosen[: settled.value], left[:remaining], worth
