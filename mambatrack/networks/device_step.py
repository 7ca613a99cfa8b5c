"""One step of the causal network on a device where the carried states stay.

What one row carries along is a slot of a pool there. A step reads it from one slot and writes it to
another, so that a slot that was written never changes while somebody may still read it: a row that
is copied is copied with the number of its slot, and no state moves. Where Triton runs and the
network is small, the whole step is one launch (kernels/gpu/causal.py); else it is CausalStep's.
Has not run on a GPU yet; it is tested on the CPU, and the kernel in Triton's interpreter.
"""

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.errors import MambatrackError
from mambatrack.kernels import choose_backend
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.graphs import Graphs, Recorder
from mambatrack.networks.units import INPUT_LIMIT, NORM_EPSILON

if TYPE_CHECKING:  # triton is there where a GPU is
    from mambatrack.kernels.gpu.causal import CausalWeights

FIRST_SLOTS = 4096
FIRST, SPARE = 0, 1  # slots: zeros, as before the first token; one that is written and never read

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


class DeviceStep:
    """CausalStep whose carried states stay on its device.

    states [slots, R]: slot FIRST holds zeros and SPARE nothing, the others what calls wrote
    fused: whether a step is one launch, which it is where that may be and can be
    record: as of graphs.Graphs
    """

    def __init__(
        self,
        step: CausalStep,
        record: Recorder | None = None,
        slots: int = FIRST_SLOTS,
        fused: bool = True,
    ):
        self.step, self.device = step, step.device
        self.carried_size = step.carried_size
        self.states = torch.zeros(slots, self.carried_size, device=self.device)
        self._weights = _fused(step) if fused else None
        self.graphs = Graphs(self._run, self.device, _outputs(step.model), record)
        self.graphs.start(step.model.inputs + 2)

    @property
    def fused(self) -> bool:
        return self._weights is not None

    def __call__(self, tokens: Floats, before: Indices, after: Indices) -> Floats:
        """tokens [B, K] after the states in the slots ``before`` [B] -> outputs [B, O]; the new
        states are in the slots ``after`` [B], FIRST where they are not kept."""
        slots = np.column_stack([before, after]).astype(np.float32)  # exact, as MOST_SLOTS says
        return self.graphs(tokens, slots)

    def read(self, slots: Indices) -> Floats:
        """-> carried [B, R] as CausalStep has it."""
        return cast(Floats, self.states[torch.from_numpy(slots).to(self.device)].cpu().numpy())

    def write(self, slots: Indices, carried: Floats) -> None:
        """carried [B, R] into ``slots`` [B], none of them FIRST."""
        with torch.inference_mode():
            places = torch.from_numpy(slots).to(self.device)
            self.states[places] = torch.from_numpy(carried).to(self.device)

    def grow(self, slots: int) -> None:
        """So many slots from now on, none fewer; the graphs are recorded anew. MambatrackError, and
        nothing has changed, where the device has no memory for them."""
        try:
            grown = torch.zeros(slots, self.carried_size, device=self.device)
        except torch.cuda.OutOfMemoryError as error:
            raise MambatrackError(
                f"the GPU has no memory for {slots} states of tracks: {error}; run fewer tracks or "
                "trackers on it, or take device cpu"
            ) from error
        grown[: len(self.states)] = self.states
        self.states = grown
        self.graphs.forget()

    def _run(self, given: Tensor) -> Tensor:
        """given [B, K + 2]: token, slot before, slot after."""
        if self._weights is not None:
            from mambatrack.kernels.gpu.causal import causal_step

            return causal_step(self._weights, given, self.states, INPUT_LIMIT, NORM_EPSILON)
        before, after = given[:, -2:].long().unbind(1)
        carried = self.states[before]
        outputs = self.step.step_in_place(given[:, :-2], carried)
        self.states[after.clamp(min=SPARE)] = carried
        return outputs


def _fused(step: CausalStep) -> "CausalWeights | None":
    """None where the kernel of kernels/gpu/causal.py cannot take this network on its device."""
    if choose_backend("auto", torch.empty(0, device=step.device)) != "triton":
        return None
    from mambatrack.kernels.gpu.causal import WIDEST
    from mambatrack.networks.fused_weights import causal_weights

    if step.model.back or step.model.embed.out_features > WIDEST:
        return None
    return causal_weights(step.model)


def _outputs(model: CausalMotionPredictor) -> int:
    return cast(nn.Linear, model.head[2]).out_features
