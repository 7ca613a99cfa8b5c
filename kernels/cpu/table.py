"""The columns of a table of tracks as C reads and writes them."""

import ctypes
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.packing import address, check_array

COLUMNS: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)), "spread": (np.float32, (4,)), "last": (np.float32, (4,)),
    "means": (np.float32, (8,)), "scores": (np.float32, ()), "votes": (np.float32, (4,)),
    "labels": (np.int64, ()), "hits": (np.int64, ()), "gap": (np.int64, ()),
    "det_ind": (np.int64, ()),
}  # fmt: skip
WIDE = ("motion", "memory")  # of any number of floats


class _Table(ctypes.Structure):
    """struct Table of table.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in (*COLUMNS, *WIDE)],
        *[(f"{name}_size", ctypes.c_int64) for name in WIDE],
    ]


class TableColumns:
    """Where the columns lie, each [capacity, ...]; ``at`` is for C and good as long as this lives.

    Raises ValueError where a column is not as C expects it.
    """

    def __init__(self, arrays: Mapping[str, NDArray]):
        self.capacity = len(arrays["boxes"])
        self._held = [arrays[name] for name in (*COLUMNS, *WIDE)]
        for name, (kind, shape) in COLUMNS.items():
            check_array(name, arrays[name], kind, (self.capacity, *shape))
        for name in WIDE:
            check_array(name, arrays[name], np.float32, (self.capacity, *arrays[name].shape[1:2]))
        self._table = _Table(*map(address, self._held), *(arrays[name].shape[1] for name in WIDE))
        self.at = ctypes.addressof(self._table)
