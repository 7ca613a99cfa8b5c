"""The selective scan in numpy, float32, for what runs without torch. See reference.py for the
equations and the letters."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def selective_scan(
    x: Floats,
    dt: Floats,
    A: Floats,
    B: Floats,
    C: Floats,
    D: Floats | None = None,
    z: Floats | None = None,
    dt_bias: Floats | None = None,
    dt_softplus: bool = False,
    lengths: NDArray[np.int64] | None = None,
    initial_state: Floats | None = None,
    return_final_state: bool = False,
    reverse: bool = False,
    dt_weight: Floats | None = None,
) -> Floats | tuple[Floats, Floats]:
    """See mambatrack.kernels.selective_scan; arrays instead of tensors, nothing is checked."""
    valid = None
    if lengths is not None:
        valid = (np.arange(x.shape[1]) < lengths[:, None])[..., None]
        x, dt, B, C = (np.where(valid, each, np.float32(0)) for each in (x, dt, B, C))
    dt = _step_size(dt, dt_bias, dt_softplus, dt_weight)
    dt = dt if valid is None else dt * valid
    state = np.zeros((len(x), *A.shape), np.float32)
    if initial_state is not None:
        state += initial_state
    y, inflow = np.empty_like(x), dt * x
    for t in range(x.shape[1])[:: -1 if reverse else 1]:
        state *= np.exp(dt[:, t, :, None] * A)
        state += inflow[:, t, :, None] * B[:, t, None]
        y[:, t] = (state @ C[:, t, :, None])[..., 0]
    y = y if D is None else y + D * x
    if z is not None:
        y = y * silu(z if valid is None else np.where(valid, z, np.float32(0)))
    return (y, state) if return_final_state else y


def gated_scan(
    x: Floats, dt: Floats, A: Floats, B: Floats, C: Floats, D: Floats, z: Floats, dt_bias: Floats,
    lengths: NDArray[np.int64] | None = None, reverse: bool = False,
) -> Floats:  # fmt: skip
    """selective_scan with a gate, a skip, and softplus of the step sizes."""
    y = selective_scan(x, dt, A, B, C, D, z, dt_bias, True, lengths=lengths, reverse=reverse)
    assert isinstance(y, np.ndarray)
    return y


def silu(x: Floats) -> Floats:
    """x times the logistic function of x."""
    return x / (1 + np.exp(-x))


def _step_size(
    dt: Floats, dt_bias: Floats | None, dt_softplus: bool, dt_weight: Floats | None
) -> Floats:
    """As reference.step_size."""
    if dt_weight is not None:
        dt = dt @ dt_weight.T
    if dt_bias is not None:
        dt = dt + dt_bias
    return np.logaddexp(np.float32(0), dt) if dt_softplus else dt
