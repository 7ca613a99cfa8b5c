"""What there is to decide in a frame, for any number of tables of tracks, in the C library:
association.features.describe_pairs, the scores of a committee and association.interface's answers.
"""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_fit
from mambatrack.kernels.cpu.problem_structs import (
    ALONE,
    ALTERNATIVES,
    ANSWERS,
    FEATURES,
    MOST_HITS,
    Asked,
    Frame,
    Gate,
    Limits,
    Problem,
    Thoughts,
)
from mambatrack.kernels.cpu.table import TableColumns

Indices = NDArray[np.int64]
Solve = Callable[[Indices, Indices, Floats], Indices]
Answer = tuple[float, Indices, Indices]
LOG_HITS = np.log(np.maximum(np.arange(MOST_HITS + 1), 1)).astype(np.float32)


class Reach(NamedTuple):
    """Of the gate, in box sizes on each side: at least, more for each frame unseen, at most."""

    least: float
    per_frame: float
    most: float


class Question(NamedTuple):
    """One table and the detections of its frame.

    table, tracks: its columns, of which the first ``tracks`` rows live
    span: frames of its newest step
    several: alternatives are looked for; compared: the likelihood counts without any, too
    beside: it is a further table of the same tracker as the one before
    """

    table: TableColumns
    found: FoundColumns
    tracks: int
    span: int
    several: bool = False
    compared: bool = False
    beside: bool = False


class Described(NamedTuple):
    """Candidate pairs in the order of their tracks [K] and detections [K], features [FEATURES, K],
    alone [ALONE, M]."""

    tracks: Indices
    detections: Indices
    features: Floats
    alone: Floats


class Decided(NamedTuple):
    """odds [K], people [M]: the scores; answers: the log-likelihood, the pairs that are matched [.]
    and the detections that start tracks [.] of each, the likeliest first."""

    described: Described
    odds: Floats
    people: Floats
    answers: list[Answer]


