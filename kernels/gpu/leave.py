# mypy: disallow-untyped-defs=False
"""What follows the scans of a bi-directional block in one launch, with Triton: output projections,
their sum, MLP, layer norm and the mask.

A program owns one token. Has not run on a GPU yet.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from mambatrack.kernels.gpu.launching import launch
from mambatrack.kernels.gpu.layers import mixed, product, vector
from mambatrack.kernels.gpu.scan import row_length

WIDEST = 32  # d_model; of wider blocks every token would read more weights than matrices share


class LeaveWeights(NamedTuple):
    """Of a block, all dense: leave [2, D, M], of both directions; wide [M, 2 M]; narrow [2 M, M];
    wide_bias [2 M]; narrow_bias, norm, norm_bias [M]."""

    leave: Tensor
    wide: Tensor
    wide_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor
    norm: Tensor
    norm_bias: Tensor


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
    m = tl.arange(0, triton.next_power_of_2(M))
    tl.store(tokens_out + place * M + m, out, mask=m < M)


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


leave_both = torch.library.custom_op(
    "mambatrack::leave", _leave_both, mutates_args=(),
    schema="(Tensor[] weights, Tensor y, Tensor lengths, float eps) -> Tensor",
)  # fmt: skip
leave_both.register_fake(_leave_fake)


def leave_block(weights: LeaveWeights, y: Tensor, lengths: Tensor, eps: float) -> Tensor:
    """y [2, B, L, D] float32, of both scans after their gates -> Y + LN(MLP(Y)) [B, L, M], zero
    after ``lengths`` [B], for Y the sum of both projected."""
    out: Tensor = torch.ops.mambatrack.leave(list(weights), y, lengths, eps)
    return out
