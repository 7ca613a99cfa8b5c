"""The C library's scan (library.py) with the arguments that every other implementation takes."""

from torch import Tensor

from mambatrack.kernels.cpu import library


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
    """See mambatrack.kernels.selective_scan; float32, no gradients."""
    if dt_weight is not None:
        dt = dt @ dt_weight.T
    return library.selective_scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, lengths, initial_state, return_final_state,
        reverse,
    )  # fmt: skip


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
    """See mambatrack.kernels.bi_selective_scan; float32, no gradients."""
    if dt_weight is not None:
        dt = dt @ dt_weight[:, None].mT
    return library.bi_selective_scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, lengths, initial_state, return_final_state
    )
