"""Motion models in the C library, and the causal predictor's: its state as
motion.causal_predictor describes it."""

import ctypes
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.kernels.cpu.packing import Floats, address, check_array, check_fit
from mambatrack.kernels.cpu.scratch import Scratch
from mambatrack.kernels.cpu.table import StateColumns, TableColumns

Indices = NDArray[np.int64]
TOKEN, OUTPUTS, HEAD = 7, 8, 17  # of motion.h
_MOVED = struct.Struct("@7q")  # struct Moved of moved.h
MOVED_WORDS = _MOVED.size // 8


class Motion(ctypes.Structure):
    """struct Motion of motion.h."""

    _fields_ = [
        *[
            (name, ctypes.c_int64)
            for name in ("carried", "horizon", "window", "seen_window", "straightens")
        ],
        *[(name, ctypes.c_void_p) for name in ("measured", "log_gaps", "scale", "filter")],
    ]


class Moving(NamedTuple):
    """A table that goes one frame on.

    table, tracks: its columns, of which so many rows live
    span: by how many frames their gaps and ages grow
    beside: it is a further table of the same tracker as the one before
    """

    table: TableColumns | StateColumns
    tracks: int
    span: int
    beside: bool


class TrackMotion(ABC):
    """A motion model of the tracks in tables.

    motion: what C knows of it; state_size: floats of a track's state; given: arguments of the
    kind's own constructor, which hold what ``motion`` has the addresses of.
    """

    def __init__(self, motion: Motion, state_size: int, given: tuple[Any, ...]):
        self._library, self._motion, self._given = library(), motion, given
        self.at, self.state_size = ctypes.addressof(motion), state_size
        self._floats, self._numbers, self._moved = Scratch(), Scratch(np.int64), Scratch(np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses mean nothing in another process

    @abstractmethod
    def predict(self, state: Floats) -> tuple[Floats, Floats]:
        """state [N, S], changed in place -> boxes [N, 4] and their spread [N, 4]."""

    def predict_tables(self, tables: Sequence[Moving]) -> None:
        """One frame on for tables with states of this motion model. Boxes and spread are theirs."""
        memory = self._moved.borrow(MOVED_WORDS * len(tables))
        for place, (table, tracks, span, beside) in enumerate(tables):
            self.check_table(table, tracks)
            at = _MOVED.size * place
            _MOVED.pack_into(memory.numbers.data, at, table.at, tracks, span, beside, 0, 0, 0)
        self.predict_listed(memory.at, len(tables), sum([each.tracks for each in tables]))
        self._moved.give_back(memory)

    @abstractmethod
    def predict_listed(self, moved: int, count: int, tracks: int) -> None:
        """predict_tables() of those whose ``count`` structs Moved, of moved.h, lie there: so many
        tracks at most."""

    def check_table(self, table: TableColumns | StateColumns, tracks: int) -> None:
        """Raises ValueError for a table that has no room for so many tracks, or is of another
        motion model."""
        if tracks > table.capacity or table.motion_size != self.state_size:
            raise ValueError(
                f"a table of up to {table.capacity} tracks with {self.state_size} floats of "
                f"motion expected, got {tracks} with {table.motion_size}"
            )

    def correct(self, state: Floats, rows: Indices, boxes: Floats) -> None:
        """The tracks rows [K] of the state were seen at boxes [K, 4]; none is named twice."""
        count, tracks = len(rows), len(state)
        check_array("state", state, np.float32, (tracks, self.state_size), True)
        check_array("rows", rows, np.int64, (count,))
        check_array("boxes", boxes, np.float32, (count, 4))
        logs = np.empty(2 * count, np.float32)
        at = address(state)
        given = self.at, count, address(rows), address(boxes)
        wrong = self._library.ask_logs(*given, tracks, at, address(logs))
        if wrong >= 0:
            raise ValueError(f"rows: from 0 to {tracks - 1} expected, got {rows[wrong]}")
        np.log(logs, out=logs)
        self._library.correct(*given, address(logs), at)


class CausalMotion(TrackMotion):
    """CausalPredictor.predict and correct.

    measured: [H, 4], as ``spread`` of CausalPredictor. Raises ValueError where the network is not
    that of a motion model.
    """

    def __init__(self, network: CausalNetwork, measured: Floats):
        horizon = len(measured)
        check_array("measured", measured, np.float32, (max(horizon, 1), 4))
        if (network.inputs, network.outputs) != (TOKEN, OUTPUTS):
            raise ValueError(
                f"{TOKEN} inputs and {OUTPUTS} outputs expected, got {network.inputs} and "
                f"{network.outputs}"
            )
        self._network, self._log_gaps = network, np.log1p(np.arange(horizon + 1, dtype=np.float32))
        motion = Motion(
            carried=network.carried_size, horizon=horizon, measured=address(measured),
            log_gaps=address(self._log_gaps),
        )  # fmt: skip
        super().__init__(motion, HEAD + 2 * network.carried_size, (network, measured))
        self._work = TOKEN + OUTPUTS + network.carried_size

    def predict(self, state: Floats) -> tuple[Floats, Floats]:
        count, network = len(state), self._network
        check_array("state", state, np.float32, (count, self.state_size), True)
        work = np.empty(count * self._work, np.float32)
        places = np.empty(count, np.int64)
        boxes, spread = np.empty((count, 4), np.float32), np.empty((count, 4), np.float32)
        ratios = np.empty(count, np.float32)
        at = address(state)
        memory = network.scratch.borrow(network.need())
        wrong = self._library.predict(
            self.at, network.at, memory.at, memory.size, count, at, address(work), address(places),
            address(boxes), address(spread), address(ratios),
        )  # fmt: skip
        network.scratch.give_back(memory)
        check_fit(wrong)
        np.log(ratios, out=ratios)
        np.exp(spread, out=spread)
        self._library.spread_boxes(self.at, count, at, address(ratios), address(spread))
        return boxes, spread

    def predict_listed(self, moved: int, count: int, tracks: int) -> None:
        network, numbers = self._network, self._numbers.borrow(3 * tracks)
        floats = self._floats.borrow((9 + self._work) * tracks)
        memory = network.scratch.borrow(network.need())
        given = moved, count, tracks, floats.at
        own = self._library.predict_tables(
            self.at, network.at, memory.at, memory.size, *given, numbers.at
        )
        network.scratch.give_back(memory)
        check_fit(own)
        exponents, logs = floats.numbers[: 4 * own], floats.numbers[4 * tracks : 4 * tracks + own]
        np.exp(exponents, out=exponents)
        np.log(logs, out=logs)
        self._library.spread_tables(self.at, *given)
        self._floats.give_back(floats)
        self._numbers.give_back(numbers)
