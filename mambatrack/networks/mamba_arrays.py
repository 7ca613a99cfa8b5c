"""mamba.MambaBlock and torch's LayerNorm in numpy, by the names of their weights."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels import arrays
from mambatrack.kernels.numpy_scan import Floats, silu
from mambatrack.networks.units import NORM_EPSILON

Scan = Callable[..., Floats]  # numpy_scan.gated_scan, or the same in C


def mamba_block(
    weights: Mapping[str, Floats],
    name: str,
    tokens: Floats,
    lengths: NDArray[np.int64] | None,
    reverse: bool,
    scan: Scan = arrays.gated_scan,
) -> Floats:
    """tokens [B, L, d_model], zero after ``lengths`` [B] where there are some -> the same shape."""
    x = silu(_convolve(weights, name, tokens @ weights[f"{name}.in_x.weight"].T, reverse))
    selected = x @ weights[f"{name}.select.weight"].T
    A = -np.exp(weights[f"{name}.A_log"])
    rank = selected.shape[2] - 2 * A.shape[1]
    dt, B, C = np.split(selected, [rank, rank + A.shape[1]], axis=2)
    y = scan(
        x, dt @ weights[f"{name}.dt.weight"].T, A, B, C, weights[f"{name}.D"],
        tokens @ weights[f"{name}.in_z.weight"].T, weights[f"{name}.dt.bias"], lengths, reverse,
    )  # fmt: skip
    out: Floats = y @ weights[f"{name}.out.weight"].T
    return out


def layer_norm(weights: Mapping[str, Floats], name: str, x: Floats) -> Floats:
    """Over the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt(np.square(centred).mean(-1, keepdims=True) + NORM_EPSILON)
    return centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _convolve(weights: Mapping[str, Floats], name: str, x: Floats, reverse: bool) -> Floats:
    """Depthwise over the tokens already read, as MambaBlock._convolve."""
    taps = weights[f"{name}.conv"]
    past, tokens = len(taps) - 1, x.shape[1]
    padded = np.pad(x, ((0, 0), (0, past) if reverse else (past, 0), (0, 0)))
    y = np.tile(weights[f"{name}.conv_bias"], (*x.shape[:2], 1))
    for k, tap in enumerate(taps):
        first = past - k if reverse else k
        y += padded[:, first : first + tokens] * tap
    return y
