"""The usual frames of several trackers at once, in a few calls of the C library: usual.h says what
is done."""

import ctypes
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.admission import COLUMNS, EXTENT, FLOATS, NUMBERS
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.looking import Looking, LooksBy, Picture
from mambatrack.kernels.cpu.motion import MOVED_WORDS, TrackMotion
from mambatrack.kernels.cpu.packing import address, check_fit
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.problems import Problems, Solve
from mambatrack.kernels.cpu.questions import Decided
from mambatrack.kernels.cpu.settling import MATCH_FLOATS, MATCH_NUMBERS, SETTLED_WORDS
from mambatrack.kernels.cpu.table import result_bytes
from mambatrack.kernels.cpu.usual_structs import (
    ASKING,
    FAR,
    HELD,
    IDS,
    KEPT_WORDS,
    PLACE,
    USUAL_WORDS,
    Far,
    Held,
    Kept,
    Usually,
)

MOST_COLUMNS = max(COLUMNS)


class UsualFrames:
    """The frames of so many trackers; memory is kept from frame to frame. To be called in the order
    of the methods, by one thread."""

    def __init__(
        self, problems: Problems, network: CommitteeNetwork, usually: Usually, looks_by: LooksBy
    ):
        self.looking, self._looks_by = Looking(looks_by, problems), looks_by
        self._library, self._problems, self._network = library(), problems, network
        self._usually, self._by = usually, ctypes.addressof(usually)
        self._tables = ctypes.c_int64()  # of the usual frames
        self._tables_at = ctypes.addressof(self._tables)
        self._trackers_room = self._tables_room = self._found_room = self._matches_room = 0
        self._results_room = 0
        self._asking = self._held = np.empty((0, 0), np.int64)
        self._reserve(16, 48)
        self._reserve_found(64)
        self._reserve_results(64, 1024)

    def begin(self, motion: TrackMotion) -> None:
        """With no table yet; those to come are of this motion model."""
        self._motion, self._sizes = motion, (motion.state_size, self._network.memory_size)
        self._given: list[NDArray] = []
        self._held_found: list[FoundColumns] = []
        self.looking.begin()
        self._asked = self._listed = self._found = self._most_found = self._matches = 0
        self._tracks = self._most_tracks = self._most_span = 0

    def add(
        self,
        held: Sequence[Held],
        spares: tuple[int, int],
        found: NDArray | FoundColumns,
        size: tuple[int, int] | None,
        span: int,
        next_id: int = 1,
        picture: Picture | None = None,
        told: bool = False,
    ) -> None:
        """The tables of a tracker, the likeliest first; how many spare ones of the same sizes there
        are, and where their addresses lie; what is found in its frame, or rows as of
        admission.readable; the size of the picture, None where it is not known; the span as of
        questions.Question, the id of the next track, what is looked at, and whether more is told
        of the frame than its result, so that it comes to SETTLED at most. Raises ValueError for
        what does not fit."""
        asked, listed = self._asked, self._listed
        tables = len(held) + spares[0]
        if asked == self._trackers_room or listed + tables > self._tables_room:
            self._reserve(2 * asked, 2 * (listed + tables))
        for table, tracks, mixed, likelihood in held:
            if tracks > table.capacity or table.sizes != self._sizes:
                self._motion.check_table(table, tracks)
                self._problems.check_memory(table)
            words = table.at, tracks, mixed, 0, likelihood
            HELD.pack_into(self._held_data, HELD.size * listed, *words)
            listed += 1
            self._tracks += tracks
            if tracks > self._most_tracks:
                self._most_tracks = tracks
        if isinstance(found, FoundColumns):
            self._held_found.append(found)
            at, count, columns = found.at, found.count, 0
        else:
            self._given.append(found)
            at, (count, columns) = 0, found.shape
        sides = size or (0, 0)
        asking = at, count, columns, *sides, span, len(held), *spares, next_id
        looks = picture is not None
        ASKING.pack_into(self._asking_data, ASKING.size * asked, *asking, looks, told)
        if picture is not None:
            self.looking.add(asked, picture, held[0][0].looks_size)
        self._asked, self._listed = asked + 1, listed + spares[0]
        self._found += count
        self._matches += count * tables
        self._most_found = max(self._most_found, count)
        self._most_span = max(self._most_span, span)

    def admit(self) -> list[int]:
        """Reads all detections. -> the places of the trackers, in the order in which they were
        added, whose frames are usual: no others are among the frames from now on. In these no
        detection is unusable, repeats another one or is outside the picture, and no track has
        ended."""
        asked = self._asked
        if not asked:
            return []
        if self._found > self._found_room or self._trackers_room > self._extents_room:
            self._reserve_found(2 * self._found)
        self._read_given()
        self.count = self._library.admit_usual(
            self._by, self._asking_at, asked, self._held_at, *self._read_at, self._usual_at,
            self._problems.frames(self._tables_room), self._moved_at, self._tables_at,
        )  # fmt: skip
        self.places: list[int] = self._usual[: self.count, PLACE].tolist()
        return self.places

    @property
    def _usuals(self) -> tuple[int, int]:
        """Where the usual frames lie, and how many."""
        return self._usual_at, self.count

    def exchanges(self) -> list[int]:
        """After the tables went on: the numbers of those whose tracks exchange places."""
        if not self.looking:
            return []
        return self.looking.exchanges(self._usuals, self._tables.value)

    def predict(self) -> None:
        """The tables go as many frames on as each has to."""
        at, listed = self._moved_at, self._tables.value
        for frame in range(self._most_span):
            if frame:
                listed = self._library.list_moved(self._usual_at, self.count, frame, at)
            self._motion.predict_listed(at, listed, self._tracks)

    def think(self) -> Thought:
        """What there is to decide of each."""
        looking = self.looking
        weigh = partial(looking.weigh, self._usuals, self.places) if looking else None
        return self._problems.think_of(self._tables.value, weigh)

    def settle(self, stamp: int, thought: Thought) -> list[Far]:
        """Decides which hypotheses go on, moves their tracks to their detections, and starts and
        ends tracks. stamp: the first of new ones, as many as all tables of a tracker have tracks
        and there are detections."""
        network, motion = self._network, self._motion
        matches = self._matches + self._most_tracks
        room = result_bytes(self._tracks + self._found) // 8 + self.count
        if matches > self._matches_room or room > self._results_room:
            self._reserve_results(2 * matches, 2 * room)
        trackers = self._usuals
        logs = self._library.go_on(
            self._by, motion.at, self._problems.at, *thought.at, *trackers, stamp, self._kept_at,
            self._settled_at, self._ids_at, *self._matches_at,
        )  # fmt: skip
        check_fit(logs)
        if self.looking:
            self.looking.remember(trackers, thought, self._settled_at)
        numbers = self._match_floats[:logs]
        np.log(numbers, out=numbers)
        memory = network.scratch.borrow(network.remembering(self._most_found))
        used = self._library.settle_usual(
            self._by, motion.at, network.at, memory.at, memory.size, self._problems.at,
            thought.at[1], *trackers, self._kept_at, self._settled_at, logs, *self._matches_at,
            self._results_at,
        )  # fmt: skip
        network.scratch.give_back(memory)
        check_fit(used)
        self._pieces = self._results[:used].tobytes()
        return list(map(Far._make, self._usual[: self.count, FAR].tolist()))

    def ended(self, number: int, far: Far) -> NDArray[np.int64]:
        """The ids of a tracker's tracks that ended, ascending."""
        first = int(self._usual[number, IDS] - self._ids_at) // 8
        return self._ids[first : first + far.ended].copy()

    def kept(self, far: Far) -> list[Kept]:
        """The hypotheses of a tracker that go on, the likeliest first."""
        own = slice(far.settled, far.settled + far.kept)
        likelihoods = self._kept.view(np.float64)[own, -1].tolist()
        rows = zip(self._kept[own, 2:-1].tolist(), likelihoods, strict=True)
        return [Kept._make([*row, likelihood]) for row, likelihood in rows]

    def result(self, far: Far) -> tuple[int, bytes]:
        """Of a tracker that came to REPORTED: how many tracks, and the columns as result_column has
        them."""
        first = 8 * far.result
        return far.tracks, self._pieces[first : first + result_bytes(far.tracks)]

    def decided(self, number: int, detections: int, thought: Thought, solve: Solve) -> Decided:
        """Of a table, by its number among all, with so many detections: see Problems."""
        return self._problems.decided(number, detections, thought, solve)

    def pairs_of(self, number: int, thought: Thought) -> tuple[int, int]:
        """Of a table: from which of all pairs on its own are, and how many."""
        return self._problems.pairs_of(number, thought)

    def __reduce__(self) -> tuple[Any, ...]:
        given = self._problems, self._network, self._usually, self._looks_by
        return type(self), given  # addresses mean nothing in another process

    def _read_given(self) -> None:
        """Rows of all, one behind the other."""
        if not self._given:
            return
        rows = self._rows[: sum([each.size for each in self._given])]
        if len(self._given) == 1:
            rows[:] = self._given[0].ravel()
        else:
            np.concatenate(self._given, axis=None, out=rows)
        self._given.clear()

    def _reserve(self, trackers: int, tables: int) -> None:
        """Room for so many trackers and tables at least; what was added stays."""
        self._trackers_room = trackers = max(trackers, self._trackers_room)
        self._tables_room = tables = max(tables, self._tables_room)
        self._asking = _grown(self._asking, trackers, ASKING.size // 8)
        self._held = _grown(self._held, tables, HELD.size // 8)
        self._asking_data, self._held_data = self._asking.data, self._held.data
        self._usual = np.empty((trackers, USUAL_WORDS), np.int64)
        self._settled, self._moved, self._kept = (
            np.empty((tables, words), np.int64)
            for words in (SETTLED_WORDS, MOVED_WORDS, KEPT_WORDS)
        )
        self._asking_at, self._held_at, self._usual_at = map(
            address, (self._asking, self._held, self._usual)
        )
        self._settled_at, self._moved_at, self._kept_at = map(
            address, (self._settled, self._moved, self._kept)
        )

    def _reserve_found(self, found: int) -> None:
        """Room for so many detections at least, of as many trackers as there is room for."""
        self._extents_room = self._trackers_room
        self._found_room = found = max(found, self._found_room)
        self._rows = np.empty(MOST_COLUMNS * found)
        self._floats = np.empty(FLOATS * found + EXTENT * self._extents_room, np.float32)
        self._numbers = np.empty(NUMBERS * found, np.int64)
        self._read_at = address(self._rows), address(self._floats), address(self._numbers)

    def _reserve_results(self, matches: int, results: int) -> None:
        """Room for so many matches, and numbers of results, at least."""
        self._matches_room = matches = max(matches, self._matches_room)
        self._results_room = results = max(results, self._results_room)
        self._match_floats = np.empty(MATCH_FLOATS * matches, np.float32)
        self._match_numbers = np.empty(MATCH_NUMBERS * matches, np.int64)
        self._matches_at = address(self._match_floats), address(self._match_numbers)
        self._results, self._ids = np.empty(results, np.int64), np.empty(results, np.int64)
        self._results_at, self._ids_at = address(self._results), address(self._ids)


def _grown(array: NDArray, rows: int, words: int) -> NDArray:
    """[rows, words] with what was there first."""
    grown = np.empty((rows, words), np.int64)
    grown[: len(array)] = array.reshape(-1, words)
    return grown
