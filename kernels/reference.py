"""The selective scan as a plain loop: the truth that every fused implementation is checked against.

Source: Mamba (Gu and Dao, arXiv 2312.00752), equation 2 with the discretisation of its section 3.

    h_t = exp(dt_t A) h_{t-1} + dt_t B_t x_t    y_t = C_t h_t + D x_t    out_t = y_t SiLU(z_t)

Letters: x input, dt step size, h state, A decay of the state (negative), B input gate, C output
gate, D skip, z output gate; B (batch), L tokens, D channels, N state size per channel.
Runs in the dtype of x, so that float64 gives a reference for gradients; differentiable by autograd.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


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
) -> Tensor | tuple[Tensor, Tensor]:
    """See mambatrack.kernels.selective_scan."""
    tokens = x.shape[1]
    valid = token_mask(lengths, x.shape[0], tokens, x.device)
    dt = step_size(dt, dt_bias, dt_softplus) * valid[..., None]
    decay = torch.exp(dt[..., None] * A).unbind(1)  # L times [B, D, N]
    inflow = ((dt * x)[..., None] * B[:, :, None]).unbind(1)
    state = x.new_zeros(x.shape[0], x.shape[2], A.shape[1])
    if initial_state is not None:
        state = initial_state
    states = list(decay)
    for t in reversed(range(tokens)) if reverse else range(tokens):
        state = decay[t] * state + inflow[t]
        states[t] = state
    y = (torch.stack(states, dim=1) @ C[..., None])[..., 0]  # [B, L, D]
    if D is not None:
        y = y + D * x
    if z is not None:
        y = y * F.silu(z)
    y = torch.where(valid[..., None], y, torch.zeros_like(y))
    return (y, state) if return_final_state else y


def step_size(dt: Tensor, dt_bias: Tensor | None, dt_softplus: bool) -> Tensor:
    """dt [B, L, D] -> the step sizes that the scan uses, all non-negative with softplus."""
    if dt_bias is not None:
        dt = dt + dt_bias
    return F.softplus(dt) if dt_softplus else dt


def token_mask(lengths: Tensor | None, batch: int, tokens: int, device: torch.device) -> Tensor:
    """lengths [B] -> [B, L] bool, True for the first ``lengths`` tokens of a row."""
    if lengths is None:
        return torch.ones(batch, tokens, dtype=torch.bool, device=device)
    return torch.arange(tokens, device=device) < lengths[:, None]
