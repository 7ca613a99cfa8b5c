# mypy: disallow-untyped-defs=False, disable-error-code=assignment
"""One token of a whole causal network in one launch, with Triton: states lie in a pool of slots.

A program owns one row: its token, all blocks and the head. What it carries along is read from one
slot and written to another, so that a state that was written once never changes, and who copies a
row copies the number of its slot. Has not run on a GPU yet.
"""

from typing import NamedTuple

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
from mambatrack.kernels.gpu.scan import load, next_state, sigmoid, softplus

WIDEST = 128  # d_model up to which a program holds what it needs in registers


class CausalWeights(NamedTuple):
    """Of a causal network, all float32 and dense. L layers, M = d_model, D = d_inner, N = d_state,
    R = dt_rank, K taps:

    | weight | shape | |
    |---|---|---|
    | enter | [L, 2, M, D] | inputs of the convolution, then the gate |
    | taps, taps_bias | [L, K, D], [L, D] | the newest token last |
    | select | [L, D, 2 N + R] | B, C, dt's ranks |
    | dt, dt_bias | [L, R, D], [L, D] | |
    | A, skip | [L, D, N], [L, D] | |
    | leave | [L, D, M] | |
    | mlp | [L, ..] | those of each block, stacked |
    | ends | | of I inputs and O outputs |
    """

    enter: Tensor
    taps: Tensor
    taps_bias: Tensor
    select: Tensor
    dt: Tensor
    dt_bias: Tensor
    A: Tensor
    skip: Tensor
    leave: Tensor
    mlp: MlpWeights
    ends: EndWeights

    def flat(self) -> list[Tensor]:
        """All of them in the order of the kernel's arguments."""
        *own, mlp, ends = self
        return [*own, *mlp, *ends]

    @classmethod
    def of(cls, flat: list[Tensor]) -> "CausalWeights":
        """From what flat() gives."""
        mlp = len(cls._fields) - 2
        ends = mlp + len(MlpWeights._fields)
        return cls._make([*flat[:mlp], MlpWeights(*flat[mlp:ends]), EndWeights(*flat[ends:])])


