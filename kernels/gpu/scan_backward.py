# mypy: disallow-untyped-defs=False, disable-error-code=assignment
"""The backward of the scan as one Triton kernel.

It starts from states that the forward (scan.py) saved every KEEP tokens, recomputes those in
between, and writes partial sums where programs share a result: no atomics, the same bits in every
run. Notation as in reference.py, derivation in README.md.
"""

import triton
import triton.language as tl

from mambatrack.kernels.gpu.scan import (
    advance,
    constants_of,
    load,
    raw_step,
    row_length,
    sigmoid,
    softplus,
)


@triton.jit
def retreat(
    g, before, dA, dD, dbias, t, inside, x, dt, a, B, C, skip, z, weight, bias, dout,
    dx, ddt, dB, dC, dz, in_d, in_n, in_dt, n, states, channels,
    x_t, dt_t, B_t, C_t, z_t, out_t,
    HAS_Z: tl.constexpr, LOW_RANK: tl.constexpr, SOFTPLUS: tl.constexpr,
):  # fmt: skip
    """One token of the backward: g, the gradient of the state after token t, becomes that of
    the state ``before`` it. The sums over tokens grow, and what belongs to token t is stored."""
    now_d, now_n = in_d & inside, in_n & inside
    x_now = load(x + t * x_t, now_d)
    raw = raw_step(dt + t * dt_t, in_dt & inside, weight, bias, LOW_RANK)
    step = raw
    if SOFTPLUS:
        step = softplus(raw)
    step = tl.where(inside, step, 0.0)
    gate_in, gate_out = load(B + t * B_t, now_n)[:, None], load(C + t * C_t, now_n)[:, None]
    decay = tl.exp2(step[None, :] * a)
    kept = decay * before
    dy = load(dout + t * out_t, now_d)
    state = kept + gate_in * (step * x_now)[None, :]
    if HAS_Z:
        gate = load(z + t * z_t, now_d)
        s = sigmoid(gate)
        y = tl.sum(state * gate_out, axis=0) + skip * x_now
        tl.store(dz + t * channels, dy * y * s * (1.0 + gate * (1.0 - s)), mask=now_d)
        dy *= gate * s
    tl.store(dC + t * states + n, tl.sum(state * dy[None, :], axis=1), mask=now_n)
    g += gate_out * dy[None, :]
    tl.store(dB + t * states + n, tl.sum(g * (step * x_now)[None, :], axis=1), mask=now_n)
    dflow = tl.sum(g * gate_in, axis=0)
    dpower = g * kept  # gradient of the exponent dt A
    dstep = (
        tl.sum(dpower * a, axis=0) * 0.6931471805599453 + dflow * x_now
    )  # ln 2, for a has log2 e
    if SOFTPLUS:
        dstep *= sigmoid(raw)
    tl.store(dx + t * channels, dflow * step + skip * dy, mask=now_d)
    tl.store(ddt + t * channels, dstep, mask=now_d)
    dA += dpower * step[None, :]
    return g * decay, dA, dD + dy * x_now, dbias + tl.where(inside, dstep, 0.0)


@triton.jit
def back_segment(
    grad, sum_A, sum_D, sum_bias, before, first, way, left,
    x, dt, a, B, C, skip, z, weight, bias, dout, dx, ddt, dB, dC, dz, in_d, in_n, in_dt, n,
    states, channels, x_t, dt_t, B_t, C_t, z_t, out_t,
    HAS_Z: tl.constexpr, LOW_RANK: tl.constexpr, SOFTPLUS: tl.constexpr, KEEP: tl.constexpr,
):  # fmt: skip
    """KEEP tokens of the backward, of which ``left`` are there: first, first + way, ... from the
    saved state ``before`` them. The states before each are computed once more."""
    held = (before,)
    for j in tl.static_range(KEEP - 1):
        t = first + j * way
        held = held + (
            advance(
                held[j], j < left, x + t * x_t, dt + t * dt_t, B + t * B_t, a, weight, bias,
                in_d, in_n, in_dt, SOFTPLUS, LOW_RANK,
            ),
        )  # fmt: skip
    for j in tl.static_range(KEEP - 1, -1, -1):
        grad, sum_A, sum_D, sum_bias = retreat(
            grad, held[j], sum_A, sum_D, sum_bias, first + j * way, j < left,
            x, dt, a, B, C, skip, z, weight, bias, dout, dx, ddt, dB, dC, dz,
            in_d, in_n, in_dt, n, states, channels, x_t, dt_t, B_t, C_t, z_t, out_t,
            HAS_Z, LOW_RANK, SOFTPLUS,
        )  # fmt: skip
    return grad, sum_A, sum_D, sum_bias


