"""The Triton scans as functions: launches, registration with torch.library, autograd.

``torch.ops.mambatrack.scan`` and ``scan_backward`` have fake versions and a registered autograd
formula, so they work below torch.compile and under fake tensors. Inside, everything is stacked as
in reference.py, with one or two directions in front. Kernels in scan.py.
"""

from typing import Any

import torch
import triton
from torch import Tensor

from mambatrack.kernels.gpu.launching import (
    MANY,
    along_channels,
    backward_block,
    check_row,
    dense,
    empty,
    flags,
    forward_block,
    launch,
    operation,
    rows,
    sizes,
    widths,
)
from mambatrack.kernels.gpu.scan import KEEP, _forward
from mambatrack.kernels.gpu.scan_backward import _backward
from mambatrack.kernels.validation import needs_gradient

SCHEMA = (
    "Tensor x, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? z, Tensor? dt_bias, "
    "Tensor? dt_weight, Tensor? lengths, Tensor? initial_state, bool dt_softplus, bool reverse"
)


def _scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    dt_bias: Tensor | None, dt_weight: Tensor | None, lengths: Tensor | None,
    initial_state: Tensor | None, dt_softplus: bool, reverse: bool, save: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Stacked -> y, the final state, and with ``save`` the states that the backward starts from."""
    (directions, batch, _, channels), states = x.shape, A.shape[2]
    y, final, saved = _scan_fake(
        x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths, initial_state, dt_softplus, reverse, save
    )
    rank = 1 if dt_weight is None else dt_weight.shape[2]
    check_row(saved.shape[2], states * channels)
    block_d = forward_block(directions * batch, channels, states, rank)
    tensors, strides = zip(*(rows(each, x) for each in (x, dt, B, C, z)), strict=True)
    scaled, weight, initial = (along_channels(each, x) for each in (A, dt_weight, initial_state))
    D_, bias, lengths_ = (dense(each, x) for each in (D, dt_bias, lengths))
    if y.numel():
        launch(
            _forward, (batch, triton.cdiv(channels, block_d), directions),
            tensors[0], tensors[1], scaled, tensors[2], tensors[3], D_, tensors[4], bias, weight,
            lengths_, initial, y, final.mT, saved, *sizes(x, A, dt), *sum(strides, []),
            **flags(D, z, dt_bias, dt_weight, lengths, initial_state, dt_softplus, reverse),
            SAVE=save, **widths(block_d, A, dt, dt_weight is not None), num_warps=1,
        )  # fmt: skip
    return y, final, saved


def _scan_fake(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    dt_bias: Tensor | None, dt_weight: Tensor | None, lengths: Tensor | None,
    initial_state: Tensor | None, dt_softplus: bool, reverse: bool, save: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    (directions, batch, tokens, channels), states = x.shape, A.shape[2]
    segments = -(-tokens // KEEP) if save else 0
    return (
        empty(x, *x.shape, dtype=x.dtype),
        empty(x, directions, batch, states, channels).mT,
        empty(x, directions, batch, segments, states, channels),
    )


def _scan_backward(
    dout: Tensor, dfinal: Tensor | None, saved: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor,
    C: Tensor, D: Tensor | None, z: Tensor | None, dt_bias: Tensor | None,
    dt_weight: Tensor | None, lengths: Tensor | None, initial_state: Tensor | None,
    dt_softplus: bool, reverse: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    """Gradients of x, dt before softplus [G, B, L, D], A, B, C, D, z, dt_bias, initial_state; of an
    absent argument an empty tensor."""
    directions, (batch, tokens, channels, states, _) = x.shape[0], sizes(x, A, dt)
    rank = 1 if dt_weight is None else dt_weight.shape[2]
    block_d = backward_block(channels, states, rank)
    blocks = triton.cdiv(channels, block_d)
    rows_each = max(1, directions * batch * blocks // MANY)
    chunks = triton.cdiv(batch, rows_each)
    dx, ddt, *_, dz, _, dinitial = _scan_backward_fake(
        dout, dfinal, saved, x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths, initial_state,
        dt_softplus, reverse,
    )  # fmt: skip
    dA = empty(x, chunks, directions, states, channels)
    dD, dbias = (empty(x, chunks, directions, channels) for _ in range(2))
    dB, dC = (empty(x, blocks, directions, batch, tokens, states) for _ in range(2))
    tensors, strides = zip(*(rows(each, x) for each in (x, dt, B, C, z, dout)), strict=True)
    scaled, weight, dlast = (along_channels(each, x) for each in (A, dt_weight, dfinal))
    D_, bias, lengths_ = (dense(each, x) for each in (D, dt_bias, lengths))
    if dx.numel():
        launch(
            _backward, (chunks, blocks, directions),
            tensors[5], dlast, saved, tensors[0], tensors[1], scaled, tensors[2], tensors[3], D_,
            tensors[4], bias, weight, lengths_, dx, ddt, dA, dB, dC, dD, dz, dbias, dinitial.mT,
            *sizes(x, A, dt), rows_each, *sum(strides, []),
            **flags(D, z, dt_bias, dt_weight, lengths, initial_state, dt_softplus, reverse),
            HAS_FINAL=dfinal is not None, **widths(block_d, A, dt, dt_weight is not None),
            num_warps=1,
        )  # fmt: skip
    return (
        dx, ddt, _total(dA, A).mT.contiguous(), _total(dB, B), _total(dC, C),
        _total(dD, D), dz, _total(dbias, dt_bias), dinitial,
    )  # fmt: skip


def _total(parts: Tensor, like: Tensor | None) -> Tensor:
    """The partial sums of all programs, added in a fixed order."""
    if like is None:
        return empty(parts, 0)
    return (parts[0] if len(parts) == 1 else parts.sum(0)).to(like.dtype)


def _scan_backward_fake(
    dout: Tensor, dfinal: Tensor | None, saved: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor,
    C: Tensor, D: Tensor | None, z: Tensor | None, dt_bias: Tensor | None,
    dt_weight: Tensor | None, lengths: Tensor | None, initial_state: Tensor | None,
    dt_softplus: bool, reverse: bool,
) -> tuple[Tensor, ...]:  # fmt: skip
    def shaped(like: Tensor | None) -> Tensor:
        return empty(x, 0) if like is None else empty(x, *like.shape, dtype=like.dtype)

    dinitial = empty(x, 0, 0) if initial_state is None else shaped(initial_state.mT).mT
    ddt = empty(x, *x.shape, dtype=torch.float32 if dt_weight is not None else dt.dtype)
    return (
        shaped(x), ddt, shaped(A), shaped(B), shaped(C), shaped(D), shaped(z), shaped(dt_bias),
        dinitial,
    )  # fmt: skip


def _keep(ctx: Any, inputs: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, ctx.softplus, ctx.reverse, save = inputs
    if not save:
        raise RuntimeError("a gradient was asked of torch.ops.mambatrack.scan with save=False")
    ctx.save_for_backward(output[2], *tensors)
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, dy: Tensor | None, dfinal: Tensor | None, _: Any) -> tuple:
    saved, *tensors = ctx.saved_tensors
    x, dt, _, _, _, D, z, dt_bias, dt_weight, _, initial = tensors
    dx, ddt, dA, dB, dC, dD, dz, dbias, dinitial = torch.ops.mambatrack.scan_backward(
        torch.zeros_like(x) if dy is None else dy,
        dfinal,
        saved,
        *tensors,
        ctx.softplus,
        ctx.reverse,
    )
    dweight = None
    if dt_weight is not None:
        dweight = (ddt.flatten(1, 2).mT @ dt.float().flatten(1, 2)).to(dt_weight.dtype)
        ddt = (ddt.flatten(1, 2) @ dt_weight.float()).view(dt.shape).to(dt.dtype)
    return (
        dx, ddt, dA, dB, dC, None if D is None else dD, None if z is None else dz,
        None if dt_bias is None else dbias, dweight, None, None if initial is None else dinitial,
        None, None, None,
    )  # fmt: skip


scan = operation("scan", f"({SCHEMA}, bool save) -> (Tensor, Tensor, Tensor)", _scan, _scan_fake)
scan_backward = operation(
    "scan_backward",
    f"(Tensor dout, Tensor? dfinal, Tensor saved, {SCHEMA}) -> ({', '.join(['Tensor'] * 9)})",
    _scan_backward,
    _scan_backward_fake,
)
scan.register_autograd(_gradients, setup_context=_keep)


def _stacked(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    dt_bias: Tensor | None, dt_weight: Tensor | None, lengths: Tensor | None,
    initial_state: Tensor | None, dt_softplus: bool, reverse: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Both directions, or one, which is from right to left with ``reverse``."""
    tensors = (x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths, initial_state)
    save = needs_gradient(*tensors)
    y, final, _ = torch.ops.mambatrack.scan(*tensors, dt_softplus, reverse, save)
    return y, final


def bi_selective_scan(
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
    dt_weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """See mambatrack.kernels.bi_selective_scan."""
    y, final = _stacked(
        x, dt, A, B, C, D, z, dt_bias, dt_weight, lengths, initial_state, dt_softplus, False
    )
    return (y, final) if return_final_state else y


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
    dt_weight: Tensor | None = None,
) -> Tensor | tuple[Tensor, Tensor]:
    """See mambatrack.kernels.selective_scan."""
    skip, gate, bias, start, weight = (
        each if each is None else each[None] for each in (D, z, dt_bias, initial_state, dt_weight)
    )
    y, final = _stacked(
        x[None], dt[None], A[None], B[None], C[None], skip, gate, bias, weight, lengths, start,
        dt_softplus, reverse,
    )  # fmt: skip
    return (y[0], final[0]) if return_final_state else y[0]
