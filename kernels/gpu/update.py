# mypy: disallow-untyped-defs=False
"""One more token of many rows with Triton: the states lie in a pool and are changed in place."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mambatrack.kernels.gpu.launching import along_channels, dense, launch, operation
from mambatrack.kernels.gpu.operations import selective_scan
from mambatrack.kernels.gpu.scan import load, next_state, raw_step, sigmoid, softplus
from mambatrack.kernels.reference import update_by
from mambatrack.kernels.validation import needs_gradient

BLOCK_D = 32


@triton.jit
def _update(
    state, x, dt, A, B, C, D, z, dt_bias, dt_weight, slots, y,
    channels, states, rank, pool, state_s, state_d, state_n, x_b, dt_b, B_b, C_b, z_b,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, LOW_RANK: tl.constexpr,
    HAS_SLOTS: tl.constexpr, SOFTPLUS: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """grid (rows, blocks of channels); A [N, D], dt_weight [R, D]. A slot outside the pool is
    neither read nor written, its row of y is 0."""
    row = tl.program_id(0).to(tl.int64)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    n, r = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_R)
    in_d, in_n = d < channels, n < states
    slot = row
    if HAS_SLOTS:
        slot = tl.load(slots + row).to(tl.int64)
    held = (slot >= 0) & (slot < pool)
    in_nd = in_n[:, None] & in_d[None, :]
    cell = n[:, None] * channels + d[None, :]
    a = load(A + cell, in_nd) * 1.4426950408889634  # log2 e
    bias = tl.zeros((BLOCK_D,), tl.float32)
    if HAS_BIAS:
        bias = load(dt_bias + d, in_d)
    weight, dt_at, in_dt = a, d, in_d
    if LOW_RANK:
        dt_at, in_dt = r, r < rank
        weight = load(
            dt_weight + r[:, None] * channels + d[None, :], in_dt[:, None] & in_d[None, :]
        )
    step = raw_step(dt + row * dt_b + dt_at, in_dt, weight, bias, LOW_RANK)
    if SOFTPLUS:
        step = softplus(step)
    x_now = load(x + row * x_b + d, in_d)
    gate_in, gate_out = load(B + row * B_b + n, in_n), load(C + row * C_b + n, in_n)
    at = state + slot * state_s + d[None, :] * state_d + n[:, None] * state_n
    before = load(at, in_nd & held)
    after = next_state(before, step, a, gate_in, step * x_now)
    tl.store(at, after, mask=in_nd & held)
    out = tl.sum(after * gate_out[:, None], axis=0)
    if HAS_D:
        out += load(D + d, in_d) * x_now
    if HAS_Z:
        gate = load(z + row * z_b + d, in_d)
        out *= gate * sigmoid(gate)
    tl.store(y + row * channels + d, tl.where(held, out, 0.0), mask=in_d)


def _state_update(
    state: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None,
    z: Tensor | None, dt_bias: Tensor | None, dt_weight: Tensor | None, slots: Tensor | None,
    dt_softplus: bool,
) -> Tensor:  # fmt: skip
    batch, channels = x.shape
    states, rank = A.shape[1], dt.shape[1]
    y = torch.empty((batch, channels), dtype=x.dtype, device=x.device)
    timed = [each if each is None or each.stride(1) == 1 else each.contiguous()
             for each in (x, dt, B, C, z)]  # fmt: skip
    strides = [0 if each is None else each.stride(0) for each in timed]
    x, dt, B, C, gate = (x if each is None else each for each in timed)
    if y.numel():
        launch(
            _update, (batch, triton.cdiv(channels, BLOCK_D)),
            state, x, dt, along_channels(A, x), B, C, dense(D, x), gate, dense(dt_bias, x),
            along_channels(dt_weight, x), dense(slots, x), y, channels, states, rank, len(state),
            *state.stride(), *strides, HAS_D=D is not None, HAS_Z=z is not None,
            HAS_BIAS=dt_bias is not None, LOW_RANK=dt_weight is not None,
            HAS_SLOTS=slots is not None, SOFTPLUS=dt_softplus, BLOCK_D=BLOCK_D,
            BLOCK_N=triton.next_power_of_2(states),
            BLOCK_R=1 if dt_weight is None else triton.next_power_of_2(rank), num_warps=1,
        )  # fmt: skip
    return y


def _state_update_fake(
    state: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None,
    z: Tensor | None, dt_bias: Tensor | None, dt_weight: Tensor | None, slots: Tensor | None,
    dt_softplus: bool,
) -> Tensor:  # fmt: skip
    return torch.empty(x.shape, dtype=x.dtype, device=x.device)


state_update = operation(
    "state_update",
    "(Tensor(a!) state, Tensor x, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? z, "
    "Tensor? dt_bias, Tensor? dt_weight, Tensor? slots, bool dt_softplus) -> Tensor",
    _state_update,
    _state_update_fake,
    writes=("state",),
)


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
    if needs_gradient(state, x, dt, A, B, C, D, z, dt_bias, dt_weight):
        return update_by(
            selective_scan, state, x, dt, A, B, C, D, z, dt_bias, dt_softplus, slots, dt_weight
        )
    tensors = (x, dt, A, B, C, D, z, dt_bias, dt_weight, slots)
    y: Tensor = torch.ops.mambatrack.state_update(state, *tensors, dt_softplus)
    return y
