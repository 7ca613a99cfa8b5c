"""One step of the causal network for inference: the same numbers from fewer operations."""

from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.kernels import selective_state_update
from mambatrack.networks.causal import CausalBlock, CausalMotionPredictor
from mambatrack.networks.devices import check_backend, one_thread
from mambatrack.networks.units import INPUT_LIMIT

Floats = NDArray[np.float32]


class StepWeights(NamedTuple):
    """A block's weights with every pair of linear maps without anything in between made one.

    enter [I, 2 D]: inputs of convolution and gate; taps [K, D]; select [D, D + 2 N]: step sizes,
    B, C; A [D, N]; skip [D]; leave [D, M + 2 M]: the block's Y and the first layer of its MLP;
    mlp [2 M, M]. I is the token's size in the first block of a network without look-back, else
    M = d_model.
    """

    enter: Tensor
    enter_bias: Tensor | None
    taps: Tensor
    taps_bias: Tensor
    select: Tensor
    dt_bias: Tensor
    A: Tensor
    skip: Tensor
    leave: Tensor
    leave_bias: Tensor
    mlp: Tensor
    mlp_bias: Tensor
    norm: Tensor
    norm_bias: Tensor


class CausalStep:
    """CausalMotionPredictor.step without gradients, numpy in and out, as kernels.CausalNetwork.

    carried_size: floats of carried state per track; zeros before the first token.
    """

    def __init__(self, model: CausalMotionPredictor, device: str = "cpu"):
        check_backend(device)
        model = model.eval().to(device)
        self.device, self.carried_size = device, model.carried_size
        self.shapes, self.head = model.shapes, model.head
        self.model = model
        with torch.no_grad():
            self.blocks = [
                _step_weights(
                    cast(CausalBlock, block), None if index or model.back else model.embed
                )
                for index, block in enumerate(model.blocks)
            ]

    def __call__(
        self, tokens: Floats, carried: Floats, rows: NDArray[np.int64] | None = None
    ) -> Floats:
        """tokens [B, K], carried [M, R], changed in place -> offsets [B, 4] or other outputs. rows
        [B]: the row of ``carried`` of each token, where they are not all in their order."""
        if rows is not None:
            own = carried[rows]
            outputs = self(tokens, own)
            carried[rows] = own
            return outputs
        with torch.inference_mode(), one_thread():
            ours = torch.from_numpy(carried)
            theirs = ours.to(self.device)
            offsets = self.step_in_place(torch.from_numpy(tokens).to(self.device), theirs)
            if theirs is not ours:
                ours.copy_(theirs)
            return cast(Floats, offsets.cpu().numpy())

    def step_in_place(self, tokens: Tensor, carried: Tensor) -> Tensor:
        """tokens [B, K], carried [B, R], changed in place, on the device -> outputs [B, O]."""
        hidden = tokens.clamp(-INPUT_LIMIT, INPUT_LIMIT)
        (past, d_inner), (_, d_state) = self.shapes
        sizes = [past * d_inner, d_inner * d_state] * len(self.blocks)
        *parts, kept = carried.split([*sizes, self.model.kept * self.model.inputs], dim=1)
        if self.model.back:
            recent = torch.cat([kept, hidden], dim=1)
            inputs = self.model.inputs
            hidden = self.model.enter(hidden, recent.unflatten(1, (self.model.back, inputs)))
            kept.copy_(recent[:, inputs:])
        for index, weights in enumerate(self.blocks):
            tail = parts[2 * index].unflatten(1, (past, d_inner))
            state = parts[2 * index + 1].unflatten(1, (d_inner, d_state))
            hidden = _block_step(weights, hidden, tail, state)
        return cast(Tensor, self.head(hidden))


def _block_step(weights: StepWeights, hidden: Tensor, tail: Tensor, state: Tensor) -> Tensor:
    """hidden [B, I] -> [B, M]; tail [B, K - 1, D] and state [B, D, N] become those after it."""
    D, N = state.shape[1:]
    x, gate = _linear(hidden, weights.enter, weights.enter_bias).split([D, D], dim=1)
    inputs = torch.cat([tail, x[:, None]], dim=1)
    tail.copy_(inputs[:, 1:])
    x = F.silu((inputs * weights.taps).sum(1).add_(weights.taps_bias))
    dt, B, C = (x @ weights.select).split([D, N, N], dim=1)
    y = selective_state_update(
        state, x, dt, weights.A, B, C, weights.skip, gate, weights.dt_bias, True
    )
    M = weights.mlp.shape[1]
    y, wide = torch.addmm(weights.leave_bias, y, weights.leave).split([M, 2 * M], dim=1)
    mixed = torch.addmm(weights.mlp_bias, F.gelu(wide), weights.mlp)
    return y + F.layer_norm(mixed, (M,), weights.norm, weights.norm_bias)


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x @ weight if bias is None else torch.addmm(bias, x, weight)


def _step_weights(block: CausalBlock, embed: torch.nn.Linear | None) -> StepWeights:
    mamba, norm = block.mamba, block.norm
    first, second = cast(torch.nn.Linear, block.mlp[0]), cast(torch.nn.Linear, block.mlp[2])
    enter = torch.cat([mamba.in_x.weight, mamba.in_z.weight]).T
    rank, out = mamba.dt_rank, mamba.out.weight
    dt = mamba.dt.weight @ mamba.select.weight[:rank]
    return StepWeights(
        enter=enter if embed is None else embed.weight.T @ enter,
        enter_bias=None if embed is None else embed.bias @ enter,
        taps=mamba.conv,
        taps_bias=mamba.conv_bias,
        select=torch.cat([dt, mamba.select.weight[rank:]]).T.contiguous(),
        dt_bias=mamba.dt.bias,
        A=mamba.decay(),
        skip=mamba.D,
        leave=torch.cat([out, first.weight @ out]).T.contiguous(),
        leave_bias=torch.cat([torch.zeros_like(out[:, 0]), first.bias]),
        mlp=second.weight.T,
        mlp_bias=second.bias,
        norm=norm.weight,
        norm_bias=norm.bias,
    )
