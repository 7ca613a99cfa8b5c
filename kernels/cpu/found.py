"""The detections of a frame as C reads them."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.packing import Floats, address

FOUND = 9  # of table.h
Indices = NDArray[np.int64]


class _Found(ctypes.Structure):
    """struct Found of table.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("rows", "labels", "numbers")],
        ("count", ctypes.c_int64),
    ]


class FoundColumns:
    """``at`` is for C and good as long as this lives.

    boxes [M, 4] xyxy, centred [M, 4] the same as cxcywh, scores [M], labels [M], rows [M] in the
    caller's array. Raises ValueError where their numbers differ.
    """

    def __init__(
        self, boxes: Floats, centred: Floats, scores: Floats, labels: Indices, rows: Indices
    ):
        self._given = boxes, centred, scores, labels, rows
        self.count = count = len(scores)
        if any(len(each) != count for each in self._given):
            raise ValueError(f"{count} scores have {', '.join(str(len(e)) for e in self._given)}")
        self._rows, self._numbers = np.empty((count, FOUND), np.float32), np.empty(2 * count, int)
        self._rows[:, :4], self._rows[:, 4:8], self._rows[:, 8] = boxes, centred, scores
        self._numbers[:count], self._numbers[count:] = labels, rows
        numbers = address(self._numbers)
        self._found = _Found(address(self._rows), numbers, numbers + 8 * count, count)
        self.at = ctypes.addressof(self._found)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses mean nothing in another process