@triton.jit
def clear_token(
    dx, ddt, dz, dB, dC, in_d, in_n, HAS_Z: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """What belongs to a token beyond the row's length is 0."""
    zero_d, zero_n = tl.zeros((BLOCK_D,), tl.float32), tl.zeros((BLOCK_N,), tl.float32)
    tl.store(dx, zero_d, mask=in_d)
    tl.store(ddt, zero_d, mask=in_d)
    if HAS_Z:
        tl.store(dz, zero_d, mask=in_d)
    tl.store(dB, zero_n, mask=in_n)
    tl.store(dC, zero_n, mask=in_n)


@triton.jit
def _backward(
    dout, dfinal, saved, x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths,
    dx, ddt, dA, dB, dC, dD, dz, dbias, dinitial,
    rows, tokens, channels, states, rank, rows_each,
    x_g, x_b, x_t, dt_g, dt_b, dt_t, B_g, B_b, B_t, C_g, C_b, C_t, z_g, z_b, z_t,
    out_g, out_b, out_t,
    HAS_D: tl.constexpr, HAS_Z: tl.constexpr, HAS_BIAS: tl.constexpr, LOW_RANK: tl.constexpr,
    HAS_LENGTHS: tl.constexpr, HAS_INITIAL: tl.constexpr, HAS_FINAL: tl.constexpr,
    SOFTPLUS: tl.constexpr, REVERSE: tl.constexpr, KEEP: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """grid (chunks of rows, blocks of channels, directions).

    dx, ddt, dz [G, B, L, D]; dinitial [G, B, N, D]; partial sums: dA [chunks, G, N, D], dD and
    dbias [chunks, G, D], dB and dC [blocks, G, B, L, N].
    """
    chunk, g = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    block, directions = tl.program_id(1).to(tl.int64), tl.num_programs(2).to(tl.int64)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    n, r = tl.arange(0, BLOCK_N), tl.arange(0, BLOCK_R)
    in_d, in_n = d < channels, n < states
    a, skip, bias, weight, cell, in_nd = constants_of(
        A, D, dt_bias, dt_weight, g, d, n, r, in_d, in_n, channels, states, rank,
        HAS_D, HAS_BIAS, LOW_RANK, BLOCK_D, False,
    )  # fmt: skip
    dt_at, in_dt = d, in_d
    if LOW_RANK:
        dt_at, in_dt = r, r < rank
    sum_A = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    sum_D = tl.zeros((BLOCK_D,), tl.float32)
    sum_bias = tl.zeros((BLOCK_D,), tl.float32)
    from_right = g + REVERSE == 1
    for row in range(chunk * rows_each, tl.minimum((chunk + 1) * rows_each, rows)):
        length = row_length(lengths, row, tokens, HAS_LENGTHS)
        own = g * rows + row
        x_row, dt_row = x + g * x_g + row * x_b + d, dt + g * dt_g + row * dt_b + dt_at
        B_row, C_row = B + g * B_g + row * B_b + n, C + g * C_g + row * C_b + n
        z_row, out_row = z + g * z_g + row * z_b + d, dout + g * out_g + row * out_b + d
        at = own * tokens * channels + d
        dx_row, ddt_row, dz_row = dx + at, ddt + at, dz + at
        at = (block * directions * rows + own) * tokens * states
        dB_row, dC_row = dB + at, dC + at
        saved_row = saved + own * tl.cdiv(tokens, KEEP) * states * channels
        grad = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
        if HAS_FINAL:
            grad = load(dfinal + own * channels * states + cell, in_nd)
        for back in range(tl.cdiv(length, KEEP)):
            segment = tl.cdiv(length, KEEP) - 1 - back
            i = segment * KEEP
            grad, sum_A, sum_D, sum_bias = back_segment(
                grad, sum_A, sum_D, sum_bias,
                load(saved_row + segment * states * channels + cell, in_nd),
                tl.where(from_right, length - 1 - i, i), tl.where(from_right, -1, 1), length - i,
                x_row, dt_row, a, B_row, C_row, skip, z_row, weight, bias, out_row,
                dx_row, ddt_row, dB_row, dC_row, dz_row, in_d, in_n, in_dt, n, states, channels,
                x_t, dt_t, B_t, C_t, z_t, out_t, HAS_Z, LOW_RANK, SOFTPLUS, KEEP,
            )  # fmt: skip
        for t in range(length, tokens):
            clear_token(
                dx_row + t * channels, ddt_row + t * channels, dz_row + t * channels,
                dB_row + t * states + n, dC_row + t * states + n, in_d, in_n,
                HAS_Z, BLOCK_D, BLOCK_N,
            )  # fmt: skip
        if HAS_INITIAL:
            tl.store(dinitial + own * channels * states + cell, grad, mask=in_nd)

    own = chunk * directions + g
    tl.store(dA + own * channels * states + cell, sum_A, mask=in_nd)
    if HAS_D:
        tl.store(dD + own * channels + d, sum_D, mask=in_d)
    if HAS_BIAS:
        tl.store(dbias + own * channels + d, sum_bias, mask=in_d)
