"""The scan in few torch operations, for every device: one state instead of all of them where no
gradient is needed, and a backward by hand where one is.

The notation and the equations are those of reference.py; the backward is derived in README.md.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from mambatrack.kernels.reference import (
    both_directions,
    in_state_dtype,
    step_size,
    token_mask,
    update_by,
)

LOG2_E = math.log2(math.e)


def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
    lengths: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
    reverse: bool = False,
    dt_weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """See mambatrack.kernels.selective_scan; no second derivatives."""
    kind = x.dtype
    x, dt, A, B, C, D, z, dt_bias, dt_weight, state = in_state_dtype(
        kind, x, dt, A, B, C, D, z, dt_bias, dt_weight, initial_state
    )
    valid = None
    if lengths is not None:
        valid = token_mask(lengths, x.shape[0], x.shape[1], x.device)[..., None]
        x, dt, B, C = (each.masked_fill(~valid, 0) for each in (x, dt, B, C))
        z = None if z is None else z.masked_fill(~valid, 0)
    dt = step_size(dt, dt_bias, dt_softplus, dt_weight)
    dt = dt if valid is None else dt * valid
    if state is None:
        state = x.new_zeros(x.shape[0], x.shape[2], A.shape[1])
    recurrence = (dt, dt * x, A, B, C, state)
    if torch.is_grad_enabled() and any(each.requires_grad for each in recurrence):
        y, state = _Recurrence.apply(*recurrence, reverse)
    else:
        y, state = _recurrence(*recurrence, reverse)
    if D is not None:
        y = torch.addcmul(y, D, x)
    if z is not None:
        y = y * F.silu(z)
    y = y.to(kind)
    return (y, state) if return_final_state else y


def bi_selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
    lengths: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
    dt_weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """See mambatrack.kernels.bi_selective_scan; no second derivatives."""
    stacked = {
        "x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
        "initial_state": initial_state, "dt_weight": dt_weight,
    }  # fmt: skip
    y, final = both_directions(selective_scan, stacked, dt_softplus, lengths)
    return (y, final) if return_final_state else y


def bi_conv_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, lengths: Tensor | None = None
) -> Tensor:
    """See mambatrack.kernels.bi_conv_silu."""
    kind, tokens, past = x.dtype, x.shape[-2], weight.shape[1] - 1
    x, weight, bias = in_state_dtype(kind, x, weight, bias)
    valid = None
    if lengths is not None:
        valid = token_mask(lengths, x.shape[-3], tokens, x.device)[..., None]
        x = x.masked_fill(~valid, 0)
    both = []
    for direction, source in enumerate(x if x.dim() == 4 else (x, x)):
        source = F.pad(source, (0, 0, 0, past) if direction else (0, 0, past, 0))
        y = source.new_zeros(()) if bias is None else bias[direction]
        # a few multiplications beat conv1d on a CPU, above all in the backward
        for k in range(past + 1):
            tap = weight[direction, past - k if direction else k]
            y = torch.addcmul(y, source[:, k : k + tokens], tap)
        both.append(F.silu(y) if valid is None else F.silu(y).masked_fill(~valid, 0))
    return torch.stack(both).to(kind)


def selective_state_update(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
    slots: Tensor | None = None,
    dt_weight: Tensor | None = None,
) -> Tensor:
    """See mambatrack.kernels.selective_state_update; no second derivatives."""
    return update_by(
        selective_scan, state, x, dt, A, B, C, D, z, dt_bias, dt_softplus, slots, dt_weight
    )


def _recurrence(
    dt: Tensor, inflow: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor, reverse: bool
) -> tuple[Tensor, Tensor]:
    """dt and inflow = dt x [B, L, D], state [B, D, N] -> C_t h_t [B, L, D], the final state.

    Inside, a state is [B, N, D], so that every operation runs along the channels.
    """
    after: list[Tensor] = []
    state = state.transpose(1, 2).clone(memory_format=torch.contiguous_format)
    decay, scaled = torch.empty_like(state), _scaled(A)
    for t in _order(dt.shape[1], reverse):
        torch.mul(dt[:, t, None], scaled, out=decay)
        state.mul_(decay.exp2_()).addcmul_(inflow[:, t, None], B[:, t, :, None])
        after.append(torch.bmm(C[:, t, None], state))
    y = torch.cat(after[::-1] if reverse else after, dim=1)
    return y, state.transpose(1, 2).contiguous()


class _Recurrence(torch.autograd.Function):
    """_recurrence with a backward that takes two operations per token, and whole tensors else.

    Tensors are [L, B, D] and [L, B, N, D] inside.
    """

    @staticmethod
    def forward(
        ctx: Any, dt: Tensor, inflow: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor,
        reverse: bool,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        dt, inflow, B, C = (each.transpose(0, 1).contiguous() for each in (dt, inflow, B, C))
        decay = (dt[:, :, None] * _scaled(A)).exp2_()
        states, kept = B[..., None] * inflow[:, :, None], torch.empty_like(decay)
        last = state.transpose(1, 2)
        for t in _order(len(decay), reverse):
            torch.mul(decay[t], last, out=kept[t])
            last = states[t].add_(kept[t])
        ctx.save_for_backward(dt, inflow, A, B, C, decay, kept, states)
        ctx.reverse = reverse
        y = _over_states(C, states)
        return y.transpose(0, 1), last.transpose(1, 2).contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        dt, inflow, A, B, C, decay, kept, states = ctx.saved_tensors
        dy = dy.transpose(0, 1).contiguous()
        g = dy[:, :, None] * C[..., None]  # gradient of each state
        later = dfinal.transpose(1, 2)
        for t in reversed(_order(len(g), ctx.reverse)):
            g[t] += later
            later = decay[t] * g[t]
        dinflow = _over_states(B, g)
        dB, dC = _over_channels(g, inflow), _over_channels(states, dy)
        g *= kept  # gradient of dt A, the exponent
        ddt = (g * A.T).sum(2)
        dA = g.mul_(dt[:, :, None]).sum((0, 1)).T
        ddt, dinflow, dB, dC = (each.transpose(0, 1) for each in (ddt, dinflow, dB, dC))
        return ddt, dinflow, dA, dB, dC, later.transpose(1, 2), None


def _over_states(gate: Tensor, states: Tensor) -> Tensor:
    """gate [L, B, N], states [L, B, N, D] -> [L, B, D]."""
    return torch.bmm(gate.flatten(0, 1)[:, None], states.flatten(0, 1)).view(
        *gate.shape[:2], states.shape[3]
    )


def _over_channels(states: Tensor, channels: Tensor) -> Tensor:
    """states [L, B, N, D], channels [L, B, D] -> [L, B, N]."""
    return torch.bmm(states.flatten(0, 1), channels.flatten(0, 1)[..., None]).view(states.shape[:3])


def _scaled(A: Tensor) -> Tensor:
    """A [D, N] -> [N, D] for exp2, which is four times as fast as exp."""
    return A.T.contiguous() * LOG2_E


def _order(tokens: int, reverse: bool) -> range:
    return range(tokens - 1, -1, -1) if reverse else range(tokens)
