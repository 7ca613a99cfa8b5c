"""The surroundings of places of pictures side by side, in numpy, float32."""

import numpy as np

from mambatrack.kernels.numpy_scan import Floats


def patches(x: Floats, size: int, stride: int) -> Floats:
    """[B, H, W, C] -> the surroundings of every ``stride``-th place [B, ., ., size * size * C],
    zeros outside of the picture; K = size is odd."""
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
