"""The structs of problems.h and of what it includes."""

import ctypes
import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Fields = list[tuple[str, Any]]
FEATURES, ALONE, MOST_HITS = 47, 6, 200  # of candidates.h
ALTERNATIVES = 2  # of answers.h
ANSWERS = 1 + ALTERNATIVES
AROUND = 12 + 2 * 4  # words of Around, of candidates.h
FRAME = struct.Struct("@7qd")  # struct Frame of candidates.h
# struct Outcome of problems.h: first, pairs, first_detection, count, remaining, then of each answer
# how many pairs and births, and its likelihood
OUTCOME = struct.Struct(f"@{5 + 2 * ANSWERS}q{ANSWERS}d")

Outcome = tuple[Any, ...]


def _fields(kind: Any, names: str) -> Fields:
    return [(name, kind) for name in names.split()]


class Gate(ctypes.Structure):
    """struct Gate of candidates.h."""

    _fields_ = [
        *_fields(ctypes.c_double, "reach reach_per_frame most_reach"),
        *_fields(ctypes.c_void_p, "log_hits"),
        *_fields(ctypes.c_int64, "class_aware many nearest"),
    ]


class Limits(ctypes.Structure):
    """struct Limits of answers.h."""

    _fields_ = [
        *_fields(ctypes.c_float, "match_odds least birth_score birth_odds alternative"),
        *_fields(ctypes.c_int64, "rounds"),
        *_fields(ctypes.c_double, "share largest match"),
    ]


class Answers(ctypes.Structure):
    """struct Answers of answers.h."""

    _fields_ = [
        *_fields(ctypes.c_void_p, "chosen born left"),
        *_fields(ctypes.c_int64, "count remaining"),
        *_fields(ctypes.c_int64 * ANSWERS, "matched births"),
        *_fields(ctypes.c_double * ANSWERS, "likelihoods"),
    ]


class Problem(ctypes.Structure):
    """struct Problem of problems.h."""

    _fields_ = [
        *_fields(ctypes.c_int64, "first pairs first_detection"),
        ("around", ctypes.c_int64 * AROUND),
        ("answers", Answers),
    ]


class Asked(ctypes.Structure):
    """struct Asked of problems.h."""

    _fields_ = [
        *_fields(ctypes.c_int64, "count"),
        *_fields(ctypes.c_void_p, "frames problems track detection floats worth nearest margins"),
        *_fields(ctypes.c_void_p, "numbers left places twins compared sums"),
        *_fields(ctypes.c_int64, "pair_room float_room number_room pairs detections"),
        *_fields(ctypes.c_int64, "needed_floats needed_numbers logs most_pairs most_sides scratch"),
    ]


class Thought(NamedTuple):
    """floats, numbers: struct Thoughts of problems.h, and where they lie, ``at``; pairs: of all
    frames; outcomes: where among the numbers struct Outcome of the first frame is."""

    floats: NDArray[np.float32]
    numbers: NDArray[np.int64]
    pairs: int
    outcomes: int
    at: tuple[int, int]

    def only(self) -> tuple[int, int] | None:
        """How many pairs of the only frame are matched and how many tracks start, where there is
        one answer and nothing is left to the general solver."""
        _, _, _, answers, remaining, matched, *births = OUTCOME.unpack_from(
            self.numbers.data, 8 * self.outcomes
        )
        return (matched, births[ANSWERS - 1]) if answers == 1 and not remaining else None
