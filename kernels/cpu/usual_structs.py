"""The structs of usual.h and of what it includes."""

import ctypes
import struct
from typing import NamedTuple

from mambatrack.kernels.cpu.table import TableColumns

OPEN, SETTLED, REPORTED = range(3)  # how far a frame has come
ASKING, HELD = struct.Struct("@12q"), struct.Struct("@4qd")  # of usual.h and branch.h
USUAL_WORDS, KEPT_WORDS = 27, 8
PLACE, FAR, IDS = 0, slice(1, 11), 19  # of struct Usual


class Usually(ctypes.Structure):
    """struct Usually of usual.h."""

    _fields_ = [
        ("limits", ctypes.c_double * 6),
        ("margins", ctypes.c_double * 2),
        ("far", ctypes.c_double),
        *[
            (name, ctypes.c_int64)
            for name in (
                "most_kept",
                "room",
                "most_tracks",
                "most_found",
                "min_hits",
                "max_age",
                "leaps",
            )
        ],  # fmt: skip
    ]


# a table, how many tracks, whether some has votes for two classes, and how likely its hypothesis is
# against the first
Held = tuple[TableColumns, int, bool, float]


class Far(NamedTuple):
    """How far a frame has come. state: OPEN, SETTLED or REPORTED; tracks: of its result, which is
    ``result`` numbers from the first one on; kept: hypotheses that go on, in the tables that there
    are and with the same tracks where ``same``; settled: number of the first of these; frame: of
    the first table; fresh: ids that were given to tracks that started; started: tracks that are put
    out for the first time; ended: tracks that were put out and are no more."""

    state: int
    tracks: int
    kept: int
    same: int
    settled: int
    frame: int
    fresh: int
    started: int
    ended: int
    result: int


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
