"""The causal predictor in the C library: the same numbers in few calls."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes
from mambatrack.kernels.cpu.motion import Moving, TrackMotion
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.predictor import State
from mambatrack.track_table import TrackTable


class CompiledPredictor(CausalPredictor):
    """CausalPredictor with what it does beside its network in C, to the bit."""

    state_layout = "CausalPredictor/CausalNetwork"

    def __init__(self, network: CausalNetwork, spread: Any):
        super().__init__(network, spread)
        self.in_c = TrackMotion(network, self.spread)

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        if not state.flags.carray:  # a part of a larger array: the network alone is in C
            return super().predict(state)
        return self.in_c.predict(state)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        if not state.flags.carray:
            return super().correct(state, rows, boxes)
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
