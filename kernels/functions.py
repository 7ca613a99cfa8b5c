"""The public functions of mambatrack.kernels: arguments checked, an implementation chosen.

Every implementation has the name, the arguments and their order of the public function. Only the
one that is taken is imported: the C library needs no Triton, and Triton takes long to import.
"""

from torch import Tensor

from mambatrack.kernels.dispatch import choose_backend
from mambatrack.kernels.validation import check_kinds, check_shapes, check_values


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
    backend: str = "auto",
    check: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Selective scan of Mamba (arXiv 2312.00752, equation 2 and section 3).

    x, dt, z: [B, L, D];  A: [D, N];  B, C: [B, L, N];  D, dt_bias: [D];  initial_state: [B, D, N]
    dt_weight: [D, R], where dt is of low rank, [B, L, R]: dt @ dt_weight.T takes its place
    lengths: [B] int32 or int64, tokens after the first ``lengths`` of a row are padding: they
        change neither the state nor any output, and their own output is 0
    reverse: scan from the last token to the first; the output stays in the order of the input
    check: look for NaN, and at lengths on a GPU too, which waits for it (see validation.py)
    Tensors are float16, bfloat16 or float32, mixed as they come, or all float64.
    Returns y [B, L, D] in the dtype of x, and with return_final_state the state after the last
    valid token [B, D, N], float32 (float64 for float64).
    Raises ValueError, with what was seen and expected, for what does not fit together and for a
    backend that is unknown or cannot do it.
    """
    tensors: dict[str, Tensor | None] = {
        "x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
        "initial_state": initial_state, "dt_weight": dt_weight, "lengths": lengths,
    }  # fmt: skip
    chosen = _check("selective_scan", x, tensors, "", backend, check)
    if chosen == "cpu":
        from mambatrack.kernels.cpu.functions import selective_scan as scan
    elif chosen == "triton":
        from mambatrack.kernels.gpu.operations import selective_scan as scan
    elif chosen == "torch":
        from mambatrack.kernels.torch_scan import selective_scan as scan
    else:
        from mambatrack.kernels.reference import selective_scan as scan
    return scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, lengths, initial_state, return_final_state,
        reverse, dt_weight,
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
    backend: str = "auto",
    check: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """selective_scan in both directions: every tensor but lengths [B] has a leading axis of 2.

    Direction 0 reads from left to right, direction 1 from right to left; tokens and outputs stay in
    their natural order. On a GPU both run in one launch.
    """
    tensors: dict[str, Tensor | None] = {
        "x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
        "initial_state": initial_state, "dt_weight": dt_weight, "lengths": lengths,
    }  # fmt: skip
    chosen = _check("bi_selective_scan", x, tensors, "G", backend, check)
    if chosen == "cpu":
        from mambatrack.kernels.cpu.functions import bi_selective_scan as scan
    elif chosen == "triton":
        from mambatrack.kernels.gpu.operations import bi_selective_scan as scan
    elif chosen == "torch":
        from mambatrack.kernels.torch_scan import bi_selective_scan as scan
    else:
        from mambatrack.kernels.reference import bi_selective_scan as scan
    return scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, lengths, initial_state, return_final_state,
        dt_weight,
    )  # fmt: skip


def bi_conv_silu(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    lengths: Tensor | None = None,
    backend: str = "auto",
    check: bool = False,
) -> Tensor:
    """Depthwise convolution over the tokens already read, then SiLU, for both directions.

    x: [B, L, D], read by both directions, or [2, B, L, D];  weight: [2, K, D], K from 1 to 16;
    bias: [2, D]. Tap K - 1 meets the token itself, tap K - 1 - j the one j tokens before it
    (direction 0) or after it (direction 1). lengths as in selective_scan. Returns [2, B, L, D] in
    the dtype of x; raises ValueError as selective_scan does.
    """
    tensors = {"x": x, "weight": weight, "bias": bias, "lengths": lengths}
    stacked = isinstance(x, Tensor) and x.dim() == 4
    axes = {"x": "GBLD" if stacked else "BLD", "weight": "GKD", "bias": "GD", "lengths": "B"}
    check_shapes(tensors, axes, {"G": 2}, {"K": 16})
    check_kinds(tensors, ("lengths",))
    check_values(tensors, {"lengths": (0, x.shape[-2])}, check)
    chosen = choose_backend(backend, x, weight, bias, operation="bi_conv_silu")
    if chosen == "triton":
        from mambatrack.kernels.gpu.convolution import bi_conv_silu as convolve
    elif chosen == "torch":
        from mambatrack.kernels.torch_scan import bi_conv_silu as convolve
    else:
        from mambatrack.kernels.reference import bi_conv_silu as convolve
    return convolve(x, weight, bias, lengths)


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
    backend: str = "auto",
    check: bool = False,
) -> Tensor:
    """One token of the scan for B rows; ``state``, a pool [S, D, N], is changed in place.

    x, dt, z: [B, D], or dt [B, R] with dt_weight [D, R];  A: [D, N];  B, C: [B, N]
    D, dt_bias: [D]
    slots: [B] int32 or int64, the place of each row in the pool, no place twice; without them row i
        has place i. On a GPU a slot outside the pool is left alone and its output is 0.
    Returns y [B, D] in the dtype of x. Gradients flow through y and through ``state``, which must
    not be a leaf that asks for one; raises ValueError as selective_scan does.
    """
    tensors: dict[str, Tensor | None] = {
        "x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
        "dt_weight": dt_weight, "state": state, "slots": slots,
    }  # fmt: skip
    axes = {
        "x": "BD", "dt": "BD" if dt_weight is None else "BR", "A": "DN", "B": "BN", "C": "BN",
        "D": "D", "z": "BD", "dt_bias": "D", "dt_weight": "DR", "slots": "B",
        "state": "BDN" if slots is None else "SDN",
    }  # fmt: skip
    check_shapes(tensors, axes)
    check_kinds(tensors, ("slots",))
    check_values(tensors, {"slots": (0, state.shape[0] - 1)}, check)
    floating = (x, dt, A, B, C, D, z, dt_bias, dt_weight, state)
    chosen = choose_backend(backend, *floating, operation="selective_state_update")
    if chosen == "cpu":
        from mambatrack.kernels.cpu.functions import selective_state_update as update
    elif chosen == "triton":
        from mambatrack.kernels.gpu.update import selective_state_update as update
    elif chosen == "torch":
        from mambatrack.kernels.torch_scan import selective_state_update as update
    else:
        from mambatrack.kernels.reference import selective_state_update as update
    return update(state, x, dt, A, B, C, D, z, dt_bias, dt_softplus, slots, dt_weight)


def _check(
    operation: str,
    x: Tensor,
    tensors: dict[str, Tensor | None],
    stack: str,
    backend: str,
    check: bool,
) -> str:
    """The backend for a scan whose arguments have passed."""
    axes = {
        "x": "BLD", "dt": "BLD" if tensors["dt_weight"] is None else "BLR", "A": "DN", "B": "BLN",
        "C": "BLN", "D": "D", "z": "BLD", "dt_bias": "D", "initial_state": "BDN", "dt_weight": "DR",
    }  # fmt: skip
    axes = {name: stack + each for name, each in axes.items()} | {"lengths": "B"}
    check_shapes(tensors, axes, {"G": 2} if stack else {})
    check_kinds(tensors, ("lengths",))
    check_values(tensors, {"lengths": (0, x.shape[-2])}, check)
    floating = (each for name, each in tensors.items() if name != "lengths")
    return choose_backend(backend, *floating, operation=operation)
