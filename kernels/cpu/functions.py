"""The C library's scan for torch: float32 on a CPU, no gradients.

Where a program is recorded (torch.compile, fake tensors) it is ``torch.ops.mambatrack.scan_in_c``,
which has a fake version. Inside, everything is stacked as in reference.py, with one or two
directions in front.
"""

from typing import Any

import torch
from torch import Tensor

from mambatrack.kernels.cpu.arrays import POINTERS, Scan
from mambatrack.kernels.cpu.library import MAX_STATES, library
from mambatrack.kernels.reference import update_by
from mambatrack.kernels.validation import symbolic


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
    """See mambatrack.kernels.selective_scan. Raises ValueError for what is not float32 on the CPU
    or does not fit together, and RuntimeError where the library cannot be used."""
    if dt_weight is not None:
        dt = dt @ dt_weight.T
    skip, gate, bias, start = (
        each if each is None else each[None] for each in (D, z, dt_bias, initial_state)
    )
    y, final = _run(
        x[None], dt[None], A[None], B[None], C[None], skip, gate, bias, lengths, start,
        dt_softplus, reverse, return_final_state,
    )  # fmt: skip
    return (y[0], final[0]) if return_final_state else y[0]


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
    """See mambatrack.kernels.bi_selective_scan; raises as selective_scan does."""
    if dt_weight is not None:
        dt = dt @ dt_weight[:, None].mT
    y, final = _run(
        x, dt, A, B, C, D, z, dt_bias, lengths, initial_state, dt_softplus, False,
        return_final_state,
    )  # fmt: skip
    return (y, final) if return_final_state else y


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
    """See mambatrack.kernels.selective_state_update; raises as selective_scan does."""
    return update_by(
        selective_scan, state, x, dt, A, B, C, D, z, dt_bias, dt_softplus, slots, dt_weight
    )


def _run(x: Tensor, *arguments: Any) -> tuple[Tensor, Tensor]:
    if symbolic(x):
        recorded: tuple[Tensor, Tensor] = torch.ops.mambatrack.scan_in_c(x, *arguments)
        return recorded
    return _scan(x, *arguments)  # without the way through torch's dispatcher, 15 microseconds


def _scan(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    dt_bias: Tensor | None, lengths: Tensor | None, initial_state: Tensor | None,
    dt_softplus: bool, reverse: bool, save: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Stacked -> y, and with ``save`` the final state."""
    run, directions = library().selective_scan, x.shape[0]
    stacked = {"x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
               "initial_state": initial_state}  # fmt: skip
    for name, each in stacked.items():
        if each is not None and each.shape[:1] != (directions,):
            raise ValueError(f"{name}: a leading axis of {directions} expected, got {_is(each)}")
    y, final = _scan_fake(x, dt, A, B, C, D, z, dt_bias, lengths, initial_state, dt_softplus,
                          reverse, save)  # fmt: skip
    scans, held = (Scan * directions)(), []
    for g, scan in enumerate(scans):
        scan.softplus, scan.reverse = dt_softplus, reverse or g
        own = tuple(None if each is None else each[g] for each in stacked.values())
        held.append(_fill(scan, own, lengths, y[g], final[g] if save else None))
    run(scans, directions)
    del held
    return y, final


def _scan_fake(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    dt_bias: Tensor | None, lengths: Tensor | None, initial_state: Tensor | None,
    dt_softplus: bool, reverse: bool, save: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    state = (x.shape[0], x.shape[1], *A.shape[1:]) if save else (0,)
    return torch.empty(x.shape, dtype=torch.float32), torch.empty(state, dtype=torch.float32)


scan_in_c = torch.library.custom_op(
    "mambatrack::scan_in_c", _scan, mutates_args=(),
    schema="(Tensor x, Tensor dt, Tensor A, Tensor B, Tensor C, Tensor? D, Tensor? z, "
    "Tensor? dt_bias, Tensor? lengths, Tensor? initial_state, bool dt_softplus, bool reverse, "
    "bool save) -> (Tensor, Tensor)",
)  # fmt: skip
scan_in_c.register_fake(_scan_fake)


def _fill(
    scan: Scan,
    tensors: tuple[Tensor | None, ...],
    lengths: Tensor | None,
    y: Tensor,
    final: Tensor | None,
) -> list[Tensor | None]:
    """Checks (x, dt, A, B, C, D, z, dt_bias, initial_state) and writes sizes and addresses.

    Returns the tensors that have to live until the call is over."""
    x, _, A, *_ = tensors
    if x is None or A is None or x.dim() != 3 or A.dim() != 2:
        raise ValueError(f"x [B, L, D] and A [D, N] expected, got {_is(x)} and {_is(A)}")
    (batch, tokens, channels), states = x.shape, A.shape[1]
    if not 1 <= states <= MAX_STATES:
        raise ValueError(f"A [D, N] with N from 1 to {MAX_STATES} expected, got N = {states}")
    timed, gates, state = (batch, tokens, channels), (batch, tokens, states), (channels, states)
    shapes = {
        "x": timed, "dt": timed, "A": state, "B": gates, "C": gates, "D": (channels,), "z": timed,
        "dt_bias": (channels,), "initial_state": (batch, *state),
    }  # fmt: skip
    held = [
        _floats(name, each, shape)
        for (name, shape), each in zip(shapes.items(), tensors, strict=True)
    ]
    held += [_lengths(lengths, batch, tokens), y, final]
    scan.batch, scan.tokens, scan.channels, scan.states = batch, tokens, channels, states
    for name, each in zip(POINTERS, held, strict=True):
        setattr(scan, name, None if each is None else each.data_ptr())
    return held


def _is(tensor: Tensor | None) -> str:
    if tensor is None:
        return "None"
    return f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')} on {tensor.device}"


def _floats(name: str, tensor: Tensor | None, shape: tuple[int, ...]) -> Tensor | None:
    """The tensor, contiguous; ValueError where it is not a float32 of this shape on the CPU."""
    if tensor is None:
        return None
    if tensor.shape != shape or tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        raise ValueError(f"{name}: {list(shape)} float32 on cpu expected, got {_is(tensor)}")
    tensor = tensor.detach().contiguous()
    return tensor.clone() if tensor.data_ptr() % 4 else tensor


def _lengths(lengths: Tensor | None, batch: int, tokens: int) -> Tensor | None:
    if lengths is None:
        return None
    if lengths.shape != (batch,) or lengths.is_floating_point() or lengths.device.type != "cpu":
        raise ValueError(f"lengths: [{batch}] integers on cpu expected, got {_is(lengths)}")
    low, high = (int(lengths.min()), int(lengths.max())) if batch else (0, 0)
    if low < 0 or high > tokens:
        raise ValueError(f"lengths: from 0 to {tokens} expected, got {low} to {high}")
    return lengths.to(torch.int64).contiguous()
