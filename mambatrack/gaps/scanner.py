"""refill_model.RefillNetwork in numpy: a gap is filled rarely, and needs no torch for it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
NORM_EPSILON = 1e-5  # of torch.nn.LayerNorm


class RefillScanner:
    """weights: the state dict of the network as numpy arrays. KeyError where one is missing."""

    def __init__(self, weights: Mapping[str, Floats]):
        self._weights = weights
        blocks = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
        self._names = [f"blocks.{number}" for number in range(len(blocks))]
        needed = ("embed.weight", "head.2.bias", *(f"{name}.norm.bias" for name in self._names))
        for name in needed:
            weights[name]

    def __call__(self, tokens: Floats, lengths: NDArray[np.int64]) -> Floats:
        """tokens [B, L, K], zero after ``lengths`` [B] -> [B, L, 8], see RefillNetwork.forward."""
        valid = (np.arange(tokens.shape[1]) < lengths[:, None])[..., None]
        hidden = self._linear("embed", tokens)
        for name in self._names:
            x = self._norm(f"{name}.norm", hidden) * valid
            y = self._branch(f"{name}.left_to_right", x, valid)
            flipped = self._branch(f"{name}.right_to_left", x[:, ::-1], valid[:, ::-1])
            hidden = hidden + y + flipped[:, ::-1]
        return self._linear("head.2", _gelu(self._linear("head.0", self._norm("norm", hidden))))

    def _branch(self, name: str, tokens: Floats, valid: NDArray[np.bool_]) -> Floats:
        """A MambaBlock from left to right, [B, L, d_model] -> [B, L, d_model]."""
        weights = self._weights
        x = _silu(self._convolve(name, tokens @ weights[f"{name}.in_x.weight"].T))
        selected = x @ weights[f"{name}.select.weight"].T
        A = -np.exp(weights[f"{name}.A_log"])
        rank = selected.shape[2] - 2 * A.shape[1]
        dt, B, C = np.split(selected, [rank, rank + A.shape[1]], axis=2)
        dt = np.logaddexp(0, self._linear(f"{name}.dt", dt)).astype(np.float32) * valid
        y = _scan(x, dt, A, B, C) + weights[f"{name}.D"] * x
        y *= _silu(tokens @ weights[f"{name}.in_z.weight"].T)
        out: Floats = y @ weights[f"{name}.out.weight"].T
        return out

    def _convolve(self, name: str, x: Floats) -> Floats:
        taps = self._weights[f"{name}.conv"]
        padded = np.pad(x, ((0, 0), (len(taps) - 1, 0), (0, 0)))
        y = np.tile(self._weights[f"{name}.conv_bias"], (*x.shape[:2], 1))
        for k, tap in enumerate(taps):
            y += padded[:, k : k + x.shape[1]] * tap
        return y

    def _norm(self, name: str, x: Floats) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(-1, keepdims=True) + NORM_EPSILON)
        return centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _linear(self, name: str, x: Floats) -> Floats:
        y: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return y


def _scan(x: Floats, dt: Floats, A: Floats, B: Floats, C: Floats) -> Floats:
    """kernels/reference.py's recurrence without its gates: x, dt [B, L, D], A [D, N], B, C
    [B, L, N] -> [B, L, D]."""
    y, inflow = np.empty_like(x), dt * x
    state = np.zeros((len(x), *A.shape), np.float32)
    for t in range(x.shape[1]):
        state *= np.exp(dt[:, t, :, None] * A)
        state += inflow[:, t, :, None] * B[:, t, None]
        y[:, t] = (state @ C[:, t, :, None])[..., 0]
    return y


def _silu(x: Floats) -> Floats:
    return x / (1 + np.exp(-x))


def _gelu(x: Floats) -> Floats:
    from scipy.special import erf

    y: Floats = 0.5 * x * (1 + erf(x * np.float32(0.5**0.5)))
    return y
