"""The selective scan, its convolution and its single step as plain loops: what every other file of
this folder is tested against, and what to read first. Differentiable by autograd.

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t    y_t = C_t h_t + D x_t    out_t = y_t SiLU(z_t)

Source: Mamba (Gu and Dao, arXiv 2312.00752), equation 2, with the zero-order hold of A and the
Euler step of B that its section 3 uses. Letters:

    x input          dt step size      h state     A decay of the state, negative
    B input gate     C output gate     D skip      z gate of the output
    B rows (batch)   L tokens          D channels  N state per channel  R rank of dt   K taps

Tensors are float16, bfloat16 or float32, computed in float32; or all float64, computed in float64.
Outputs have the dtype of x, states the dtype of the computation.

Both directions at once ("stacked"): every argument has a leading axis of 2. Direction 0 reads from
left to right, direction 1 from right to left; tokens stay in their natural order everywhere.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Scan = Callable[..., Tensor | tuple[Tensor, Tensor]]  # selective_scan of an implementation


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
    """See mambatrack.kernels.selective_scan."""
    valid = token_mask(lengths, x.shape[0], x.shape[1], x.device)[..., None]
    padded = (None if each is None else each.masked_fill(~valid, 0) for each in (x, dt, B, C, z))
    wide, dt, B, C, z, A, D, dt_bias, dt_weight, state = in_state_dtype(
        x.dtype, *padded, A, D, dt_bias, dt_weight, initial_state
    )
    dt = step_size(dt, dt_bias, dt_softplus, dt_weight) * valid
    decay = torch.exp(dt[..., None] * A).unbind(1)  # L times [B, D, N]
    inflow = ((dt * wide)[..., None] * B[:, :, None]).unbind(1)
    if state is None:
        state = wide.new_zeros(x.shape[0], x.shape[2], A.shape[1])
    states = list(decay)
    for t in reversed(range(len(decay))) if reverse else range(len(decay)):
        state = decay[t] * state + inflow[t]
        states[t] = state
    y = (torch.stack(states, dim=1) @ C[..., None])[..., 0] if states else wide  # [B, L, D]
    if D is not None:
        y = y + D * wide
    if z is not None:
        y = y * F.silu(z)
    y = y.to(x.dtype)
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
    """See mambatrack.kernels.bi_selective_scan."""
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
    tokens, taps = x.shape[-2], weight.shape[1]
    valid = token_mask(lengths, x.shape[-3], tokens, x.device)[..., None]
    wide, weight, bias = in_state_dtype(x.dtype, x.masked_fill(~valid, 0), weight, bias)
    past, future = wide if x.dim() == 4 else (wide, wide)
    both = []
    for direction, source in enumerate((past, future)):
        y = torch.zeros_like(source) if bias is None else bias[direction].expand_as(source)
        for away in range(min(taps, tokens)):  # tap K - 1 meets the token itself
            tap = weight[direction, taps - 1 - away]
            if direction == 0:
                y = y + tap * F.pad(source[:, : tokens - away], (0, 0, away, 0))
            else:
                y = y + tap * F.pad(source[:, away:], (0, 0, 0, away))
        both.append(F.silu(y).masked_fill(~valid, 0))
    return torch.stack(both).to(x.dtype)


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
    """See mambatrack.kernels.selective_state_update."""
    return update_by(
        selective_scan, state, x, dt, A, B, C, D, z, dt_bias, dt_softplus, slots, dt_weight
    )


def update_by(
    scan: Scan,
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    dt_bias: Tensor | None,
    dt_softplus: bool,
    slots: Tensor | None,
    dt_weight: Tensor | None,
) -> Tensor:
    """selective_state_update as a scan of one token by ``scan``, the selective_scan of a backend;
    it has a gradient where the scan has one."""
    x, dt, B, C = (each[:, None] for each in (x, dt, B, C))
    z = None if z is None else z[:, None]
    before = state.clone() if slots is None else state[slots.long()]
    y, after = scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, None, before, True, False, dt_weight
    )
    if slots is None:
        state.copy_(after)
    else:
        state.index_copy_(0, slots.long(), after.to(state.dtype))
    return y[:, 0]


def step_size(
    dt: Tensor, dt_bias: Tensor | None, dt_softplus: bool, dt_weight: Tensor | None = None
) -> Tensor:
    """dt [B, L, D], or [B, L, R] with dt_weight [D, R] -> the step sizes that the scan uses
    [B, L, D], all non-negative with softplus."""
    if dt_weight is not None:
        dt = dt @ dt_weight.T
    if dt_bias is not None:
        dt = dt + dt_bias
    return F.softplus(dt, threshold=40.0) if dt_softplus else dt  # at 20 it is off by 2e-9


def token_mask(lengths: Tensor | None, batch: int, tokens: int, device: torch.device) -> Tensor:
    """lengths [B] -> [B, L] bool, True for the first ``lengths`` tokens of a row."""
    if lengths is None:
        return torch.ones(batch, tokens, dtype=torch.bool, device=device)
    return torch.arange(tokens, device=device) < lengths[:, None]


def in_state_dtype(dtype: torch.dtype, *tensors: Tensor | None) -> list:
    """The tensors in the dtype that the scan computes in for inputs of ``dtype``."""
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    return [None if each is None else each.to(wide) for each in tensors]


def both_directions(
    scan: Scan,
    stacked: dict[str, Tensor | None],
    dt_softplus: bool,
    lengths: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """scan called for each direction of stacked arguments -> outputs and final states, stacked."""
    directions = [
        scan(
            **{name: None if each is None else each[direction] for name, each in stacked.items()},
            dt_softplus=dt_softplus, lengths=lengths, return_final_state=True,
            reverse=bool(direction),
        )
        for direction in (0, 1)
    ]  # fmt: skip
    y, final = (torch.stack(each) for each in zip(*directions, strict=True))
    return y, final
