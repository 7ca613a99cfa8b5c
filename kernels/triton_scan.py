"""The forward scan as one Triton kernel: the [B, L, D, N] states never reach device memory.

Inference only: it is taken where no gradient is asked for, and reference.py where one is.
Checked against reference.py in the Triton interpreter on a CPU; not run on a GPU yet.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _forward(
    x, dt, A, B, C, D, z, dt_bias, lengths, initial, y, final,
    tokens, channels, states,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, HAS_INITIAL: tl.constexpr, SOFTPLUS: tl.constexpr,
    REVERSE: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    n = tl.arange(0, BLOCK_N)
    in_d, in_n = d < channels, n < states
    in_dn = in_d[:, None] & in_n[None, :]
    cell = d[:, None] * states + n[None, :]

    a = tl.load(A + cell, mask=in_dn, other=0.0).to(tl.float32)
    state = tl.zeros((BLOCK_D, BLOCK_N), tl.float32)
    if HAS_INITIAL:
        state = tl.load(initial + row * channels * states + cell, mask=in_dn, other=0.0)
        state = state.to(tl.float32)
    length = tokens
    if HAS_LENGTHS:
        length = tl.load(lengths + row).to(tl.int32)

    for step in range(tokens):
        t = step
        if REVERSE:
            t = tokens - 1 - step
        at = (row * tokens + t) * channels + d
        gate = (row * tokens + t) * states + n
        x_t = tl.load(x + at, mask=in_d, other=0.0).to(tl.float32)
        dt_t = tl.load(dt + at, mask=in_d, other=0.0).to(tl.float32)
        b_t = tl.load(B + gate, mask=in_n, other=0.0).to(tl.float32)
        c_t = tl.load(C + gate, mask=in_n, other=0.0).to(tl.float32)
        if HAS_BIAS:
            dt_t += tl.load(dt_bias + d, mask=in_d, other=0.0).to(tl.float32)
        if SOFTPLUS:
            dt_t = tl.where(dt_t > 20.0, dt_t, tl.log(1.0 + tl.exp(tl.minimum(dt_t, 20.0))))
        valid = t < length
        dt_t = tl.where(valid, dt_t, 0.0)
        state = tl.exp(dt_t[:, None] * a) * state + (dt_t * x_t)[:, None] * b_t[None, :]
        y_t = tl.sum(state * c_t[None, :], axis=1)
        if HAS_D:
            y_t += tl.load(D + d, mask=in_d, other=0.0).to(tl.float32) * x_t
        if HAS_Z:
            z_t = tl.load(z + at, mask=in_d, other=0.0).to(tl.float32)
            y_t *= z_t / (1.0 + tl.exp(-z_t))
        tl.store(y + at, tl.where(valid, y_t, 0.0), mask=in_d)
    tl.store(final + row * channels * states + cell, state, mask=in_dn)


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
    """See mambatrack.kernels.selective_scan; raises nothing of its own, has no backward."""
    batch, tokens, channels = x.shape
    states = A.shape[1]
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    final = torch.empty(batch, channels, states, dtype=torch.float32, device=x.device)
    inputs = [None if each is None else each.contiguous()
              for each in (x, dt, A, B, C, D, z, dt_bias, lengths, initial_state)]  # fmt: skip
    if final.numel():
        block_d = min(64, triton.next_power_of_2(channels))
        _forward[(batch, triton.cdiv(channels, block_d))](
            *[y if each is None else each for each in inputs], y, final,
            tokens, channels, states,
            HAS_D=D is not None, HAS_Z=z is not None, HAS_BIAS=dt_bias is not None,
            HAS_LENGTHS=lengths is not None, HAS_INITIAL=initial_state is not None,
            SOFTPLUS=dt_softplus, REVERSE=reverse,
            BLOCK_D=block_d, BLOCK_N=triton.next_power_of_2(states),
        )  # fmt: skip
    return (y, final.to(x.dtype)) if return_final_state else y
