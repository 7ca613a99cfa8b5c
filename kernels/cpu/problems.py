"""What there is to decide in a frame, for any number of tables of tracks, in the C library:
association.features.describe_pairs, the scores of a committee and association.interface's answers.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_fit
from mambatrack.kernels.cpu.problem_structs import (
    ALONE,
    ALTERNATIVES,
    ANSWERS,
    FEATURES,
    FRAME,
    MOST_HITS,
    OUTCOME,
    Asked,
    Gate,
    Limits,
    Outcome,
    Problem,
    Thought,
)
from mambatrack.kernels.cpu.questions import (
    Crowd,
    Decided,
    Described,
    Indices,
    Question,
    Reach,
    Scored,
)
from mambatrack.kernels.cpu.table import TableColumns

Solve = Callable[[Indices, Indices, Floats], Indices]
Weigh = Callable[[Thought], None]
LOG_HITS = np.log(np.maximum(np.arange(MOST_HITS + 1), 1)).astype(np.float32)


class _Places(NamedTuple):
    """Where in the floats and numbers of Thoughts, of problems.h, the results of one frame lie."""

    features: int
    alone: int
    odds: int
    people: int
    tracks: int
    detections: int
    chosen: int
    born: int


def _places(asked: Asked, number: int, first: int, first_detection: int) -> _Places:
    """Of frame ``number``, whose pairs and detections follow on so many of those before it."""
    pairs, alone = asked.pairs, FEATURES * asked.pairs
    odds, chosen = alone + ALONE * asked.detections, 2 * pairs
    born = chosen + ANSWERS * (pairs + ALTERNATIVES * asked.count)
    return _Places(
        FEATURES * first,
        alone + ALONE * first_detection,
        odds + first,
        odds + pairs + first_detection,
        first,
        pairs + first,
        chosen + ANSWERS * (first + ALTERNATIVES * number),
        born + ANSWERS * first_detection,
    )


class Problems:
    """The problems of one frame after the other; memory is kept between calls.

    by_class: a pair is of one class; network: whose scores count. One for each thread.
    """

    def __init__(
        self, reach: Reach, crowd: Crowd, by_class: bool, limits: Limits, network: CommitteeNetwork
    ):
        self._library, self._given = library(), (reach, crowd, by_class, limits, network)
        self._network, self._code_size = network, network.code_size
        self._gate, self._asked = Gate(*reach, address(LOG_HITS), by_class, *crowd), Asked()
        self._gate_at, self._limits_at, self._asked_at = map(
            ctypes.addressof, (self._gate, limits, self._asked)
        )
        self._reserve_frames(4)
        self._grow()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses belong to this one alone

    def describe(self, questions: Sequence[Question]) -> list[Described]:
        """Raises ValueError for what does not fit."""
        self._look(questions)
        asked = self._asked
        floats = np.empty(FEATURES * asked.pairs + ALONE * asked.detections, np.float32)
        numbers = np.empty(2 * asked.pairs, np.int64)
        self._library.describe(self._gate_at, self._asked_at, address(floats), address(numbers))
        return [
            _described(
                _places(asked, number, each.first, each.first_detection), floats, numbers,
                each.pairs, question.found.count,
            )
            for number, (question, each) in enumerate(zip(questions, self._problems, strict=False))
        ]  # fmt: skip

    def decide(
        self, questions: Sequence[Question], solve: Solve, weigh: Weigh | None = None
    ) -> list[Decided]:
        """solve: tracks [.], detections [.] and worth [.] of pairs that are left -> which of these
        are matched; weigh: changes the scores. Raises ValueError for what does not fit."""
        for each in questions:
            self.check_memory(each.table)
        self._look(questions)
        thought = self._think(weigh)
        return [
            self.decided(number, question.found.count, thought, solve)
            for number, question in enumerate(questions)
        ]

    def think_of(self, count: int, weigh: Weigh | None = None) -> Thought:
        """What decide() begins with, of the first ``count`` structs Frame at frames(), of tables
        that fit."""
        self._look_at(count)
        return self._think(weigh)

    def scores(self, number: int, detections: int, thought: Thought) -> Scored:
        """Of a frame of so many detections: what is known of its pairs, their odds and what
        says whether each detection is a person, as views."""
        outcome = OUTCOME.unpack_from(thought.numbers.data, self._of_outcome(number, thought))
        at = _places(self._asked, number, outcome[0], outcome[2])
        return _scored(at, thought.floats, thought.numbers, detections, outcome[1])

    def pairs_of(self, number: int, thought: Thought) -> tuple[int, int]:
        """Of a frame: from which of all pairs on its own are, and how many."""
        first, pairs, *_ = OUTCOME.unpack_from(
            thought.numbers.data, self._of_outcome(number, thought)
        )
        return first, pairs

    def frames(self, count: int) -> int:
        """Where so many structs Frame lie."""
        if count > len(self._problems):
            self._reserve_frames(2 * count)
        return ctypes.addressof(self._frames)

    def check_memory(self, table: TableColumns) -> None:
        """Raises ValueError for a table of another association."""
        if table.memory_size != self._network.memory_size:
            raise ValueError(
                f"tables with a memory of {self._network.memory_size} floats expected, got "
                f"{table.memory_size}"
            )

    def decided(self, number: int, detections: int, thought: Thought, solve: Solve) -> Decided:
        """What think_of() found out of a frame of so many detections, with what solve()
        adds to it."""
        floats, numbers, _, _, results = thought
        of_outcome = self._of_outcome(number, thought)
        outcome = OUTCOME.unpack_from(numbers.data, of_outcome)
        at = _places(self._asked, number, outcome[0], outcome[2])
        if outcome[4]:
            self._complete(number, at, outcome, numbers, results, solve)
            outcome = OUTCOME.unpack_from(numbers.data, of_outcome)
        return _decided(at, floats, numbers, detections, outcome)

    @property
    def at(self) -> int:
        """Where struct Asked of problems.h lies."""
        return self._asked_at

    @property
    def asked(self) -> Asked:
        return self._asked

    def _of_outcome(self, number: int, thought: Thought) -> int:
        return 8 * thought.outcomes + OUTCOME.size * number

    def _think(self, weigh: Weigh | None) -> Thought:
        """Of what was looked at."""
        network, asked = self._network, self._asked
        pairs, found, count = asked.pairs, asked.detections, asked.count
        floats = np.empty((FEATURES + 1) * pairs + (ALONE + 1) * found, np.float32)
        first_of_outcomes = 2 * pairs + ANSWERS * (pairs + ALTERNATIVES * count + found)
        numbers = np.empty(first_of_outcomes + OUTCOME.size // 8 * count, np.int64)
        results = address(floats), address(numbers)
        memory = network.scratch.borrow(asked.scratch)
        wrong = self._library.score(
            self._gate_at, network.at, self._code_size, self._asked_at, *results, memory.at,
            memory.size,
        )  # fmt: skip
        network.scratch.give_back(memory)
        check_fit(wrong)
        thought = Thought(floats, numbers, pairs, first_of_outcomes, results)
        if weigh is not None:
            weigh(thought)
        self._library.answer(self._limits_at, self._asked_at, *results)
        return thought

    def _look(self, questions: Sequence[Question]) -> None:
        self.frames(len(questions))
        for place, (table, found, tracks, *rest) in enumerate(questions):
            if tracks > table.capacity:
                raise ValueError(f"up to {table.capacity} tracks expected, got {tracks}")
            FRAME.pack_into(self._frames, FRAME.size * place, table.at, found.at, tracks, *rest)
        self._look_at(len(questions))

    def _look_at(self, count: int) -> None:
        """Candidates of so many frames, and what is known around their boxes."""
        asked = self._asked
        asked.count = count
        while not self._library.gate(
            self._gate_at, self._network.at, self._code_size, self._asked_at
        ):
            self._grow()
        logs = self._floats[: asked.logs]
        np.log(logs, out=logs)

    def _complete(
        self, number: int, at: _Places, outcome: Outcome, numbers: Indices,
        results: tuple[int, int], solve: Solve,
    ) -> None:  # fmt: skip
        """The pairs that solve() matches join the clear ones, and all answers are there."""
        first, pairs, _, _, remaining, settled, *_ = outcome
        left = self._left[first : first + remaining]
        tracks, detections = numbers[at.tracks :][left], numbers[at.detections :][left]
        rest = left[solve(tracks, detections, self._worth[first : first + pairs][left])]
        chosen = numbers[at.chosen : at.chosen + pairs]
        chosen[settled : settled + len(rest)] = rest
        wrong = self._library.compare(
            self._limits_at, self._asked_at, *results, number, settled + len(rest)
        )
        check_fit(wrong)

    def _reserve_frames(self, count: int) -> None:
        self._frames, self._problems = (
            (ctypes.c_int64 * (FRAME.size // 8 * count))(),
            (Problem * count)(),
        )
        self._asked.frames = ctypes.addressof(self._frames)
        self._asked.problems = ctypes.addressof(self._problems)

    def _grow(self) -> None:
        """More memory where the last frame needed it: twice as much."""
        asked = self._asked
        asked.float_room = 2 * max(asked.needed_floats, asked.float_room // 2)
        asked.number_room = 2 * max(asked.needed_numbers, asked.number_room // 2)
        asked.pair_room = room = 2 * max(asked.pairs, asked.pair_room // 2)
        self._floats = np.empty(asked.float_room, np.float32)
        self._numbers = np.empty(asked.number_room, np.int64)
        self._pairs = np.empty((2, room), np.int64)
        self._left, self._worth = np.empty(room, np.int64), np.empty(room, np.float32)
        self._twins = np.empty(3 * room, np.int64)
        asked.floats, asked.numbers = address(self._floats), address(self._numbers)
        asked.track, asked.detection = address(self._pairs), address(self._pairs) + 8 * room
        asked.left, asked.worth = address(self._left), address(self._worth)
        asked.twins = address(self._twins)


def _described(
    at: _Places, floats: Floats, numbers: Indices, pairs: int, detections: int
) -> Described:
    return Described(
        numbers[at.tracks : at.tracks + pairs],
        numbers[at.detections : at.detections + pairs],
        floats[at.features : at.features + FEATURES * pairs].reshape(FEATURES, pairs),
        floats[at.alone : at.alone + ALONE * detections].reshape(ALONE, detections),
    )


def _decided(
    at: _Places, floats: Floats, numbers: Indices, detections: int, outcome: Outcome
) -> Decided:
    _, pairs, _, count, _, *rest = outcome
    answers, chosen, born = [], at.chosen, at.born
    scored = _scored(at, floats, numbers, detections, pairs)
    for i in range(count):
        matched, births, likelihood = rest[i], rest[ANSWERS + i], rest[2 * ANSWERS + i]
        given = numbers[chosen : chosen + matched], numbers[born : born + births]
        answers.append((likelihood, *given))
        chosen += pairs + ALTERNATIVES
        born += detections
    return Decided(*scored, answers)


def _scored(at: _Places, floats: Floats, numbers: Indices, detections: int, pairs: int) -> Scored:
    return Scored(
        _described(at, floats, numbers, pairs, detections),
        floats[at.odds : at.odds + pairs],
        floats[at.people : at.people + detections],
    )
