"""The causal predictor in the C library: the same numbers in few calls."""

from typing import Any

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
        return self._motion.predict(state)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        self._motion.correct(state, rows, boxes)
