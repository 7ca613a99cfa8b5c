"""The usual frames of several trackers at once, in a few calls of the C library: usual.h says what
is done."""

import ctypes
import struct
from collections.abc import Sequence
from itertools import chain
from operator import mul
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.admission import COLUMNS, EXTENT, FLOATS, NUMBERS
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.motion import MOVED_WORDS, TrackMotion
from mambatrack.kernels.cpu.packing import address
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.problems import Problems, Solve
from mambatrack.kernels.cpu.questions import Decided
from mambatrack.kernels.cpu.settling import SETTLED_WORDS, Amount, settle_listed
from mambatrack.kernels.cpu.table import TableColumns, result_bytes

OPEN, SETTLED, REPORTED = range(3)  # how far a frame has come
ASKING_WORDS, USUAL_WORDS = 8, 19  # of the structs of usual.h
HELD, HELD_WORDS, KEPT_WORDS = "4qd", 5, 8  # of branch.h
MOST_COLUMNS = max(COLUMNS)
_PLACE, _FAR = 0, slice(1, 8)  # of struct Usual


class Usually(ctypes.Structure):
    """struct Usually of usual.h."""

    _fields_ = [
        ("limits", ctypes.c_double * 6),
        ("margins", ctypes.c_double * 2),
        ("far", ctypes.c_double),
        *[
            (name, ctypes.c_int64)
            for name in ("most_kept", "room", "most_tracks", "most_found", "min_hits", "max_age")
        ],
    ]


# a table, how many tracks, whether some has votes for two classes, and how likely its hypothesis is
# against the first; a spare one has no tracks
Held = tuple[TableColumns, int, bool, float]


class Far(NamedTuple):
    """How far a frame has come. state: OPEN, SETTLED or REPORTED; births: how many tracks start;
    tracks: how many there were; kept: hypotheses that go on, in the tables that there are where
    ``same``; settled: number of the first of these; frame: of the first table."""

    state: int
    births: int
    tracks: int
    kept: int
    same: int
    settled: int
    frame: int


class Kept(NamedTuple):
    """A hypothesis that goes on: in which of the tables and spare ones, of so many tracks; whether
    some has votes for two classes; born: the detections that start tracks, of ``births`` numbers
    from this one on."""

    held: int
    tracks: int
    mixed: int
    births: int
    born: int
    likelihood: float


