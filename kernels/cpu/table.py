"""The columns of a table of tracks as C reads and writes them."""

import ctypes
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import SPLIT, library
from mambatrack.kernels.cpu.packing import Floats, address, check_array

Indices = NDArray[np.int64]

COLUMNS: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)), "spread": (np.float32, (4,)), "last": (np.float32, (4,)),
    "means": (np.float32, (8,)), "scores": (np.float32, ()), "votes": (np.float32, (4,)),
    "labels": (np.int64, ()), "hits": (np.int64, ()), "gap": (np.int64, ()), "age": (np.int64, ()),
    "det_ind": (np.int64, ()), "ids": (np.int64, ()), "stamp": (np.int64, ()),
}  # fmt: skip
SEEN: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)), "scores": (np.float32, ()), "labels": (np.int64, ()),
    "det_ind": (np.int64, ()),
}  # fmt: skip
WIDE = ("motion", "memory")  # of any number of floats


class _Table(ctypes.Structure):
    """struct Table of table.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in (*COLUMNS, *WIDE)],
        *[(f"{name}_size", ctypes.c_int64) for name in WIDE],
        ("rates", ctypes.c_void_p),
        ("decay", ctypes.c_float),
    ]


class _Observed(ctypes.Structure):
    """struct Observed of observe.h."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("boxes", "logs", "scores", "labels", "rows")]


class TableColumns:
    """Where the columns lie, each [capacity, ...]; ``at`` is for C and good as long as this lives.

    rates [8]: of the running means; decay: of older votes, with each new one. Raises ValueError
    where a column is not as C expects it.
    """

    def __init__(self, arrays: Mapping[str, NDArray], rates: Floats, decay: float):
        check_array("rates", rates, np.float32, (8,))
        self._rates = rates
        self.capacity = len(arrays["boxes"])
        self._held = [arrays[name] for name in (*COLUMNS, *WIDE)]
        for name, (kind, shape) in COLUMNS.items():
            check_array(name, arrays[name], kind, (self.capacity, *shape), True)
        for name in WIDE:
            shape = self.capacity, *arrays[name].shape[1:2]
            check_array(name, arrays[name], np.float32, shape, True)
        self.motion_size, self.memory_size = (arrays[name].shape[1] for name in WIDE)
        sizes = self.motion_size, self.memory_size
        self._table = _Table(*map(address, self._held), *sizes, address(rates), decay)
        self.at = ctypes.addressof(self._table)

    def observe(self, tracks: int, rows: Indices, mixed: bool, **seen: NDArray) -> bool:
        """TrackTable.observe: the tracks rows [K] of the first ``tracks`` were seen at boxes
        [K, 4] cxcywh, with scores [K] and labels [K], as rows det_ind [K] of the caller's array.

        -> whether the votes were counted: they are not where any track has votes for two classes
        (mixed), or now gets one. Raises ValueError for what does not fit."""
        count = len(rows)
        if tracks > self.capacity:
            raise ValueError(f"up to {self.capacity} tracks expected, got {tracks}")
        check_array("rows", rows, np.int64, (count,))
        for name, (kind, shape) in SEEN.items():
            check_array(name, seen[name], kind, (count, *shape))
        boxes, scores, labels, det_ind = (seen[name] for name in SEEN)
        logs = np.log(boxes[:, 2:])
        given = _Observed(*map(address, (boxes, logs, scores, labels, det_ind)))
        done: int = library().observe(
            self.at, ctypes.addressof(given), count, address(rows), tracks, mixed
        )
        if done >= 0:
            raise ValueError(f"rows: from 0 to {tracks - 1} expected, got {rows[done]}")
        return done != SPLIT

    def any_over(self, tracks: int, min_hits: int, max_age: int) -> bool:
        """Whether TrackTable.end would end any of the first ``tracks``."""
        return bool(library().any_over(self.at, tracks, min_hits, max_age))
