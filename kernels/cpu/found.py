"""The detections of a frame as C reads them."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.packing import Floats, address, contiguous

Indices = NDArray[np.int64]


class _Found(ctypes.Structure):
    """struct Found of table.h."""

    _fields_ = [
        *[(n, ctypes.c_void_p) for n in ("boxes", "centred", "scores", "labels", "numbers")],
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
        given = boxes, centred, scores, labels, rows
        self.count = count = len(scores)
        if any(len(each) != count for each in given):
            raise ValueError(f"{count} scores have {', '.join(str(len(e)) for e in given)}")
        self.boxes, self.centred = (contiguous(e).reshape(count, 4) for e in (boxes, centred))
        self.scores = contiguous(scores).reshape(count)
        self.labels, self.rows = (contiguous(e, np.int64).reshape(count) for e in (labels, rows))
        columns = self.boxes, self.centred, self.scores, self.labels, self.rows
        self._point(*map(address, columns))

    @classmethod
    def in_one_piece(cls, count: int, floats: Floats, numbers: Indices) -> "FoundColumns":
        """Of boxes, centred and scores [9 * count] and of labels and rows [2 * count]; they are
        read-only from now on."""
        found = object.__new__(cls)
        found.count, at, of_numbers = count, address(floats), address(numbers)
        floats.setflags(write=False)
        numbers.setflags(write=False)
        found.boxes = floats[: 4 * count].reshape(count, 4)
        found.centred = floats[4 * count : 8 * count].reshape(count, 4)
        found.scores = floats[8 * count : 9 * count]
        found.labels, found.rows = numbers[:count], numbers[count:]
        found._point(at, at + 16 * count, at + 32 * count, of_numbers, of_numbers + 8 * count)
        return found

    def __len__(self) -> int:
        return self.count

    def _point(self, *places: int) -> None:
        self._found = _Found(*places, self.count)
        self.at = ctypes.addressof(self._found)

    def __reduce__(self) -> tuple[Any, ...]:
        # addresses mean nothing in another process
        return type(self), (self.boxes, self.centred, self.scores, self.labels, self.rows)
