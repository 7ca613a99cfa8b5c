# mypy: disallow-untyped-defs=False
"""What a window network does beside its scans, with Triton: a launch before its blocks, one after
the scans of each (output projections, their sum, MLP, layer norm, mask), one after the last block.

A program owns one token, at the end one row. Has not run on a GPU yet.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mambatrack.kernels.gpu.launching import launch, operation
from mambatrack.kernels.gpu.layers import (
    EndWeights,
    MlpWeights,
    clamped,
    headed,
    mixed,
    product,
    put,
    vector,
)
from mambatrack.kernels.gpu.scan import load, row_length

WIDEST = 32  # d_model; of wider blocks every token would read more weights than matrices share


@triton.jit
def _enter(
    offsets, lengths, tokens_out, embed, embed_bias, offsets_b, tokens,
    LIMIT: tl.constexpr, INPUTS: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """grid (rows tokens); offsets [rows, tokens, INPUTS], its rows offsets_b apart; tokens_out
    [rows, tokens, M]."""
    place = tl.program_id(0).to(tl.int64)
    row, t = place // tokens, place % tokens
    token = clamped(vector(offsets + row * offsets_b + t * INPUTS, INPUTS), LIMIT)
    out = product(token, embed, INPUTS, M, M) + vector(embed_bias, M)
    out = tl.where(t < row_length(lengths, row, tokens, True), out, 0.0)
    put(tokens_out + place * M, out, M)


@triton.jit
def _pool(
    tokens_in, lengths, outputs, head, head_bias, last, last_bias, tokens,
    OUTPUTS: tl.constexpr, M: tl.constexpr, BLOCK_T: tl.constexpr,
):  # fmt: skip
    """grid (rows); tokens_in [rows, tokens, M], zero beyond lengths; outputs [rows, OUTPUTS]."""
    row = tl.program_id(0).to(tl.int64)
    m, t = tl.arange(0, triton.next_power_of_2(M)), tl.arange(0, BLOCK_T)
    at = tokens_in + (row * tokens + t[:, None]) * M + m[None, :]
    held = load(at, (t < tokens)[:, None] & (m < M)[None, :])
    length = row_length(lengths, row, tokens, True)
    mean = tl.sum(held, axis=0) / tl.maximum(length, 1).to(tl.float32)
    out = headed(mean, head, head_bias, last, last_bias, M, OUTPUTS)
    put(outputs + row * OUTPUTS, tl.where(length > 0, out, 0.0), OUTPUTS)


@triton.jit
def _leave(
    y, lengths, tokens_out,
    leave, wide, wide_bias, narrow, narrow_bias, norm, norm_bias, rows, tokens,
    EPS: tl.constexpr, M: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    """grid (rows tokens); y [2, rows, tokens, D]; tokens_out [rows, tokens, M]."""
    place = tl.program_id(0).to(tl.int64)
    row, t = place // tokens, place % tokens
    left = product(vector(y + place * D, D), leave, D, M, M)
    right = y + (place + rows * tokens) * D
    both = left + product(vector(right, D), leave + D * M, D, M, M)
    out = mixed(both, wide, wide_bias, narrow, narrow_bias, norm, norm_bias, EPS, M)
    out = tl.where(t < row_length(lengths, row, tokens, True), out, 0.0)
    put(tokens_out + place * M, out, M)


def _leave_both(weights: list[Tensor], y: Tensor, lengths: Tensor, eps: float) -> Tensor:
    out = _leave_fake(weights, y, lengths, eps)
    _, rows, tokens, d_inner = y.shape
    if out.numel():
        launch(
            _leave, (rows * tokens,), y.contiguous(), lengths.contiguous(), out, *weights, rows,
            tokens, EPS=eps, M=out.shape[2], D=d_inner, num_warps=4,
        )  # fmt: skip
    return out


def _leave_fake(weights: list[Tensor], y: Tensor, lengths: Tensor, eps: float) -> Tensor:
    return torch.empty((*y.shape[1:3], weights[0].shape[2]), dtype=torch.float32, device=y.device)


leave_both = operation(
    "leave",
    "(Tensor[] weights, Tensor y, Tensor lengths, float eps) -> Tensor",
    _leave_both,
    _leave_fake,
)


def leave_block(leave: Tensor, mlp: MlpWeights, y: Tensor, lengths: Tensor, eps: float) -> Tensor:
    """y [2, B, L, D] float32, of both scans after their gates -> Y + LN(MLP(Y)) [B, L, M], zero
    after ``lengths`` [B], for Y the sum of both projected by leave [2, D, M], dense."""
    out: Tensor = torch.ops.mambatrack.leave([leave, *mlp], y, lengths, eps)
    return out


def _enter_all(weights: list[Tensor], offsets: Tensor, lengths: Tensor, limit: float) -> Tensor:
    offsets = offsets if offsets.stride()[1:] == (offsets.shape[2], 1) else offsets.contiguous()
    out = _enter_fake(weights, offsets, lengths, limit)
    rows, tokens, inputs = offsets.shape
    if out.numel():
        launch(
            _enter, (rows * tokens,), offsets, lengths.contiguous(), out, *weights[:2],
            offsets.stride(0), tokens, LIMIT=limit, INPUTS=inputs, M=out.shape[2], num_warps=1,
        )  # fmt: skip
    return out


def _enter_fake(weights: list[Tensor], offsets: Tensor, lengths: Tensor, limit: float) -> Tensor:
    size = (*offsets.shape[:2], weights[0].shape[1])
    return torch.empty(size, dtype=torch.float32, device=offsets.device)


def _pool_all(weights: list[Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
    out = _pool_fake(weights, tokens, lengths)
    rows, length, d_model = tokens.shape
    if out.numel():
        launch(
            _pool, (rows,), tokens.contiguous(), lengths.contiguous(), out, *weights[2:], length,
            OUTPUTS=out.shape[1], M=d_model, BLOCK_T=triton.next_power_of_2(length), num_warps=4,
        )  # fmt: skip
    return out


def _pool_fake(weights: list[Tensor], tokens: Tensor, lengths: Tensor) -> Tensor:
    return torch.empty((len(tokens), len(weights[-1])), dtype=torch.float32, device=tokens.device)


enter_all = operation(
    "enter",
    "(Tensor[] weights, Tensor offsets, Tensor lengths, float limit) -> Tensor",
    _enter_all,
    _enter_fake,
)
pool_all = operation(
    "pool", "(Tensor[] weights, Tensor tokens, Tensor lengths) -> Tensor", _pool_all, _pool_fake
)


def enter_network(weights: EndWeights, offsets: Tensor, lengths: Tensor, limit: float) -> Tensor:
    """offsets [B, L, I], clamped to +-limit -> tokens [B, L, M], zero after ``lengths`` [B]."""
    tokens: Tensor = torch.ops.mambatrack.enter(list(weights), offsets, lengths, limit)
    return tokens


def leave_network(weights: EndWeights, tokens: Tensor, lengths: Tensor) -> Tensor:
    """tokens [B, L, M], zero after ``lengths`` [B] -> what the head makes of their mean [B, O],
    zero where there is none."""
    outputs: Tensor = torch.ops.mambatrack.pool(list(weights), tokens, lengths)
    return outputs
