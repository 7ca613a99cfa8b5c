"""The columns of a table of tracks as C reads and writes them."""

import ctypes
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import MIXED, library
from mambatrack.kernels.cpu.packing import Floats, address, check_array

Indices = NDArray[np.int64]

COLUMNS: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)), "spread": (np.float32, (4,)), "last": (np.float32, (4,)),
    "means": (np.float32, (8,)), "scores": (np.float32, ()), "votes": (np.float32, (4,)),
    "before": (np.float32, (4,)), "bends": (np.float32, (8,)),
    "labels": (np.int64, ()), "hits": (np.int64, ()), "gap": (np.int64, ()), "age": (np.int64, ()),
    "det_ind": (np.int64, ()), "ids": (np.int64, ()), "stamp": (np.int64, ()),
    "streak": (np.int64, ()), "classes": (np.int64, (4,)),
}  # fmt: skip
SEEN: dict[str, tuple[type, tuple[int, ...]]] = {
    "boxes": (np.float32, (4,)), "scores": (np.float32, ()), "labels": (np.int64, ()),
    "det_ind": (np.int64, ()), "shown": (np.float32, (4,)),
}  # fmt: skip
RESULT: dict[str, tuple[type, tuple[int, ...]]] = {  # in the order of snapshot.h
    "ids": (np.int64, ()), "labels": (np.int64, ()), "gap": (np.int64, ()),
    "det_ind": (np.int64, ()), "age": (np.int64, ()), "boxes": (np.float32, (4,)),
    "spread": (np.float32, (4,)), "velocity": (np.float32, (2,)), "scores": (np.float32, ()),
    "state": (np.uint8, ()),
}  # fmt: skip
WIDE = ("motion", "memory")  # of any number of floats
BESIDE = {"filter": (20,), "unfiltered": (4,)}  # in tables with a filter


class _Table(ctypes.Structure):
    """struct Table of table.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in (*COLUMNS, *WIDE)],
        *[(f"{name}_size", ctypes.c_int64) for name in WIDE],
        *[(name, ctypes.c_int64) for name in ("capacity", "most_shares")],
        *[(name, ctypes.c_void_p) for name in ("rates", "shares", "noise", *BESIDE, "looks")],
        ("looks_size", ctypes.c_int64),
        ("decay", ctypes.c_float),
    ]


class _Observed(ctypes.Structure):
    """struct Observed of observe.h."""

    _names = ("boxes", "logs", "scores", "labels", "rows", "shown")
    _fields_ = [(name, ctypes.c_void_p) for name in _names]


@lru_cache(maxsize=512)
def _result(tracks: int) -> np.dtype:
    return np.dtype([(name, kind, (tracks, *shape)) for name, (kind, shape) in RESULT.items()])


def result_bytes(tracks: int) -> int:
    """Of the columns that snapshot.h writes."""
    return _result(tracks).itemsize


def result_column(name: str, tracks: int, piece: bytes) -> NDArray:
    """A column of a result of so many tracks, read-only, of the ``piece`` in which all lie."""
    column: NDArray = np.ndarray((), _result(tracks), piece)[name]
    return column


class _Attribute:
    """A column of ``columns``, what result_column has, which is made when it is asked for and then
    kept: as cached_property, whose lock takes longer than the column."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, result: Any, kind: type | None = None) -> Any:
        if result is None:
            return self
        own = result.__dict__
        column = own[self._name] = result_column(self._name, *own["columns"])
        return column


def result_attribute(name: str) -> Any:
    """For the class of a result: its column of this name."""
    return _Attribute(name)


class Snapshot:
    """Memory for the result of up to ``room`` tracks, which C writes at ``at``."""

    def __init__(self, room: int):
        self._memory = np.empty(_result(room).itemsize, np.uint8)
        self.at = address(self._memory)

    def piece(self, tracks: int) -> tuple[int, bytes]:
        """A copy of the columns of so many tracks, as result_column has them."""
        return tracks, self._memory[: result_bytes(tracks)].tobytes()

    def columns(self, tracks: int) -> dict[str, NDArray]:
        """A copy of the columns, of the first ``tracks``: read-only, in one piece."""
        columns = np.ndarray((), _result(tracks), self.piece(tracks)[1])
        return {name: columns[name] for name in RESULT}


