"""The causal predictor in the C library: the same numbers in few calls."""

from typing import Any

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes
from mambatrack.kernels.cpu.motion import TrackMotion
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.predictor import State


class CompiledPredictor(CausalPredictor):
    """CausalPredictor with what it does beside its network in C, to the bit."""

    state_layout = "CausalPredictor/CausalNetwork"

    def __init__(self, network: CausalNetwork, spread: Any):
        super().__init__(network, spread)
        self._motion = TrackMotion(network, self.spread)

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        if not state.flags.carray:  # a part of a larger array: the network alone is in C
            return super().predict(state)
        return self._motion.predict(state)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        if not state.flags.carray:
            return super().correct(state, rows, boxes)
        rows, boxes = np.ascontiguousarray(rows), np.ascontiguousarray(boxes, np.float32)
        self._motion.correct(state, rows, boxes)