class Problems:
    """The problems of one frame after the other; memory is kept between calls.

    by_class: a pair is of one class; network: whose scores count. One for each thread.
    """

    def __init__(self, reach: Reach, by_class: bool, limits: Limits, network: CommitteeNetwork):
        self._library, self._given = library(), (reach, by_class, limits, network)
        self._network = network
        self._gate = Gate(*reach, address(LOG_HITS), by_class)
        self._asked, self._thoughts = Asked(), Thoughts()
        self._gate_at, self._limits_at, self._asked_at, self._thoughts_at = map(
            ctypes.addressof, (self._gate, limits, self._asked, self._thoughts)
        )
        self._part = np.empty(0, np.float32)
        self._reserve_frames(4)
        self._grow()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses belong to this one alone

    def describe(self, questions: Sequence[Question]) -> list[Described]:
        """Raises ValueError for what does not fit."""
        self._look(questions)
        described = self._described(questions, np.empty(self._floats_of_results(), np.float32))
        self._library.describe(self._gate_at, self._asked_at, self._thoughts_at)
        return described

    def decide(self, questions: Sequence[Question], solve: Solve) -> list[Decided]:
        """solve: tracks [.], detections [.] and worth [.] of pairs that are left -> which of these
        are matched. Raises ValueError for what does not fit."""
        for each in questions:
            if each.table.memory_size != self._network.memory_size:
                raise ValueError(
                    f"tables with a memory of {self._network.memory_size} floats expected, got "
                    f"{each.table.memory_size}"
                )
        self._look(questions)
        asked, count = self._asked, len(questions)
        results = np.empty(self._floats_of_results(), np.float32)
        described = self._described(questions, results)
        chosen = np.empty(ANSWERS * (asked.pairs + ALTERNATIVES * count), np.int64)
        born = np.empty(ANSWERS * asked.detections, np.int64)
        thoughts = self._thoughts
        thoughts.chosen, thoughts.born = address(chosen), address(born)
        network = self._network
        sizes = asked.most_pairs, asked.most_sides, asked.most_sides
        memory = network.borrow(self._library.score_floats(network.at, *sizes))
        wrong = self._library.think(
            self._gate_at, self._limits_at, network.at, self._asked_at, self._thoughts_at,
            address(memory), memory.size, network.code_size, address(self._part_memory()),
        )  # fmt: skip
        network.give_back(memory)
        check_fit(wrong)
        scores = results[-asked.pairs - asked.detections :] if len(results) else results
        odds, people = scores[: asked.pairs], scores[asked.pairs :]
        return [
            self._decided(number, each, odds, people, chosen, born, solve)
            for number, each in enumerate(described)
        ]

    def _look(self, questions: Sequence[Question]) -> None:
        """Candidates, and what is known around their boxes."""
        asked = self._asked
        if len(questions) > len(self._frames):
            self._reserve_frames(2 * len(questions))
        asked.count = len(questions)
        for place, (table, found, tracks, *rest) in enumerate(questions):
            if tracks > table.capacity:
                raise ValueError(f"up to {table.capacity} tracks expected, got {tracks}")
            self._frames[place] = Frame(table.at, found.at, tracks, *rest)
        while not self._library.gate(self._gate_at, self._asked_at):
            self._grow()
        logs = self._floats[: asked.logs]
        np.log(logs, out=logs)

    def _floats_of_results(self) -> int:
        asked = self._asked
        return (FEATURES + 1) * asked.pairs + (ALONE + 1) * asked.detections

    def _described(self, questions: Sequence[Question], results: Floats) -> list[Described]:
        """Where C is to write everything, one behind the other: features, alone, odds, people."""
        asked, thoughts = self._asked, self._thoughts
        pairs, of_alone = asked.pairs, FEATURES * asked.pairs
        thoughts.features = at = address(results)
        thoughts.alone = at + 4 * of_alone
        thoughts.odds = thoughts.alone + 4 * ALONE * asked.detections
        thoughts.people = thoughts.odds + 4 * pairs
        tracks, detections = self._pairs[:, :pairs].copy()
        described = []
        for question, problem in zip(questions, self._problems, strict=False):
            first, end = problem.first, problem.first + problem.pairs
            alone = of_alone + ALONE * problem.first_detection
            described.append(
                Described(
                    tracks[first:end],
                    detections[first:end],
                    results[FEATURES * first : FEATURES * end].reshape(FEATURES, -1),
                    results[alone : alone + ALONE * question.found.count].reshape(ALONE, -1),
                )
            )
        return described

    def _decided(
        self,
        number: int,
        described: Described,
        odds: Floats,
        people: Floats,
        chosen: Indices,
        born: Indices,
        solve: Solve,
    ) -> Decided:
        problem, detections = self._problems[number], described.alone.shape[1]
        answers, first, pairs = problem.answers, problem.first, problem.pairs
        at, room = ANSWERS * (first + ALTERNATIVES * number), pairs + ALTERNATIVES
        chosen = chosen[at : at + ANSWERS * room].reshape(ANSWERS, room)
        born = born[ANSWERS * problem.first_detection :][: ANSWERS * detections]
        if answers.remaining:
            self._complete(number, described, chosen[0], solve)
        given = zip(
            answers.likelihoods[: answers.count], answers.matched, answers.births, strict=False
        )
        found = [
            (likelihood, chosen[i, :matched], born[i * detections :][:births])
            for i, (likelihood, matched, births) in enumerate(given)
        ]
        own = slice(problem.first_detection, problem.first_detection + detections)
        return Decided(described, odds[first : first + pairs], people[own], found)

    def _complete(self, number: int, described: Described, chosen: Indices, solve: Solve) -> None:
        """The pairs that solve() matches join the clear ones, and all answers are there."""
        problem = self._problems[number]
        answers, first = problem.answers, problem.first
        left = self._left[first : first + answers.remaining]
        worth = self._worth[first : first + problem.pairs]
        rest = left[solve(described.tracks[left], described.detections[left], worth[left])]
        settled = answers.matched[0]
        chosen[settled : settled + len(rest)] = rest
        answers.matched[0] = settled + len(rest)
        self._library.compare(self._limits_at, self._asked_at, self._thoughts_at, number)

    def _part_memory(self) -> Floats:
        """For what one table has otherwise than the first of its tracker."""
        asked = self._asked
        need = (FEATURES + 1) * asked.most_pairs
        need += (ALONE + 1 + self._network.code_size) * asked.most_sides
        if len(self._part) < need:
            self._part = np.empty(2 * need, np.float32)
        return self._part

    def _reserve_frames(self, count: int) -> None:
        self._frames, self._problems = (Frame * count)(), (Problem * count)()
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
