"""A whole frame of a tracker that matches by overlap and moves by a Kalman filter, in one call of
the C library: overlap_frame.c says what it does."""

import ctypes
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.filter_motion import STATE_SIZE, Kalman
from mambatrack.kernels.cpu.found import FoundColumns, given_as
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_array
from mambatrack.kernels.cpu.table import Snapshot, TableColumns

Indices = NDArray[np.int64]
Solve = Callable[[Indices, Indices, Floats], Indices]
_WHOLE, _MATCHING, _SOLVED = range(3)  # where a call begins
_DONE, _REFUSED, _CROWDED, _CONTESTED = range(4)  # and where it ends
_FLOATS, _NUMBERS, _EXTENT = 35, 15, 4  # of memory for each track or detection, and of all
_PAIR_FLOATS, _PAIR_NUMBERS = 2, 6
_GIVEN, _KEPT = struct.Struct("@13q"), struct.Struct("@5q")  # from table and from tracks on


class Overlap(ctypes.Structure):
    """struct Overlap of overlap.h: the settings of these names, by_class class_aware."""

    _fields_ = [
        *[(name, ctypes.c_float) for name in ("iou_gate", "match_score", "birth_score")],
        *[(name, ctypes.c_float) for name in ("birth_iou", "height_power")],
        *[(name, ctypes.c_int64) for name in ("passes", "by_class")],
    ]


class _Frame(ctypes.Structure):
    """struct OverlapFrame of overlap_frame.c."""

    _fields_ = [
        ("by", Overlap),
        ("filter", Kalman),
        *[(name, ctypes.c_int64) for name in ("rounds", "min_hits", "max_age")],
        ("limits", ctypes.c_void_p),
        *[(name, ctypes.c_int64) for name in ("room", "pair_room")],
        *[(name, ctypes.c_void_p) for name in ("floats", "pair_floats")],
        *[(name, ctypes.c_void_p) for name in ("numbers", "pair_numbers", "result")],
        *[(name, ctypes.c_void_p) for name in ("table", "found", "rows")],
        *[(name, ctypes.c_int64) for name in ("wide", "count", "columns", "width", "height")],
        *[(name, ctypes.c_int64) for name in ("span", "stamp")],
        *[(name, ctypes.c_int64) for name in ("tracks", "next_id", "mixed", "born", "ended")],
        *[(name, ctypes.c_int64) for name in ("pairs", "left", "settled", "passed")],
    ]


class Tracked(NamedTuple):
    """A table and what else a frame changes: its first ``tracks`` rows live, the next track has the
    id next_id, and whether some track has votes for two classes, mixed."""

    table: TableColumns
    tracks: int
    next_id: int
    mixed: bool


class Changed(NamedTuple):
    """The same after a frame; how many tracks started; the ids of those that ended, ascending; and
    how many tracks there are, and the piece of their columns, as result_column has them."""

    tracks: int
    next_id: int
    mixed: bool
    born: int
    ended: Indices | None
    columns: tuple[int, bytes]


