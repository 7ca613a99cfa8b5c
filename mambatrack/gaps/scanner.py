"""learning.gap_network in numpy: a gap is filled rarely, and needs no torch for it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.numpy_scan import Floats, selective_scan, silu
from mambatrack.networks.units import NORM_EPSILON


class RefillScanner:
    """weights: the state dict of the network as numpy arrays, all of them there."""

    def __init__(self, weights: Mapping[str, Floats]):
        self._weights = weights
        blocks = {name.split(".")[1] for name in weights if name.startswith("blocks.")}
        self._names = [f"blocks.{number}" for number in range(len(blocks))]

    def __call__(self, tokens: Floats, lengths: NDArray[np.int64]) -> Floats:
        """tokens [B, L, K], zero after ``lengths`` [B] -> [B, L, 8], see RefillNetwork.forward."""
        valid = (np.arange(tokens.shape[1]) < lengths[:, None])[..., None]
        hidden = self._linear("embed", tokens)
        for name in self._names:
            x = self._norm(f"{name}.norm", hidden) * valid
            hidden = hidden + self._branch(f"{name}.left_to_right", x, lengths, False)
            hidden = hidden + self._branch(f"{name}.right_to_left", x, lengths, True)
        return self._linear("head.2", _gelu(self._linear("head.0", self._norm("norm", hidden))))

    def _branch(
        self, name: str, tokens: Floats, lengths: NDArray[np.int64], reverse: bool
    ) -> Floats:
        """A MambaBlock, [B, L, d_model] -> [B, L, d_model]."""
        weights = self._weights
        x = silu(self._convolve(name, tokens @ weights[f"{name}.in_x.weight"].T, reverse))
        selected = x @ weights[f"{name}.select.weight"].T
        A = -np.exp(weights[f"{name}.A_log"])
        rank = selected.shape[2] - 2 * A.shape[1]
        dt, B, C = np.split(selected, [rank, rank + A.shape[1]], axis=2)
        y = selective_scan(
            x, dt, A, B, C, weights[f"{name}.D"], z=tokens @ weights[f"{name}.in_z.weight"].T,
            dt_bias=weights[f"{name}.dt.bias"], dt_softplus=True, lengths=lengths, reverse=reverse,
            dt_weight=weights[f"{name}.dt.weight"],
        )  # fmt: skip
        assert isinstance(y, np.ndarray)
        out: Floats = y @ weights[f"{name}.out.weight"].T
        return out

    def _convolve(self, name: str, x: Floats, reverse: bool) -> Floats:
        """Depthwise over the tokens already read, as MambaBlock._convolve."""
        taps = self._weights[f"{name}.conv"]
        past, tokens = len(taps) - 1, x.shape[1]
        padded = np.pad(x, ((0, 0), (0, past) if reverse else (past, 0), (0, 0)))
        y = np.tile(self._weights[f"{name}.conv_bias"], (*x.shape[:2], 1))
        for k, tap in enumerate(taps):
            first = past - k if reverse else k
            y += padded[:, first : first + tokens] * tap
        return y

    def _norm(self, name: str, x: Floats) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        scale = np.sqrt(np.square(centred).mean(-1, keepdims=True) + NORM_EPSILON)
        return centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _linear(self, name: str, x: Floats) -> Floats:
        y: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return y


def _gelu(x: Floats) -> Floats:
    from scipy.special import erf

    y: Floats = 0.5 * x * (1 + erf(x * np.float32(0.5**0.5)))
    return y
