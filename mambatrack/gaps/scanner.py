"""learning.gap_network in numpy: a gap is filled rarely, and needs no torch for it."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.numpy_scan import Floats, gated_scan
from mambatrack.networks.mamba_arrays import layer_norm, mamba_block


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
            x = layer_norm(self._weights, f"{name}.norm", hidden) * valid
            for side, reverse in (("left_to_right", False), ("right_to_left", True)):
                branch = f"{name}.{side}"
                hidden = hidden + mamba_block(
                    self._weights, branch, x, lengths, reverse, gated_scan
                )
        hidden = layer_norm(self._weights, "norm", hidden)
        return self._linear("head.2", _gelu(self._linear("head.0", hidden)))

    def _linear(self, name: str, x: Floats) -> Floats:
        y: Floats = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return y


def _gelu(x: Floats) -> Floats:
    from scipy.special import erf

    y: Floats = 0.5 * x * (1 + erf(x * np.float32(0.5**0.5)))
    return y
