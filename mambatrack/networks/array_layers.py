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


def patches(x: Floats, size: int, stride: int) -> Floats:
    """[B, H, W, C] -> the surroundings of every ``stride``-th place [B, ., ., size * size * C],
    zeros outside of the picture."""
    batch, rows, columns, channels = x.shape
    around = size // 2
    padded = np.zeros((batch, rows + 2 * around, columns + 2 * around, channels), np.float32)
    padded[:, around : around + rows, around : around + columns] = x
    high, wide = -(-rows // stride), -(-columns // stride)
    found = np.empty((batch, high, wide, size, size * channels), np.float32)
    strides = padded.strides
    for row in range(size):
        runs = np.lib.stride_tricks.as_strided(
            padded[:, row:],
            (batch, high, wide, size * channels),
            (strides[0], strides[1] * stride, strides[2] * stride, strides[3]),
        )
        found[:, :, :, row] = runs
    return found.reshape(batch, high, wide, -1)


def rectified(x: Floats) -> Floats:
    """The same array, without what is below 0."""
    return np.maximum(x, np.float32(0), out=x)


def _as_matrix(weight: Floats) -> Floats:
    """[O, C, K, K] -> [K * K * C, O]."""
    return np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0]))
