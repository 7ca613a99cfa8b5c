# mypy: disallow-untyped-defs=False, disable-error-code=assignment
# ruff: noqa: SIM102 (the compiler knows SAVE, but not index)
"""The scan as a Triton kernel: states stay in registers, both directions run in one launch.

A program owns BLOCK_D channels of one row and direction, channels on lanes, the states [N, BLOCK_D]
in the registers of those lanes: the sum over N needs no exchange between lanes. Time runs in a loop
that stops at the row's length; a direction from right to left counts its tokens down, nothing is
flipped in memory. dt_weight, softplus, discretisation, D and the gate are part of it. A state is
saved every KEEP tokens, from which the backward starts (scan_backward.py).

Notation as in reference.py, derivation in README.md. The public functions are in operations.py.
"""

import triton
import triton.language as tl

KEEP = 4  # tokens between saved states


@triton.jit
def load(pointer, mask):
    return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)


@triton.jit
def softplus(v):
    # log(1 + e) = 2 atanh(e / (2 + e)); the hardware's logarithm is inexact near 1
    e = tl.exp(-tl.abs(v))
    r = e / (2.0 + e)
    q = r * r
    s = 1.0 / 11 + q * (1.0 / 13 + q * (1.0 / 15))
    s = 1.0 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * s))))
    return tl.maximum(v, 0.0) + 2.0 * r * s


@triton.jit
def sigmoid(v):
    return 1.0 / (1.0 + tl.exp(-v))


@triton.jit
def raw_step(dt, mask, weight, bias, LOW_RANK: tl.constexpr):
    """dt before softplus, [BLOCK_D]; dt points at the channels of a token or at its ranks."""
    v = load(dt, mask)
    if LOW_RANK:
        v = tl.sum(v[:, None] * weight, axis=0)
    return v + bias


@triton.jit
def next_state(state, step, a, gate_in, inflow):
    """The recurrence: state [N, BLOCK_D] after a token of this step size; a = A log2 e, inflow =
    step x."""
    return tl.exp2(step[None, :] * a) * state + gate_in[:, None] * inflow[None, :]


@triton.jit
def advance(
    state, inside, x, dt, B, a, weight, bias, in_d, in_n, in_dt,
    SOFTPLUS: tl.constexpr, LOW_RANK: tl.constexpr,
):  # fmt: skip
    """The state [N, BLOCK_D] after the token that x, dt and B point at; unchanged and unread where
    ``inside`` is false."""
    step = raw_step(dt, in_dt & inside, weight, bias, LOW_RANK)
    if SOFTPLUS:
        step = softplus(step)
    step = tl.where(inside, step, 0.0)
    inflow = step * load(x, in_d & inside)
    return next_state(state, step, a, load(B, in_n & inside), inflow)


@triton.jit
def constants_of(
    A, D, dt_bias, dt_weight, g, d, n, r, in_d, in_n, channels, states, rank,
    HAS_D: tl.constexpr, HAS_BIAS: tl.constexpr, LOW_RANK: tl.constexpr, BLOCK_D: tl.constexpr,
    ALONE: tl.constexpr,
):  # fmt: skip
    """What does not change with the token, for the channels d of direction g: A log2 e, [N,
    BLOCK_D]; D and dt_bias, [BLOCK_D]; dt_weight [R, BLOCK_D], or without low rank anything; then
    where the cells of a state lie, [N, BLOCK_D], and which of them there are. ALONE: a lane has a
    channel for itself; wider loads would spread its states over four lanes."""
    in_nd = in_n[:, None] & in_d[None, :]
    cell = n[:, None] * channels + d[None, :]
    at_rank = r[:, None] * channels + d[None, :]
    if ALONE:
        cell, at_rank = tl.max_contiguous(cell, (1, 1)), tl.max_contiguous(at_rank, (1, 1))
    a = load(A + g * channels * states + cell, in_nd) * 1.4426950408889634  # log2 e
    skip, bias = tl.zeros((BLOCK_D,), tl.float32), tl.zeros((BLOCK_D,), tl.float32)
    if HAS_D:
        skip = load(D + g * channels + d, in_d)
    if HAS_BIAS:
        bias = load(dt_bias + g * channels + d, in_d)
    weight = a
    if LOW_RANK:
        at = dt_weight + g * rank * channels + at_rank
        weight = load(at, (r < rank)[:, None] & in_d[None, :])
    return a, skip, bias, weight, cell, in_nd


@triton.jit
def row_length(lengths, row, tokens, HAS_LENGTHS: tl.constexpr):
    """Of a row with so many tokens, those that count."""
    length = tokens
    if HAS_LENGTHS:
        length = tl.minimum(tl.maximum(tl.load(lengths + row).to(tl.int32), 0), tokens)
    return length


@triton.jit
def _forward(
    x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths, initial, y, final, saved,
    rows, tokens, channels, states, rank,
    x_g, x_b, x_t, dt_g, dt_b, dt_t, B_g, B_b, B_t, C_g, C_b, C_t, z_g, z_b, z_t,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, LOW_RANK: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, HAS_INITIAL: tl.constexpr, SOFTPLUS: tl.constexpr,
    REVERSE: tl.constexpr, SAVE: tl.constexpr, KEEP: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """grid (rows, blocks of channels, directions); A, final and all other states are [.., N, D],
    dt_weight [G, R, D]; saved [G, B, S, N, D], a state for every KEEP tokens."""
    row, g = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    n, r = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_R)
    in_d, in_n = d < channels, n < states
    a, skip, bias, weight, cell, in_nd = constants_of(
        A, D, dt_bias, dt_weight, g, d, n, r, in_d, in_n, channels, states, rank,
        HAS_D, HAS_BIAS, LOW_RANK, BLOCK_D, BLOCK_D <= 32,
    )  # fmt: skip
    dt_at, in_dt = d, in_d
    if LOW_RANK:
        dt_at, in_dt = r, r < rank
    state = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    if HAS_INITIAL:
        state = load(initial + (g * rows + row) * channels * states + cell, in_nd)
    length = row_length(lengths, row, tokens, HAS_LENGTHS)

    x += g * x_g + row * x_b + d
    dt += g * dt_g + row * dt_b + dt_at
    B += g * B_g + row * B_b + n
    C += g * C_g + row * C_b + n
    z += g * z_g + row * z_b + d
    y += (g * rows + row) * tokens * channels + d
    if SAVE:
        saved += (g * rows + row) * tl.cdiv(tokens, KEEP) * states * channels
    from_right = g + REVERSE == 1
    for index in range(length):
        t = tl.where(from_right, length - 1 - index, index)
        if SAVE:
            if index % KEEP == 0:
                kept = saved + (index // KEEP) * states * channels
                tl.store(kept + cell, state, mask=in_nd)
        x_now = load(x + t * x_t, in_d)
        step = raw_step(dt + t * dt_t, in_dt, weight, bias, LOW_RANK)
        if SOFTPLUS:
            step = softplus(step)
        gate_in, gate_out = load(B + t * B_t, in_n), load(C + t * C_t, in_n)
        state = next_state(state, step, a, gate_in, step * x_now)
        out = tl.sum(state * gate_out[:, None], axis=0) + skip * x_now
        if HAS_Z:
            gate = load(z + t * z_t, in_d)
            out *= gate * sigmoid(gate)
        tl.store(y + t * channels, out, mask=in_d)
    for t in range(length, tokens):
        tl.store(y + t * channels, tl.zeros((BLOCK_D,), tl.float32), mask=in_d)
    tl.store(final + (g * rows + row) * channels * states + cell, state, mask=in_nd)
