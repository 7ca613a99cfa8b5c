# mypy: disallow-untyped-defs=False
"""Depthwise convolution and SiLU for both directions in one launch, with Triton.

A program owns BLOCK_L tokens and BLOCK_D channels of a row and computes both directions, so that an
input that they share is read once. What lies beyond a row's length counts as zero and gets zero.
The backward runs in two launches: the gradient before SiLU with partial sums for weight and bias,
then the same convolution turned round for the input.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from mambatrack.kernels.gpu.launching import dense, empty, launch, operation, rows
from mambatrack.kernels.gpu.scan import load, row_length, sigmoid

BLOCK_L, BLOCK_D = 16, 64


@triton.jit
def convolve(x, weight, bias, t, d, length, channels, x_t, way, TAPS: tl.constexpr):
    """Sum over the taps for tokens t [BLOCK_L, 1]; the last tap meets the token itself, the one
    before it the token at t - way."""
    in_d = d[None, :] < channels
    total = tl.broadcast_to(bias[None, :], (t.shape[0], d.shape[0]))
    for away in tl.static_range(TAPS):
        s = t - away * way
        tap = load(weight + (TAPS - 1 - away) * channels + d, d < channels)
        total += tap[None, :] * load(x + s * x_t + d[None, :], (s >= 0) & (s < length) & in_d)
    return total


@triton.jit
def _conv_forward(
    x, weight, bias, lengths, y, rows, tokens, channels, x_g, x_b, x_t,
    HAS_BIAS: tl.constexpr, HAS_LENGTHS: tl.constexpr, TAPS: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """grid (rows, blocks of tokens, blocks of channels); x [2, B, L, D] or, with x_g = 0,
    [B, L, D]; y [2, B, L, D]."""
    row = tl.program_id(0).to(tl.int64)
    t = (tl.program_id(1) * BLOCK_L + tl.arange(0, BLOCK_L))[:, None]
    d = tl.program_id(2) * BLOCK_D + tl.arange(0, BLOCK_D)
    length = row_length(lengths, row, tokens, HAS_LENGTHS)
    for g in tl.static_range(2):
        shift = tl.zeros((BLOCK_D,), tl.float32)
        if HAS_BIAS:
            shift = load(bias + g * channels + d, d < channels)
        taps = weight + g * TAPS * channels
        source = x + g * x_g + row * x_b
        v = convolve(source, taps, shift, t, d, length, channels, x_t, 1 - 2 * g, TAPS)
        v = tl.where(t < length, v * sigmoid(v), 0.0)
        to = y + ((g * rows + row) * tokens + t) * channels + d[None, :]
        tl.store(to, v, mask=(t < tokens) & (d < channels)[None, :])


@triton.jit
def _conv_gradients(
    dout, x, weight, bias, lengths, dpre, dweight, dbias,
    rows, tokens, channels, rows_each, x_g, x_b, x_t, out_g, out_b, out_t,
    HAS_BIAS: tl.constexpr, HAS_LENGTHS: tl.constexpr, TAPS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_L: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """grid (chunks of rows, blocks of channels, directions); dpre [2, B, L, D]; partial sums
    dweight [chunks, 2, K, D] and dbias [chunks, 2, D]."""
    chunk, g = tl.program_id(0).to(tl.int64), tl.program_id(2).to(tl.int64)
    d = tl.program_id(1) * BLOCK_D + tl.arange(0, BLOCK_D)
    k = tl.arange(0, BLOCK_K)[:, None]
    in_d = d < channels
    way = 1 - 2 * g
    shift = tl.zeros((BLOCK_D,), tl.float32)
    if HAS_BIAS:
        shift = load(bias + g * channels + d, in_d)
    taps = weight + g * TAPS * channels
    sum_weight = tl.zeros((BLOCK_K, BLOCK_D), tl.float32)
    sum_bias = tl.zeros((BLOCK_D,), tl.float32)
    for row in range(chunk * rows_each, tl.minimum((chunk + 1) * rows_each, rows)):
        length = row_length(lengths, row, tokens, HAS_LENGTHS)
        source = x + g * x_g + row * x_b
        for first in range(0, tokens, BLOCK_L):
            t = (first + tl.arange(0, BLOCK_L))[:, None]
            inside = (t < length) & in_d[None, :]
            v = convolve(source, taps, shift, t, d, length, channels, x_t, way, TAPS)
            s = sigmoid(v)
            grad = load(dout + g * out_g + row * out_b + t * out_t + d[None, :], inside)
            grad *= s * (1.0 + v * (1.0 - s))
            to = dpre + ((g * rows + row) * tokens + t) * channels + d[None, :]
            tl.store(to, grad, mask=(t < tokens) & in_d[None, :])
            sum_bias += tl.sum(grad, axis=0)
            for away in tl.static_range(TAPS):
                at = t - away * way
                there = load(source + at * x_t + d[None, :], inside & (at >= 0) & (at < length))
                share = tl.sum(grad * there, axis=0)[None, :]
                sum_weight += tl.where(k == TAPS - 1 - away, share, 0.0)
    own = chunk * 2 + g
    to = dweight + (own * TAPS + k) * channels + d[None, :]
    tl.store(to, sum_weight, mask=(k < TAPS) & in_d[None, :])
    if HAS_BIAS:
        tl.store(dbias + own * channels + d, sum_bias, mask=in_d)


@triton.jit
def _conv_input(
    dpre, weight, lengths, dx, rows, tokens, channels,
    SHARED: tl.constexpr, HAS_LENGTHS: tl.constexpr, TAPS: tl.constexpr,
    BLOCK_L: tl.constexpr, BLOCK_D: tl.constexpr,
):  # fmt: skip
    """grid (rows, blocks of tokens, blocks of channels); dx [2, B, L, D], or summed [B, L, D]."""
    row = tl.program_id(0).to(tl.int64)
    t = (tl.program_id(1) * BLOCK_L + tl.arange(0, BLOCK_L))[:, None]
    d = tl.program_id(2) * BLOCK_D + tl.arange(0, BLOCK_D)
    inside = (t < tokens) & (d < channels)[None, :]
    length = row_length(lengths, row, tokens, HAS_LENGTHS)
    none = tl.zeros((BLOCK_D,), tl.float32)
    both = tl.zeros((BLOCK_L, BLOCK_D), tl.float32)
    for g in tl.static_range(2):
        source = dpre + (g * rows + row) * tokens * channels
        taps = weight + g * TAPS * channels
        v = convolve(source, taps, none, t, d, tokens, channels, channels, 2 * g - 1, TAPS)
        v = tl.where(t < length, v, 0.0)
        if SHARED:
            both += v
        else:
            at = ((g * rows + row) * tokens + t) * channels + d[None, :]
            tl.store(dx + at, v, mask=inside)
    if SHARED:
        tl.store(dx + (row * tokens + t) * channels + d[None, :], both, mask=inside)


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, lengths: Tensor | None) -> Tensor:
    batch, tokens, channels = x.shape[-3:]
    y = _conv_fake(x, weight, bias, lengths)
    source, (x_g, x_b, x_t) = _both(x)
    grid = (batch, triton.cdiv(tokens, BLOCK_L), triton.cdiv(channels, BLOCK_D))
    if y.numel():
        launch(
            _conv_forward, grid,
            source, weight.contiguous(), dense(bias, x), dense(lengths, x), y,
            batch, tokens, channels, x_g, x_b, x_t, **_flags(weight, bias, lengths),
            BLOCK_L=BLOCK_L, BLOCK_D=BLOCK_D,
        )  # fmt: skip
    return y


def _conv_fake(x: Tensor, weight: Tensor, bias: Tensor | None, lengths: Tensor | None) -> Tensor:
    return empty(x, 2, *x.shape[-3:], dtype=x.dtype)


def _conv_backward(
    dout: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    batch, tokens, channels = x.shape[-3:]
    taps, blocks = weight.shape[1], triton.cdiv(channels, BLOCK_D)
    rows_each = max(1, batch * blocks // 512)
    chunks = triton.cdiv(batch, rows_each)
    dpre = empty(x, 2, *x.shape[-3:])
    dweight, dbias = empty(x, chunks, 2, taps, channels), empty(x, chunks, 2, channels)
    dx = empty(x, *x.shape, dtype=x.dtype)
    (source, strides), (dout, out_strides) = _both(x), rows(dout, x)
    if dx.numel():
        launch(
            _conv_gradients, (chunks, blocks, 2),
            dout, source, weight.contiguous(), dense(bias, x), dense(lengths, x),
            dpre, dweight, dbias, batch, tokens, channels, rows_each, *strides, *out_strides,
            **_flags(weight, bias, lengths), BLOCK_K=triton.next_power_of_2(taps),
            BLOCK_L=BLOCK_L, BLOCK_D=BLOCK_D,
        )  # fmt: skip
        launch(
            _conv_input, (batch, triton.cdiv(tokens, BLOCK_L), blocks),
            dpre, weight.contiguous(), dense(lengths, x), dx, batch, tokens, channels,
            SHARED=x.dim() == 3, HAS_LENGTHS=lengths is not None, TAPS=taps,
            BLOCK_L=BLOCK_L, BLOCK_D=BLOCK_D,
        )  # fmt: skip
    dshift = empty(x, 0) if bias is None else dbias.sum(0).to(bias.dtype)
    return dx, dweight.sum(0).to(weight.dtype), dshift


def _conv_backward_fake(
    dout: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, lengths: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    like = [empty(x, *each.shape, dtype=each.dtype) for each in (x, weight)]
    shift = empty(x, 0) if bias is None else empty(x, *bias.shape, dtype=bias.dtype)
    return like[0], like[1], shift


def _both(x: Tensor) -> tuple[Tensor, list[int]]:
    """x as [2, B, L, D]; an input that both directions share has the stride 0 between them."""
    source, strides = rows(x if x.dim() == 4 else x[None], x)
    return source, strides if x.dim() == 4 else [0, *strides[1:]]


def _flags(weight: Tensor, bias: Any, lengths: Any) -> dict[str, int]:
    return {
        "HAS_BIAS": bias is not None,
        "HAS_LENGTHS": lengths is not None,
        "TAPS": weight.shape[1],
    }


def _keep(ctx: Any, inputs: tuple, output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _gradients(ctx: Any, dout: Tensor) -> tuple:
    dx, dweight, dbias = torch.ops.mambatrack.conv_backward(dout, *ctx.saved_tensors)
    return dx, dweight, dbias if ctx.saved_tensors[2] is not None else None, None


_SCHEMA = "Tensor x, Tensor weight, Tensor? bias, Tensor? lengths"
conv = operation("conv", f"({_SCHEMA}) -> Tensor", _conv, _conv_fake)
conv_backward = operation(
    "conv_backward",
    f"(Tensor dout, {_SCHEMA}) -> (Tensor, Tensor, Tensor)",
    _conv_backward,
    _conv_backward_fake,
)
conv.register_autograd(_gradients, setup_context=_keep)


def bi_conv_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, lengths: Tensor | None = None
) -> Tensor:
    """See mambatrack.kernels.bi_conv_silu."""
    return torch.ops.mambatrack.conv(x, weight, bias, lengths)
