"""What tables of tracks make of the decisions of a frame, in the C library and for any number of
tables at once: histories of a committee, the causal predictor's motion, and TrackTable.observe."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import MIXED, library
from mambatrack.kernels.cpu.motion import TrackMotion
from mambatrack.kernels.cpu.packing import Floats, address, check_array, check_fit
from mambatrack.kernels.cpu.scratch import Scratch
from mambatrack.kernels.cpu.table import TableColumns

Indices = NDArray[np.int64]
MATCH_FLOATS, MATCH_NUMBERS = 13, 5  # of each match in settle.h
MIXED_AT = 9  # word of struct Settled
_SETTLED = struct.Struct("@13q")  # struct Settled of settle.h
SETTLED_WORDS = _SETTLED.size // 8
_floats, _numbers = Scratch(), Scratch(np.int64)


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


def settle(
    network: CommitteeNetwork, motion: TrackMotion, matched: Sequence[Matched]
) -> list[bool]:
    """Every table is changed in place. -> of each whether some track has votes for two classes now.

    Raises ValueError, and changes nothing, for what does not fit."""
    counts = [len(each.chosen) for each in matched]
    total, words = sum(counts), len(matched) * SETTLED_WORDS
    most = max((each.tracks for each in matched), default=0)
    floats = _floats.borrow(MATCH_FLOATS * total)
    numbers = _numbers.borrow(words + MATCH_NUMBERS * total + 2 * most)
    for place, each in enumerate(matched):
        _put(network, motion, each, numbers.numbers, _SETTLED.size * place)
    given = len(counts), numbers.at, total, floats.at, numbers.at + 8 * words
    if not library().gather(motion.at, *given):
        raise ValueError("matches: of the pairs, tracks and detections expected")
    logs = floats.numbers[: 4 * total]
    np.log(logs, out=logs)
    memory = network.scratch.borrow(network.remembering(max(counts, default=0)))
    result: int = library().settle(motion.at, network.at, memory.at, memory.size, *given)
    network.scratch.give_back(memory)
    check_fit(result)
    mixed = [False] * len(counts)
    if result == MIXED:
        mixed = numbers.numbers[MIXED_AT:words:SETTLED_WORDS].astype(bool).tolist()
    _floats.give_back(floats)
    _numbers.give_back(numbers)
    return mixed


def _put(
    network: CommitteeNetwork, motion: TrackMotion, given: Matched, words: Indices, at: int
) -> None:
    table, found, tracks, mixed, stamp, beside, features, track, detection, chosen = given
    pairs = len(track)
    _check_table(network, motion, table, tracks)
    check_array("features", features, np.float32, (network.features, pairs))
    check_array("tracks", track, np.int64, (pairs,))
    check_array("detections", detection, np.int64, (pairs,))
    check_array("chosen", chosen, np.int64, (len(chosen),))
    places = address(features), address(track), address(detection), address(chosen)
    _SETTLED.pack_into(
        words.data, at, table.at, found.at, *places, tracks, pairs, len(chosen), mixed, stamp,
        beside, 0,
    )  # fmt: skip


def _check_table(
    network: CommitteeNetwork, motion: TrackMotion, table: TableColumns, tracks: int
) -> None:
    sizes = table.motion_size, table.memory_size
    if tracks > table.capacity or sizes != (motion.state_size, network.memory_size):
        raise ValueError(
            f"a table of up to {table.capacity} tracks with {motion.state_size} and "
            f"{network.memory_size} floats expected, got {tracks} with {sizes[0]} and {sizes[1]}"
        )
