"""The detections of a frame as C reads them."""

import ctypes
from functools import cached_property
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

    _piece: tuple[Floats, Indices]  # where all lie in one piece: what each is cut from

    def __init__(
        self, boxes: Floats, centred: Floats, scores: Floats, labels: Indices, rows: Indices
    ):
        given = boxes, centred, scores, labels, rows
        self.count = count = len(scores)
        if any(len(each) != count for each in given):
            raise ValueError(f"{count} scores have {', '.join(str(len(e)) for e in given)}")
        boxes, centred = (contiguous(each).reshape(count, 4) for each in (boxes, centred))
        scores = contiguous(scores).reshape(count)
        labels, rows = (contiguous(each, np.int64).reshape(count) for each in (labels, rows))
        self.__dict__.update(boxes=boxes, centred=centred, scores=scores, labels=labels, rows=rows)
        self._point(*[address(each) for each in (boxes, centred, scores, labels, rows)])

    @classmethod
    def in_one_piece(cls, count: int, floats: Floats, numbers: Indices) -> "FoundColumns":
        """Of boxes, centred and scores [9 * count] and of labels and rows [2 * count]; they are
        read-only from now on."""
        found = object.__new__(cls)
        found.count, at, of_numbers = count, address(floats), address(numbers)
        floats.setflags(write=False)
        numbers.setflags(write=False)
        found._piece = floats, numbers
        found._point(at, at + 16 * count, at + 32 * count, of_numbers, of_numbers + 8 * count)
        return found

    @cached_property
    def boxes(self) -> Floats:
        return self._piece[0][: 4 * self.count].reshape(-1, 4)

    @cached_property
    def centred(self) -> Floats:
        return self._piece[0][4 * self.count : 8 * self.count].reshape(-1, 4)

    @cached_property
    def scores(self) -> Floats:
        return self._piece[0][8 * self.count : 9 * self.count]

    @cached_property
    def labels(self) -> Indices:
        return self._piece[1][: self.count]

    @cached_property
    def rows(self) -> Indices:
        return self._piece[1][self.count :]

    def __len__(self) -> int:
        return self.count

    def _point(self, *places: int) -> None:
        self._found = _Found(*places, self.count)
        self.at = ctypes.addressof(self._found)

    def __reduce__(self) -> tuple[Any, ...]:
        # addresses mean nothing in another process
        return type(self), (self.boxes, self.centred, self.scores, self.labels, self.rows)


def given_as(found: NDArray | FoundColumns) -> tuple[int, int, bool, int, int]:
    """What struct Given of admit.h says of detections, or of rows as of admission.readable."""
    if isinstance(found, FoundColumns):
        return found.at, 0, False, found.count, 0
    return 0, address(found), found.itemsize == 8, *found.shape