class UsualFrames:
    """The frames of so many trackers; memory is kept from frame to frame. To be called in the order
    of the methods, by one thread."""

    def __init__(self, problems: Problems, network: CommitteeNetwork, usually: Usually):
        self._library, self._problems, self._network = library(), problems, network
        self._usually, self._by = usually, ctypes.addressof(usually)
        self._amount, self._tables = np.empty(3, np.int64), ctypes.c_int64()
        self._amount_at, self._tables_at = address(self._amount), ctypes.addressof(self._tables)
        self._results = np.empty(0, np.int64)
        self._asked_room = self._tables_room = self._found_room = 0
        self._reserve(16, 48, 64)

    def begin(self, motion: TrackMotion) -> None:
        """With no table yet; those to come are of this motion model."""
        self._motion, self._sizes = motion, (motion.state_size, self._network.memory_size)
        self._asking: list[tuple[int, ...]] = []  # words of structs Asking of usual.h
        self._held: list[float] = []  # of structs Held of branch.h
        self._given: list[NDArray] = []
        self._found: list[FoundColumns] = []
        self._tracks = self._most_tracks = 0

    def add(
        self,
        held: Sequence[Held],
        spares: int,
        found: NDArray | FoundColumns,
        size: tuple[int, int] | None,
        span: int,
    ) -> None:
        """The tables of a tracker, the likeliest first, and so many spare ones; what is found in
        its frame, or rows as of admission.readable; the size of the picture, None where it is not
        known, and the span as of questions.Question. Raises ValueError for what does not fit."""
        for table, tracks, mixed, likelihood in held:
            if tracks > table.capacity or table.sizes != self._sizes:
                self._motion.check_table(table, tracks)
                self._problems.check_memory(table)
            self._held += table.at, tracks, mixed, table.capacity, likelihood
            self._tracks += tracks
            if tracks > self._most_tracks:
                self._most_tracks = tracks
        if isinstance(found, FoundColumns):
            self._found.append(found)
            at, count, columns = found.at, found.count, 0
        else:
            self._given.append(found)
            at, (count, columns) = 0, found.shape
        width, height = size or (0, 0)
        tables = len(held) - spares
        self._asking.append((at, count, columns, width, height, span, tables, spares))

    def admit(self) -> list[int]:
        """Reads all detections. -> the places of the trackers, in the order in which they were
        added, whose frames are usual: no others are among the frames from now on. In these no
        detection is unusable, repeats another one or is outside the picture, and no track has
        ended."""
        asked = len(self._asking)
        if not asked:
            return []
        self._put_together()
        self.count = self._library.admit_usual(
            self._by, self._words_at, asked, self._held_at, *self._read_at, self._usual_at,
            self._problems.frames(self._tables_room), self._moved_at, self._tables_at,
        )  # fmt: skip
        if self.count == asked:
            return list(range(asked))
        places: list[int] = self._usual[: self.count, _PLACE].tolist()
        return places

    def predict(self) -> None:
        """The tables go as many frames on as each has to."""
        at, listed = self._moved_at, self._tables.value
        for frame in range(self._most_span):
            if frame:
                listed = self._library.list_moved(self._usual_at, self.count, frame, at)
            self._motion.predict_listed(at, listed, self._tracks)

    def think(self) -> Thought:
        """After the tables went on: what there is to decide of each."""
        return self._problems.think_of(self._tables.value)

    def settle(self, stamp: int, thought: Thought) -> list[Far]:
        """Decides which hypotheses go on, and moves their tracks to their detections. stamp: the
        first of new ones, as many as all tables of a tracker have tracks."""
        listed = self._problems.list_settled(
            self._by, thought, self._usual_at, self.count, stamp, self._kept_at, self._settled_at,
            self._amount_at,
        )  # fmt: skip
        amount = Amount(*self._amount.tolist())
        settle_listed(self._network, self._motion, self._settled_at, listed, amount)
        room = result_bytes(self._most_tracks) // 8 + 1
        if len(self._results) < room * self.count:
            self._results = np.empty(2 * room * self.count, np.int64)
            self._results_at = address(self._results)
        self._library.report_usual(
            self._by, self._usual_at, self.count, self._kept_at, self._settled_at,
            self._results_at, room,
        )  # fmt: skip
        self._pieces, self._room = self._results[: room * self.count].tobytes(), 8 * room
        return list(map(Far._make, self._usual[: self.count, _FAR].tolist()))

    def kept(self, far: Far) -> list[Kept]:
        """The hypotheses of a tracker that go on, the likeliest first."""
        own = slice(far.settled, far.settled + far.kept)
        likelihoods = self._kept.view(np.float64)[own, -1].tolist()
        rows = zip(self._kept[own, 2:-1].tolist(), likelihoods, strict=True)
        return [Kept._make([*row, likelihood]) for row, likelihood in rows]

    def result(self, number: int, far: Far) -> tuple[int, bytes]:
        """Of a tracker that came to REPORTED: how many tracks, and the columns as result_column has
        them."""
        first = self._room * number
        return far.tracks, self._pieces[first : first + result_bytes(far.tracks)]

    def decided(self, number: int, detections: int, thought: Thought, solve: Solve) -> Decided:
        """Of a table, by its number among all, with so many detections: see Problems."""
        return self._problems.decided(number, detections, thought, solve)

    def __reduce__(self) -> tuple[Any, ...]:
        given = self._problems, self._network, self._usually
        return type(self), given  # addresses mean nothing in another process

    def _put_together(self) -> None:
        """Words and rows of all, one behind the other."""
        _, counts, columns, _, _, spans, *_ = zip(*self._asking, strict=True)
        self._most_span, asked, found = max(spans), len(counts), sum(counts)
        held = len(self._held) // HELD_WORDS
        if asked > self._asked_room or held > self._tables_room or found > self._found_room:
            self._reserve(2 * asked, 2 * held, 2 * found)
        words = chain.from_iterable(self._asking)
        struct.pack_into(f"@{ASKING_WORDS * asked}q", self._words.data, 0, *words)
        struct.pack_into(f"@{HELD * held}", self._held_words.data, 0, *self._held)
        if self._given:
            rows = self._rows[: sum(map(mul, counts, columns))]
            np.concatenate(self._given, axis=None, out=rows)
            self._given.clear()

    def _reserve(self, trackers: int, tables: int, found: int) -> None:
        """Room for so many trackers, tables and detections at least."""
        self._asked_room = trackers = max(trackers, self._asked_room)
        self._tables_room = tables = max(tables, self._tables_room)
        self._found_room = found = max(found, self._found_room)
        self._rows = np.empty(MOST_COLUMNS * found)
        self._floats = np.empty(FLOATS * found + EXTENT * trackers, np.float32)
        self._numbers = np.empty(NUMBERS * found, np.int64)
        self._read_at = address(self._rows), address(self._floats), address(self._numbers)
        self._words, self._usual = (
            np.empty((trackers, words), np.int64) for words in (ASKING_WORDS, USUAL_WORDS)
        )
        self._held_words, self._settled, self._moved, self._kept = (
            np.empty((tables, words), np.int64)
            for words in (HELD_WORDS, SETTLED_WORDS, MOVED_WORDS, KEPT_WORDS)
        )
        self._words_at, self._usual_at = address(self._words), address(self._usual)
        self._held_at, self._settled_at, self._moved_at, self._kept_at = map(
            address, (self._held_words, self._settled, self._moved, self._kept)
        )
