"""Predictors in the C library: the same numbers in few calls."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes
from mambatrack.kernels.cpu.filter_motion import FilterMotion
from mambatrack.kernels.cpu.motion import CausalMotion, Moving, TrackMotion
from mambatrack.kernels.cpu.network import CausalNetwork, WindowNetwork
from mambatrack.kernels.cpu.window_motion import WindowMotion
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.predictor import Predictor, State
from mambatrack.motion.window_predictor import WindowPredictor, image_scale
from mambatrack.track_table import TrackTable


class CompiledPredictor(Predictor):
    """What the next base class, a predictor, does beside its network: in C, and to the bit."""

    @property
    def in_c(self) -> TrackMotion:
        """The motion model of this predictor."""
        return self._in_c

    _in_c: TrackMotion

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        if not state.flags.carray:  # a part of a larger array: the network alone is in C
            return super().predict(state)  # type: ignore[safe-super] # of the next base class
        return self.in_c.predict(state)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        if not state.flags.carray:
            return super().correct(state, rows, boxes)  # type: ignore[safe-super]
        rows, boxes = np.ascontiguousarray(rows), np.ascontiguousarray(boxes, np.float32)
        self.in_c.correct(state, rows, boxes)

    def predict_tables(self, tables: Sequence[tuple[TrackTable, int, bool]]) -> None:
        """Each table its span of frames on, with TrackTable.predict; and whether it is a further
        one of the same tracker as the one before."""
        for frame in range(max((span for _, span, _ in tables), default=0)):
            self.in_c.predict_tables(
                [
                    Moving(table.in_c, len(table), 0 if frame else span, beside)
                    for table, span, beside in tables
                    if frame < span and (len(table) or not frame)
                ]
            )
        for table, span, _ in tables:
            table.span = span


class CompiledKalmanPredictor(CompiledPredictor, KalmanPredictor):
    """KalmanPredictor in C."""

    state_layout = "KalmanPredictor"

    def __init__(self, position_weight: float = 1 / 20, velocity_weight: float = 1 / 160):
        KalmanPredictor.__init__(self, position_weight, velocity_weight)
        self._in_c = FilterMotion(self.filter_in_c)


class CompiledCausalPredictor(CompiledPredictor, CausalPredictor):
    """CausalPredictor in C."""

    state_layout = "CausalPredictor/CausalNetwork"

    def __init__(self, network: CausalNetwork, spread: Any):
        CausalPredictor.__init__(self, network, spread)
        self._in_c = CausalMotion(network, self.spread)


class CompiledWindowPredictor(CompiledPredictor, WindowPredictor):
    """WindowPredictor in C."""

    state_layout = "WindowPredictor/WindowNetwork"

    def __init__(
        self,
        network: WindowNetwork,
        q: int,
        unit: str,
        spread: Any,
        image_size: tuple[int, int] | None = None,
        straighten: bool = False,
        seen_window: int = 0,
    ):
        how = q, unit, spread, image_size, straighten, seen_window
        WindowPredictor.__init__(self, network, *how)
        self._window_network = network
        self._in_c, self._in_c_of = self._motion(), self.image_size

    @property
    def in_c(self) -> TrackMotion:
        if self.image_size != self._in_c_of:
            self._in_c, self._in_c_of = self._motion(), self.image_size
        return self._in_c

    def _motion(self) -> WindowMotion:
        scale = None if self.image_size is None else image_scale(self.image_size)
        return WindowMotion(
            self._window_network, self.q, self.seen_q, self.spread, self.straighten, scale
        )
