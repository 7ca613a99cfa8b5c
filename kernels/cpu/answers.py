"""The answers of one hypothesis to who is who in the C library: the likeliest decision and the few
closest to it. What the clear pairs leave open goes to the Hungarian method."""

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import UNORDERED, library
from mambatrack.kernels.cpu.packing import Floats, address, aligned, check_array

Indices = NDArray[np.int64]
Solve = Callable[[Indices, Floats], Indices]
Found = list[tuple[float, Indices, Indices]]
ALTERNATIVES = 2  # of answers.h
ANSWERS = 1 + ALTERNATIVES


class Limits(ctypes.Structure):
    """struct Limits of answers.h."""

    _fields_ = [
        *[
            (name, ctypes.c_float)
            for name in ("match_odds", "least", "birth_score", "birth_odds", "alternative")
        ],
        ("rounds", ctypes.c_int64),
        *[(name, ctypes.c_double) for name in ("share", "largest", "match")],
    ]


class ScoredPairs(NamedTuple):
    """tracks [K] and detections [K] of candidate pairs, in this order; counts: of all of both; odds
    [K] of the pairs; people [M] and scores [M] of the detections."""

    tracks: Indices
    detections: Indices
    counts: tuple[int, int]
    odds: Floats
    people: Floats
    scores: Floats


class _Scored(ctypes.Structure):
    """struct Scored of answers.h."""

    _fields_ = [
        *[
            (name, ctypes.c_int64)
            for name in ("pairs", "tracks", "detections", "several", "compared")
        ],
        *[(name, ctypes.c_void_p) for name in ("track", "detection", "odds", "people", "scores")],
    ]


class _Places(ctypes.Structure):
    """struct Places of answers.h."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("sums", "worth", "of_track", "of_detection")]


class _Answers(ctypes.Structure):
    """struct Answers of answers.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("chosen", "born", "left")],
        *[(name, ctypes.c_int64) for name in ("count", "remaining")],
        *[(name, ctypes.c_int64 * ANSWERS) for name in ("matched", "births")],
        ("likelihoods", ctypes.c_double * ANSWERS),
    ]


class Answerer:
    """Answers for one table after the other; memory is kept between calls.

    One for each thread.
    """

    def __init__(self, limits: Limits):
        self._library, self._limits = library(), limits
        self._scored, self._places, self._answers = _Scored(), _Places(), _Answers()
        parts = (self._scored, limits, self._places, self._answers)
        self._at = tuple(map(ctypes.addressof, parts))
        self._room = (-1, -1)  # pairs; tracks and detections

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._limits,)  # addresses belong to this one alone

    def __call__(self, given: ScoredPairs, several: bool, compared: bool, solve: Solve) -> Found:
        """several: alternatives are looked for; compared: the likelihood counts without any, too;
        solve: of the pairs that are left [.] and the worth of all [K], those that are matched [.]
        -> log-likelihood, pairs that are matched [.] and detections that start tracks [.] of each
        answer, the likeliest first.

        Raises ValueError for what does not fit."""
        pairs, detections = len(given.odds), given.counts[1]
        chosen, born = self._lay_out(given, several, compared)
        left = self._library.answer(*self._at)
        if left == UNORDERED:
            raise ValueError(
                f"pairs in the order of their tracks, below {given.counts[0]}, and then "
                f"detections, below {detections}, expected"
            )
        answers = self._answers
        if left:
            self._complete(chosen[0], solve(self._left[:left], self._worth[:pairs]))
        return [
            (
                answers.likelihoods[i],
                chosen[i, : answers.matched[i]],
                born[i, : answers.births[i]],
            )
            for i in range(answers.count)
        ]

    def _complete(self, chosen: Indices, rest: Indices) -> None:
        """The pairs ``rest`` are matched beside the clear ones, and all answers are there."""
        answers = self._answers
        settled = answers.matched[0]
        fits = len(rest) <= answers.remaining
        if fits:
            chosen[settled : settled + len(rest)] = rest
            answers.matched[0] = settled + len(rest)
        if not fits or self._library.compare(*self._at):
            raise ValueError(f"some of the {answers.remaining} pairs that are left expected")

    def _lay_out(
        self, given: ScoredPairs, several: bool, compared: bool
    ) -> tuple[Indices, Indices]:
        """-> where the pairs and the births of each answer will be."""
        pairs, (tracks, detections) = len(given.odds), given.counts
        _check(given)
        if pairs > self._room[0] or tracks + detections > self._room[1]:
            self._reserve(2 * pairs, 2 * (tracks + detections))
        scored, answers = self._scored, self._answers
        scored.pairs, scored.tracks, scored.detections = pairs, tracks, detections
        scored.several, scored.compared = several, compared
        scored.track, scored.detection = address(given.tracks), address(given.detections)
        scored.odds, scored.people = address(given.odds), address(given.people)
        scored.scores = address(given.scores)
        chosen = np.empty((ANSWERS, pairs + ALTERNATIVES), np.int64)
        born = np.empty((ANSWERS, detections), np.int64)
        answers.chosen, answers.born = address(chosen), address(born)
        self._places.of_detection = self._of_both + 8 * tracks
        return chosen, born

    def _reserve(self, pairs: int, sides: int) -> None:
        self._room = pairs, sides
        self._sums, self._sides = np.empty(sides), np.empty(sides, np.int64)
        self._worth, self._left = aligned(pairs), np.empty(pairs, np.int64)
        self._of_both = address(self._sides)
        places = self._places
        places.sums, places.worth = address(self._sums), address(self._worth)
        places.of_track, self._answers.left = self._of_both, address(self._left)


def _check(given: ScoredPairs) -> None:
    pairs, detections = len(given.odds), given.counts[1]
    check_array("odds", given.odds, np.float32, (pairs,))
    check_array("tracks", given.tracks, np.int64, (pairs,))
    check_array("detections", given.detections, np.int64, (pairs,))
    check_array("people", given.people, np.float32, (detections,))
    check_array("scores", given.scores, np.float32, (detections,))
