"""A convolution of each channel by itself in numpy, float32."""

import numpy as np

from mambatrack.kernels.numpy_scan import Floats


def depthwise(x: Floats, weight: Floats, bias: Floats, stride: int = 1) -> Floats:
    """x [B, H, W, C], weight [K, K, C] with K odd, bias [C] -> [B, ., ., C], a place for every
    ``stride``-th one; zeros are around the picture."""
    batch, rows, columns, channels = x.shape
    size, around = len(weight), len(weight) // 2
    padded = np.zeros((batch, rows + 2 * around, columns + 2 * around, channels), np.float32)
    padded[:, around : around + rows, around : around + columns] = x
    y = np.zeros((batch, -(-rows // stride), -(-columns // stride), channels), np.float32) + bias
    for row in range(size):
        for column in range(size):
            seen = padded[:, row : row + rows : stride, column : column + columns : stride]
            y += seen * weight[row, column]
    return y