class TableColumns:
    """Where the columns lie, each [capacity, ...]; ``at`` is for C and good as long as this lives.

    rates [8]: of the running means; decay: of older votes, with each new one; shares [S]: of a mean
    velocity that moves make up, by the number of detections; noise [6, 4]: sums that detections add
    to, None where boxes are not steadied. Raises ValueError where a column is not as C expects it.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray],
        rates: Floats,
        decay: float,
        shares: Floats,
        noise: NDArray[np.float64] | None = None,
    ):
        check_array("rates", rates, np.float32, (8,))
        check_array("shares", shares, np.float32, (max(len(shares), 1),))
        if noise is not None:
            check_array("noise", noise, np.float64, (6, 4), True)
        beside = [arrays[name] for name in BESIDE if name in arrays]
        self._given = rates, shares, noise, beside
        self.capacity = len(arrays["boxes"])
        self._held = [arrays[name] for name in (*COLUMNS, *WIDE)]
        for name, (kind, shape) in COLUMNS.items():
            check_array(name, arrays[name], kind, (self.capacity, *shape), True)
        for name in WIDE:
            shape = self.capacity, *arrays[name].shape[1:2]
            check_array(name, arrays[name], np.float32, shape, True)
        for each, shape in zip(beside, BESIDE.values(), strict=False):
            check_array("filter", each, np.float32, (self.capacity, *shape), True)
        self.sizes = self.motion_size, self.memory_size = tuple(arrays[n].shape[1] for n in WIDE)
        sizes = *self.sizes, self.capacity, len(shares)
        sums = None if noise is None else address(noise)
        places = *map(address, self._held), *sizes, address(rates), address(shares), sums
        filters = map(address, beside) if beside else (None, None)
        self._table = _Table(*places, *filters, *self._looks(arrays.get("looks")), decay)
        self.at = ctypes.addressof(self._table)
        self._result = Snapshot(self.capacity)

    def _looks(self, looks: Floats | None) -> tuple[int | None, int]:
        """Where the column lies, and how wide it is."""
        self.looks_size = 0 if looks is None else looks.shape[1]
        if looks is None:
            return None, 0
        check_array("looks", looks, np.float32, (self.capacity, self.looks_size), True)
        self._held.append(looks)
        return address(looks), self.looks_size

    def observe(self, tracks: int, rows: Indices, mixed: bool, **seen: NDArray) -> bool:
        """TrackTable.observe: the tracks rows [K] of the first ``tracks`` were seen at boxes
        [K, 4] cxcywh, with scores [K] and labels [K], as rows det_ind [K] of the caller's array,
        and are shown at shown [K, 4].

        mixed: some track has votes for two classes -> whether one has now. Raises ValueError for
        what does not fit."""
        count = len(rows)
        if tracks > self.capacity:
            raise ValueError(f"up to {self.capacity} tracks expected, got {tracks}")
        check_array("rows", rows, np.int64, (count,))
        for name, (kind, shape) in SEEN.items():
            check_array(name, seen[name], kind, (count, *shape))
        boxes, scores, labels, det_ind, shown = (seen[name] for name in SEEN)
        logs = np.log(boxes[:, 2:])
        given = _Observed(*map(address, (boxes, logs, scores, labels, det_ind, shown)))
        done: int = library().observe(
            self.at, ctypes.addressof(given), count, address(rows), tracks, mixed
        )
        if done >= 0:
            raise ValueError(f"rows: from 0 to {tracks - 1} expected, got {rows[done]}")
        return done == MIXED

    def snapshot(self, tracks: int, min_hits: int) -> dict[str, NDArray]:
        """The columns of TrackTable.snapshot, of the first ``tracks``: read-only, in one piece."""
        if tracks > self.capacity:
            raise ValueError(f"up to {self.capacity} tracks expected, got {tracks}")
        library().snapshot(self.at, tracks, min_hits, self._result.at)
        return self._result.columns(tracks)

    def any_over(self, tracks: int, min_hits: int, max_age: int) -> bool:
        """Whether TrackTable.end would end any of the first ``tracks``."""
        return bool(library().any_over(self.at, tracks, min_hits, max_age))


class StateColumns:
    """A table of tracks with as many columns as C needs to predict: boxes [N, 4] and spread [N, 4]
    are written, motion [N, S] moves on."""

    def __init__(self, boxes: Floats, spread: Floats, motion: Floats):
        self.capacity, self.motion_size = motion.shape
        counters = np.zeros((3, self.capacity), np.int64)
        self._held = boxes, spread, motion, counters
        gap, row = address(counters), 8 * self.capacity
        self._table = _Table(
            boxes=address(boxes), spread=address(spread), motion=address(motion),
            motion_size=self.motion_size, gap=gap, age=gap + row, det_ind=gap + 2 * row,
        )  # fmt: skip
        self.at = ctypes.addressof(self._table)
