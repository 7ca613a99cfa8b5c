"""What tables of tracks make of the decisions of a frame, in the C library and for any number of
tables at once: histories of a committee, the causal predictor's motion, and TrackTable.observe."""

import ctypes
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.motion import TrackMotion
from mambatrack.kernels.cpu.packing import Floats, address, check_array, check_fit
from mambatrack.kernels.cpu.table import TableColumns

Indices = NDArray[np.int64]
Votes = tuple[Indices, Indices, Floats]
NUMBERS = ("rows", "labels", "numbers", "chosen", "leader")  # of each match, in settle.h


class Matched(NamedTuple):
    """One table, its detections, and who is who.

    table, tracks, mixed: its columns, of which the first ``tracks`` rows live; whether some track
        has votes for two classes
    stamp: the first of new ones, as many as there are tracks
    beside: it is a further table of the same tracker as the one before
    features [F, K], of_track [K], of_detection [K]: of candidate pairs
    chosen [.]: the pairs that are matched, each track and each detection at most once
    """

    table: TableColumns
    found: FoundColumns
    tracks: int
    mixed: bool
    stamp: int
    beside: bool
    features: Floats
    of_track: Indices
    of_detection: Indices
    chosen: Indices


class _Settled(ctypes.Structure):
    """struct Settled of settle.h."""

    _fields_ = [
        *[
            (name, ctypes.c_void_p)
            for name in ("table", "found", "features", "track", "detection", "chosen")
        ],
        *[
            (name, ctypes.c_int64)
            for name in ("tracks", "pairs", "count", "mixed", "stamp", "beside", "split", "own")
        ],
    ]


class _Matches(ctypes.Structure):
    """struct Matches of settle.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("boxes", "scores", "logs")],
        *[(name, ctypes.c_void_p) for name in NUMBERS],
        *[(name, ctypes.c_void_p) for name in ("of_row", "twin")],
    ]


def settle(
    network: CommitteeNetwork, motion: TrackMotion, matched: Sequence[Matched]
) -> list[Votes | None]:
    """Every table is changed in place. -> of each whose votes are left to the caller (as of
    TableColumns.observe) the rows, labels and scores that were seen, of the others None.

    Raises ValueError, and changes nothing, for what does not fit."""
    c, counts = library(), [len(each.chosen) for each in matched]
    total, tables = sum(counts), len(matched)
    settled = (_Settled * tables)(*[_settled(network, motion, each) for each in matched])
    most = max((each.tracks for each in matched), default=0)
    floats = np.empty(9 * total, np.float32)
    numbers = np.empty(len(NUMBERS) * total + 2 * most, np.int64)
    at, whole = address(floats), address(numbers)
    places = [whole + 8 * total * i for i in range(len(NUMBERS) + 1)]
    matches = _Matches(at, at + 16 * total, at + 20 * total, *places, places[-1] + 8 * most)
    given = tables, ctypes.addressof(settled), total, ctypes.addressof(matches)
    if not c.gather(motion.at, *given):
        raise ValueError("matches: of the pairs, tracks and detections expected")
    logs = floats[5 * total :]
    np.log(logs, out=logs)
    memory = network.borrow(c.remember_floats(network.at, max(counts, default=0)))
    wrong = c.settle(motion.at, network.at, address(memory), memory.size, *given)
    network.give_back(memory)
    check_fit(wrong)
    return [
        _votes(floats, numbers, total, end - count, end) if each.split else None
        for each, count, end in zip(settled, counts, accumulate(counts), strict=True)
    ]


def _votes(floats: Floats, numbers: Indices, total: int, first: int, end: int) -> Votes:
    rows, labels = numbers[first:end], numbers[total + first : total + end]
    return rows, labels, floats[4 * total + first : 4 * total + end]


def _settled(network: CommitteeNetwork, motion: TrackMotion, given: Matched) -> _Settled:
    table, found, tracks, mixed, stamp, beside, features, track, detection, chosen = given
    pairs, sizes = len(track), (table.motion_size, table.memory_size)
    if tracks > table.capacity or sizes != (motion.state_size, network.memory_size):
        raise ValueError(
            f"a table of up to {table.capacity} tracks with {motion.state_size} and "
            f"{network.memory_size} floats expected, got {tracks} with {sizes[0]} and {sizes[1]}"
        )
    check_array("features", features, np.float32, (network.features, pairs))
    check_array("tracks", track, np.int64, (pairs,))
    check_array("detections", detection, np.int64, (pairs,))
    check_array("chosen", chosen, np.int64, (len(chosen),))
    places = address(features), address(track), address(detection), address(chosen)
    return _Settled(
        table.at, found.at, *places, tracks, pairs, len(chosen), mixed, stamp, beside, 0, 0
    )