class OverlapFrame:
    """Frames of one tracker, one after the other; memory is kept between calls.

    rounds: of picking clear pairs; limits [6]: of absolute values of a detection, exclusive
    solve: tracks [.], detections [.] and similarities [.] of pairs that are left -> which of these
        are matched
    """

    def __init__(
        self, by: Overlap, kalman: Kalman, rounds: int, min_hits: int, max_age: int,
        limits: NDArray[np.float64], solve: Solve,
    ):  # fmt: skip
        check_array("limits", limits, np.float64, (6,))
        self._given = by, kalman, rounds, min_hits, max_age, limits, solve
        self._call, self._solve = library().overlap_frame, solve
        self._frame = _Frame(by, kalman, rounds, min_hits, max_age, address(limits))
        self._at = ctypes.addressof(self._frame)
        self._reserve(64)
        self._reserve_pairs(256)

    def __reduce__(self) -> tuple[Any, ...]:
        by, kalman, *rest = self._given
        return _again, (type(self), bytes(by), bytes(kalman), *rest)

    def run(
        self,
        found: NDArray | FoundColumns,
        tracked: Tracked,
        span: int,
        size: tuple[int, int],
        stamp: int,
        predicting: AbstractContextManager[object] | None,
    ) -> Changed | None:
        """found: detections, or rows as of admission.readable; span: frames since the last update;
        size: of the picture, 0 where it is not known; stamp: the first of new ones, as many as
        there are rows. predicting: held while the tracks are predicted, in a call of its own then.
        The table has room for a track of each detection.

        -> None, and nothing has changed, where a detection is unusable, repeats another one or is
        outside the picture. Raises ValueError for a table that does not fit."""
        table, tracks, next_id, mixed = tracked
        count = len(found)
        if tracks + count > table.capacity or table.motion_size != STATE_SIZE:
            raise ValueError(
                f"a table with room for {tracks + count} tracks of {STATE_SIZE} floats of motion "
                f"expected, got {table.capacity} with {table.motion_size}"
            )
        if tracks + count > self._room:
            self._reserve(2 * (tracks + count))
        _GIVEN.pack_into(
            self._frame, _Frame.table.offset, table.at, *given_as(found), *size, span, stamp,
            tracks, next_id, mixed,
        )  # fmt: skip
        if predicting is None:
            ended = self._call(self._at, _WHOLE, 0)
        else:
            with predicting:
                ended = self._call(self._at, _WHOLE, 1)
            if ended == _DONE:
                ended = self._call(self._at, _MATCHING, 0)
        if ended == _REFUSED:
            return None
        while ended != _DONE:
            ended = self._go_on(ended)
        return self._changed()

    def _go_on(self, ended: int) -> int:
        """After a call that needs more memory, or the general solver."""
        if ended == _CROWDED:
            self._reserve_pairs(2 * self._frame.pairs)
            return int(self._call(self._at, _MATCHING, 0))
        left = self._pair_numbers[5, : self._frame.left]
        _, _, tracks, detections, chosen, _ = self._pair_numbers
        solved = left[self._solve(tracks[left], detections[left], self._pair_floats[1][left])]
        settled = self._frame.settled
        chosen[settled : settled + len(solved)] = solved
        self._frame.settled = settled + len(solved)
        return int(self._call(self._at, _SOLVED, 0))

    def _changed(self) -> Changed:
        tracks, next_id, mixed, born, ended = _KEPT.unpack_from(self._frame, _Frame.tracks.offset)
        first = (_NUMBERS - 1) * self._room
        ids = self._numbers[first : first + ended].copy() if ended else None
        return Changed(tracks, next_id, bool(mixed), born, ids, self._snapshot.piece(tracks))

    def _reserve(self, room: int) -> None:
        self._room = self._frame.room = room
        self._floats = np.empty(_FLOATS * room + _EXTENT, np.float32)
        self._numbers = np.empty(_NUMBERS * room, np.int64)
        self._snapshot = Snapshot(room)
        self._frame.floats, self._frame.numbers = address(self._floats), address(self._numbers)
        self._frame.result = self._snapshot.at

    def _reserve_pairs(self, room: int) -> None:
        self._pair_floats = np.empty((_PAIR_FLOATS, room), np.float32)
        self._pair_numbers = np.empty((_PAIR_NUMBERS, room), np.int64)
        self._frame.pair_room = room
        self._frame.pair_floats = address(self._pair_floats)
        self._frame.pair_numbers = address(self._pair_numbers)


def _again(kind: type[OverlapFrame], by: bytes, kalman: bytes, *rest: Any) -> OverlapFrame:
    """A copy: addresses mean nothing in another process."""
    return kind(Overlap.from_buffer_copy(by), Kalman.from_buffer_copy(kalman), *rest)