@triton.jit
def _causal(
    given, carried, outputs,
    enter, taps, taps_bias, select, dt, dt_bias, A, skip, leave,
    wide, wide_bias, narrow, narrow_bias, norm, norm_bias,
    embed, embed_bias, head, head_bias, last, last_bias,
    LIMIT: tl.constexpr, EPS: tl.constexpr, LAYERS: tl.constexpr, INPUTS: tl.constexpr,
    OUTPUTS: tl.constexpr, M: tl.constexpr, D: tl.constexpr, N: tl.constexpr, R: tl.constexpr,
    TAPS: tl.constexpr,
):  # fmt: skip
    """grid (rows); given [rows, INPUTS + 2]: a token, the slot that is read, the slot that is
    written, 0 for none; carried [slots, LAYERS (TAPS - 1 + N) D]; outputs [rows, OUTPUTS]."""
    EACH: tl.constexpr = (TAPS - 1 + N) * D
    SELECT: tl.constexpr = 2 * N + R
    row = tl.program_id(0).to(tl.int64)
    given += row * (INPUTS + 2)
    before = carried + tl.load(given + INPUTS).to(tl.int64) * LAYERS * EACH
    slot = tl.load(given + INPUTS + 1).to(tl.int64)
    after = carried + slot * LAYERS * EACH
    kept = slot > 0
    d = tl.arange(0, triton.next_power_of_2(D))
    n = tl.arange(0, triton.next_power_of_2(N))
    in_d, in_n = d < D, n < N
    in_nd = in_n[:, None] & in_d[None, :]
    cell = d[None, :] * N + n[:, None]

    token = clamped(vector(given, INPUTS), LIMIT)
    hidden = product(token, embed, INPUTS, M, M) + vector(embed_bias, M)
    for layer in range(LAYERS):
        now = product(hidden, enter + (2 * layer) * M * D, M, D, D)
        gate = product(hidden, enter + (2 * layer + 1) * M * D, M, D, D)
        at = layer * EACH
        own_taps = taps + layer * TAPS * D
        x = vector(taps_bias + layer * D, D) + now * vector(own_taps + (TAPS - 1) * D, D)
        for tap in tl.static_range(TAPS - 1):
            past = load(before + at + tap * D + d, in_d)
            x += past * vector(own_taps + tap * D, D)
            if tap > 0:
                tl.store(after + at + (tap - 1) * D + d, past, mask=in_d & kept)
        tl.store(after + at + (TAPS - 2) * D + d, now, mask=in_d & kept)
        x = x * sigmoid(x)

        own = select + layer * D * SELECT
        gate_in, gate_out = product(x, own, D, N, SELECT), product(x, own + N, D, N, SELECT)
        step = product(product(x, own + 2 * N, D, R, SELECT), dt + layer * R * D, R, D, D)
        step = softplus(step + vector(dt_bias + layer * D, D))
        a = load(A + layer * D * N + cell, in_nd) * 1.4426950408889634  # log2 e
        at += (TAPS - 1) * D
        state = load(before + at + cell, in_nd)
        state = next_state(state, step, a, gate_in, step * x)
        tl.store(after + at + cell, state, mask=in_nd & kept)
        y = tl.sum(state * gate_out[:, None], axis=0) + vector(skip + layer * D, D) * x
        y = product(y * gate * sigmoid(gate), leave + layer * D * M, D, M, M)
        hidden = mixed(
            y, wide + layer * M * 2 * M, wide_bias + layer * 2 * M, narrow + layer * 2 * M * M,
            narrow_bias + layer * M, norm + layer * M, norm_bias + layer * M, EPS, M,
        )  # fmt: skip
    out = headed(hidden, head, head_bias, last, last_bias, M, OUTPUTS)
    put(outputs + row * OUTPUTS, out, OUTPUTS)


def _causal_step(
    weights: list[Tensor], given: Tensor, states: Tensor, limit: float, eps: float
) -> Tensor:
    own = CausalWeights.of(weights)
    (inputs, d_model), (layers, taps, d_inner) = own.ends.embed.shape, own.taps.shape
    outputs = _causal_step_fake(weights, given, states, limit, eps)
    if len(given):
        launch(
            _causal, (len(given),), given, states, outputs, *weights,
            LIMIT=limit, EPS=eps, LAYERS=layers, INPUTS=inputs, OUTPUTS=outputs.shape[1],
            M=d_model, D=d_inner, N=own.A.shape[2], R=own.dt.shape[1], TAPS=taps,
            num_warps=warps(d_model),
        )  # fmt: skip
    return outputs


def _causal_step_fake(
    weights: list[Tensor], given: Tensor, states: Tensor, limit: float, eps: float
) -> Tensor:
    outputs = weights[-1].shape[0]
    return torch.empty((len(given), outputs), dtype=torch.float32, device=given.device)


step = operation(
    "causal_step",
    "(Tensor[] weights, Tensor given, Tensor(a!) states, float limit, float eps) -> Tensor",
    _causal_step,
    _causal_step_fake,
    writes=("states",),
)


def causal_step(
    weights: CausalWeights, given: Tensor, states: Tensor, limit: float, eps: float
) -> Tensor:
    """given [B, I + 2], each row's token, clamped to +-limit, the slot that is read, and the slot
    that is written, 0 for none; states [slots, L (K - 1 + N) D]: of each block the last inputs of
    its convolution [K - 1, D], then the state of its scan [D, N]. -> outputs [B, O]. No slot may be
    written by two rows, or be read and written. eps: of the layer norms."""
    outputs: Tensor = torch.ops.mambatrack.causal_step(weights.flat(), given, states, limit, eps)
    return outputs


def warps(d_model: int) -> int:
    """So many that the widest matrix fits the registers of a program."""
    return 4 if d_model <= 64 else 8
