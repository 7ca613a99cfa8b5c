"""Convolutions of pictures [B, H, W, C] in numpy, by the names of their weights."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mambatrack.kernels.numpy_scan import Floats

Weights = Mapping[str, Floats]


class Taps(NamedTuple):
    """A depthwise convolution: weight [K, K, C] and bias [C]."""

    weight: Floats
    bias: Floats


class ArrayLayers:
    """weights: backbone.folded_weights as numpy arrays, those below ``prefix``."""

    def __init__(self, weights: Weights, prefix: str = ""):
        self._weights, self._prefix = weights, prefix
        self._matrices = {
            name.removeprefix(prefix).removesuffix(".weight"): _as_matrix(each)
            for name, each in weights.items()
            if name.startswith(prefix) and each.ndim == 4 and each.shape[1] > 1
        }

    def product(self, name: str, x: Floats) -> Floats:
        """A convolution of size 1, or of patches."""
        matrix = self._matrices[name]
        y = x.reshape(-1, len(matrix)) @ matrix
        y += self._weights[f"{self._prefix}{name}.bias"]
        return y.reshape(*x.shape[:3], -1)

    def taps(self, name: str) -> Taps:
        """A depthwise convolution, as a copy."""
        weight = self._weights[f"{self._prefix}{name}.weight"][:, 0].transpose(1, 2, 0)
        return Taps(np.array(weight, order="C"), self._weights[f"{self._prefix}{name}.bias"])


def rectified(x: Floats) -> Floats:
    """The same array, without what is below 0."""
    return np.maximum(x, np.float32(0), out=x)


def _as_matrix(weight: Floats) -> Floats:
    """[O, C, K, K] -> [K * K * C, O]."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]))
