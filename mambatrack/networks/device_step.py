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

from mambatrack.kernels import choose_backend
from mambatrack.networks.causal import CausalBlock, CausalMotionPredictor
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
        self._weights = fused_weights(step.model) if fused and _fuses(step) else None
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
        """So many slots from now on, none fewer; the graphs are recorded anew."""
        grown = torch.zeros(slots, self.carried_size, device=self.device)
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


def _fuses(step: CausalStep) -> bool:
    """Whether the kernel of kernels/gpu/causal.py can take this network on its device."""
    if choose_backend("auto", torch.empty(0, device=step.device)) != "triton":
        return False
    from mambatrack.kernels.gpu.causal import WIDEST

    return not step.model.back and step.model.embed.out_features <= WIDEST


def _outputs(model: CausalMotionPredictor) -> int:
    return cast(nn.Linear, model.head[2]).out_features


@torch.no_grad()
def fused_weights(model: CausalMotionPredictor) -> "CausalWeights":
    """A network without look-back as the kernel takes it."""
    from mambatrack.kernels.gpu.causal import CausalWeights

    blocks = [cast(CausalBlock, each) for each in model.blocks]
    mambas = [each.mamba for each in blocks]
    wide, narrow = ([cast(nn.Linear, each.mlp[at]) for each in blocks] for at in (0, 2))
    head, last = (cast(nn.Linear, model.head[at]) for at in (0, 2))

    def stacked(*each: Tensor) -> Tensor:
        return torch.stack(each).contiguous()

    ranks = [each.select.weight.split([each.dt_rank, 2 * each.d_state]) for each in mambas]
    return CausalWeights(
        embed=model.embed.weight.T.contiguous(),
        embed_bias=model.embed.bias,
        enter=stacked(*(torch.stack([m.in_x.weight.T, m.in_z.weight.T]) for m in mambas)),
        taps=stacked(*(m.conv for m in mambas)),
        taps_bias=stacked(*(m.conv_bias for m in mambas)),
        select=stacked(*(torch.cat([others, rank]).T for rank, others in ranks)),
        dt=stacked(*(m.dt.weight.T for m in mambas)),
        dt_bias=stacked(*(m.dt.bias for m in mambas)),
        A=stacked(*(m.decay() for m in mambas)),
        skip=stacked(*(m.D for m in mambas)),
        leave=stacked(*(m.out.weight.T for m in mambas)),
        wide=stacked(*(each.weight.T for each in wide)),
        wide_bias=stacked(*(each.bias for each in wide)),
        narrow=stacked(*(each.weight.T for each in narrow)),
        narrow_bias=stacked(*(each.bias for each in narrow)),
        norm=stacked(*(each.norm.weight for each in blocks)),
        norm_bias=stacked(*(each.norm.bias for each in blocks)),
        head=head.weight.T.contiguous(),
        head_bias=head.bias,
        last=last.weight.T.contiguous(),
        last_bias=last.bias,
    )
