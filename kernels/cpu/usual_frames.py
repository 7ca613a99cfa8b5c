"""The usual frames of several trackers at once, in a few calls of the C library: usual.h says what
is done."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.admission import EXTENT, FLOATS, NUMBERS
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns, given_as
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.motion import TrackMotion
from mambatrack.kernels.cpu.packing import address, check_array
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.problems import Problems, Solve
from mambatrack.kernels.cpu.questions import Decided
from mambatrack.kernels.cpu.settling import SETTLED_WORDS, Amount, settle_listed
from mambatrack.kernels.cpu.table import ResultColumns, TableColumns, result_bytes

REFUSED, OPEN, SETTLED, REPORTED = range(4)  # how far a frame has come
_GIVEN = struct.Struct("@12q")  # struct Usual of usual.h as far as it is given
_WORDS, _CHANGED, _STATE = 20, slice(11, 14), 13  # of all of it; what changes, and the last of that


class UsualFrames:
    """The frames of so many trackers, one table each; memory is kept from frame to frame. To be
    called in the order of the methods, by one thread.

    limits [6]: of absolute values of a detection, exclusive; margins [2]: sure_by of
    questions.Question where there are not several answers, and where there are
    """

    def __init__(
        self,
        problems: Problems,
        network: CommitteeNetwork,
        limits: NDArray[np.float64],
        margins: NDArray[np.float64],
        min_hits: int,
        max_age: int,
    ):
        check_array("limits", limits, np.float64, (6,))
        check_array("margins", margins, np.float64, (2,))
        self._library, self._problems, self._network = library(), problems, network
        self._given = limits, margins, min_hits, max_age
        self._limits_at, self._ends = (address(limits), address(margins)), (min_hits, max_age)
        self._amount = np.empty(3, np.int64)
        self._floats, self._read = np.empty(0, np.float32), np.empty(0, np.int64)
        self._results, self._usual = np.empty(0, np.int64), np.empty((0, _WORDS), np.int64)
        self._reserve(16)
        self.clear()

    def clear(self) -> None:
        """Begins with no table."""
        self.count = self._found = self._tracks = 0

    def add(
        self,
        table: TableColumns,
        found: NDArray | FoundColumns,
        size: tuple[int, int] | None,
        tracks: int,
        span: int,
        several: bool,
        mixed: bool,
    ) -> None:
        """One table, what is found in its frame, or rows as of admission.readable, and the size of
        the picture, None where it is not known; the others as of questions.Question and of
        settling.Matched. Raises ValueError for what does not fit."""
        place = self.count
        if place == len(self._usual):
            self._reserve(2 * place)
        if tracks > table.capacity:
            raise ValueError(f"up to {table.capacity} tracks expected, got {tracks}")
        self._problems.check_memory(table)
        width, height = size or (0, 0)
        _GIVEN.pack_into(
            self._given_at, 8 * _WORDS * place, table.at, *given_as(found), width, height, tracks,
            span, several, mixed,
        )  # fmt: skip
        self.count = place + 1
        self._found += len(found)
        self._tracks = max(self._tracks, tracks)

    def admit(self) -> list[bool]:
        """Reads all detections. -> of each table whether its frame is usual: none of its detections
        is unusable, repeats another one or is outside the picture."""
        count = self.count
        floats, numbers = FLOATS * self._found + EXTENT * count, NUMBERS * self._found
        if len(self._floats) < floats:
            self._floats = np.empty(2 * floats, np.float32)
            self._read = np.empty(2 * numbers, np.int64)
        refused = self._library.admit_usual(
            self._at, count, *self._limits_at, address(self._floats), address(self._read),
            self._problems.frames(count),
        )  # fmt: skip
        usual = (self._usual[:count, _STATE] != REFUSED).tolist() if refused else [True] * count
        return usual

    def think(self) -> Thought:
        """After the tables went on: what there is to decide of each."""
        return self._problems.think_of(self.count)

    def settle(
        self, motion: TrackMotion, stamp: int, thought: Thought
    ) -> list[tuple[int, int, int]]:
        """Moves the tracks of those tables that have one answer to their detections. stamp: the
        first of new ones, as many as the largest table has tracks. -> of each whether some track
        has votes for two classes, how many tracks start, and how far it has come."""
        listed = self._problems.list_settled(
            thought, self._at, stamp, self._settled_at, address(self._amount)
        )
        amount = Amount(*self._amount.tolist())
        settle_listed(self._network, motion, self._settled_at, listed, amount)
        self._room = result_bytes(self._tracks) // 8 + 1
        if len(self._results) < self._room * self.count:
            self._results = np.empty(2 * self._room * self.count, np.int64)
        self._library.report_usual(
            self._at, self.count, self._settled_at, *self._ends, address(self._results), self._room
        )
        changed: list[tuple[int, int, int]] = self._usual[: self.count, _CHANGED].tolist()
        return changed

    def result(self, number: int, tracks: int) -> ResultColumns:
        """Of a table of so many tracks that came to REPORTED."""
        first = self._room * number
        piece = self._results[first : first + self._room].tobytes()
        return ResultColumns(tracks, piece)

    def decided(self, number: int, detections: int, thought: Thought, solve: Solve) -> Decided:
        """Of a table that did not, with so many detections: see Problems."""
        return self._problems.decided(number, detections, thought, solve)

    def __reduce__(self) -> tuple[Any, ...]:
        given = self._problems, self._network, *self._given
        return type(self), given  # addresses mean nothing in another process

    def _reserve(self, count: int) -> None:
        before = self._usual
        self._usual = np.empty((count, _WORDS), np.int64)
        self._usual[: len(before)] = before
        self._settled = np.empty((count, SETTLED_WORDS), np.int64)
        self._at, self._settled_at = address(self._usual), address(self._settled)
        self._given_at = self._usual.data
