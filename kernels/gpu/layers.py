# mypy: disallow-untyped-defs=False
"""What is between two scans of a small network, for one token in the registers of a program.

A program owns one token, a vector; a matrix is read whole from memory, which the caches of the
device hold for all programs, so that no row waits for another.
"""

from typing import NamedTuple

import triton
import triton.language as tl
from torch import Tensor

from mambatrack.kernels.gpu.scan import load


class MlpWeights(NamedTuple):
    """Of what follows the scans of a block, as mixed() takes it, all dense: wide [M, 2 M]; narrow
    [2 M, M]; wide_bias [2 M]; narrow_bias, norm, norm_bias [M]."""

    wide: Tensor
    wide_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor
    norm: Tensor
    norm_bias: Tensor


class EndWeights(NamedTuple):
    """Of a network around its blocks, all dense: embed [I, M], head [M, M], last [M, O];
    embed_bias and head_bias [M]; last_bias [O]."""

    embed: Tensor
    embed_bias: Tensor
    head: Tensor
    head_bias: Tensor
    last: Tensor
    last_bias: Tensor


@triton.jit
def product(x, weight, ROWS: tl.constexpr, COLUMNS: tl.constexpr, STRIDE: tl.constexpr):
    """x [ROWS or the power of 2 above] times weight [ROWS, COLUMNS], its rows STRIDE apart ->
    [COLUMNS or the power of 2 above], zero beyond COLUMNS."""
    k = tl.arange(0, x.shape[0])
    n = tl.arange(0, triton.next_power_of_2(COLUMNS))
    inside = (k < ROWS)[:, None] & (n < COLUMNS)[None, :]
    tile = load(weight + k[:, None] * STRIDE + n[None, :], inside)
    return tl.sum(x[:, None] * tile, axis=0)


@triton.jit
def vector(pointer, SIZE: tl.constexpr):
    """[SIZE or the power of 2 above], zero beyond SIZE."""
    n = tl.arange(0, triton.next_power_of_2(SIZE))
    return load(pointer + n, n < SIZE)


@triton.jit
def clamped(v, LIMIT: tl.constexpr):
    """Between -LIMIT and LIMIT; NaN stays."""
    return tl.where(v > LIMIT, LIMIT, tl.where(v < -LIMIT, -LIMIT, v))


@triton.jit
def gelu(v):
    return 0.5 * v * (1.0 + tl.erf(v * 0.7071067811865476))


@triton.jit
def normed(v, scale, shift, EPS: tl.constexpr, SIZE: tl.constexpr):
    """torch's layer_norm of v [SIZE or the power of 2 above]."""
    inside = tl.arange(0, v.shape[0]) < SIZE
    off = tl.where(inside, v - tl.sum(v, axis=0) / SIZE, 0.0)
    deviation = tl.sqrt(tl.sum(off * off, axis=0) / SIZE + EPS)
    return off / deviation * vector(scale, SIZE) + vector(shift, SIZE)


@triton.jit
def mixed(
    y, wide, wide_bias, narrow, narrow_bias, norm, norm_bias, EPS: tl.constexpr, M: tl.constexpr
):
    """y + LN(MLP(y)) for y [M]: wide [M, 2 M], narrow [2 M, M]."""
    hidden = gelu(product(y, wide, M, 2 * M, 2 * M) + vector(wide_bias, 2 * M))
    out = product(hidden, narrow, 2 * M, M, M) + vector(narrow_bias, M)
    return y + normed(out, norm, norm_bias, EPS, M)


@triton.jit
def headed(v, head, head_bias, last, last_bias, M: tl.constexpr, OUTPUTS: tl.constexpr):
    """What the head of a network makes of v [M]: head [M, M], last [M, OUTPUTS]."""
    hidden = gelu(product(v, head, M, M, M) + vector(head_bias, M))
    return product(hidden, last, M, OUTPUTS, OUTPUTS) + vector(last_bias, OUTPUTS)


@triton.jit
def put(pointer, v, SIZE: tl.constexpr):
    """Writes the first SIZE of v."""
    n = tl.arange(0, triton.next_power_of_2(SIZE))
    tl.store(pointer + n, v, mask=n < SIZE)
