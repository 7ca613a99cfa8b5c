"""The weights of a network in 8 bits: a quarter of the bytes under the same names.

A matrix, or an array of more axes, is stored as int8, with a step for each of its rows, which are a
layer's outputs: a weight is its number times the step of its row. The taps of a scan's convolution
are stored turned, so that their rows are channels too. The steps of all, in the order of their
names, are one array of 16 bits. Vectors are stored in 16 bits where these hold them, else in 32.
The networks compute with the restored weights in 32 bits.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

STEPS = "steps"  # the name of all steps, [rows of all matrices]
TAPS = ".conv"  # how the names of a convolution's taps end
MOST = 127  # of a stored number
HALF_ERROR = 2**-10  # of a vector in 16 bits, as a share of each number
HALF_NOTHING = 1e-7  # what 16 bits take for 0

Stored = dict[str, NDArray]


def in_eight_bits(
    weights: Mapping[str, NDArray[np.float32]],
    chosen: Mapping[str, NDArray[np.float16]] | None = None,
) -> Stored:
    """The arrays that are stored for these weights. chosen: steps [rows] of matrices by name, each
    at least as long as the shortest that serves; the shortest for the others."""
    matrices = sorted(name for name, each in weights.items() if each.ndim >= 2)
    stored = {name: _short(each) for name, each in weights.items() if name not in matrices}
    turned = [_by_channel(name, weights[name]) for name in matrices]
    steps = [
        chosen[name] if chosen and name in chosen else shortest_steps(matrix)
        for name, matrix in zip(matrices, turned, strict=True)
    ]
    for name, matrix, own in zip(matrices, turned, steps, strict=True):
        stored[name] = np.rint(matrix / _along(own, matrix)).astype(np.int8)
    return stored | {STEPS: np.concatenate([*steps, np.zeros(0, np.float16)])}


def restored(stored: Mapping[str, NDArray]) -> Stored:
    """The weights of stored arrays: all float32. Raises ValueError where the steps do not fit."""
    weights = {name: each.astype(np.float32) for name, each in stored.items() if name != STEPS}
    for name, (numbers, steps) in matrices_of(stored).items():
        weights[name] = _by_channel(name, numbers * _along(steps, numbers))
    return weights


def matrices_of(stored: Mapping[str, NDArray]) -> dict[str, tuple[NDArray, NDArray]]:
    """The matrices in 8 bits by name: numbers [R, ...] int8, steps [R] float32. Raises ValueError
    where the steps do not fit."""
    matrices = sorted(name for name, each in stored.items() if each.dtype == np.int8)
    for name in matrices:
        if stored[name].ndim < 2:
            shape = list(stored[name].shape)
            raise ValueError(f"{name[:80]}: a matrix expected in 8 bits, got {shape}")
    ends = np.cumsum([0, *(len(stored[name]) for name in matrices)])
    steps = stored[STEPS].astype(np.float32)
    if steps.shape != (ends[-1],):
        raise ValueError(f"{STEPS}: [{ends[-1]}] expected, got {list(steps.shape)}")
    return {
        name: (stored[name], steps[first:end])
        for name, first, end in zip(matrices, ends, ends[1:], strict=False)
    }


def _along(steps: NDArray, matrix: NDArray) -> NDArray:
    """[R] as [R, 1, ...], for each row of the matrix."""
    return steps.reshape(-1, *[1] * (matrix.ndim - 1))


def _by_channel(name: str, matrix: NDArray) -> NDArray:
    """Taps [K, channels] as they are stored, and stored ones as they were; others as they are."""
    return np.ascontiguousarray(matrix.T) if name.endswith(TAPS) else matrix


def shortest_steps(matrix: NDArray[np.float32]) -> NDArray[np.float16]:
    """[rows], the least for which MOST of them reach every number of the row."""
    least = np.abs(matrix).max(axis=tuple(range(1, matrix.ndim)), initial=0) / MOST
    steps = least.astype(np.float16)
    steps = np.where(steps < least, np.nextafter(steps, np.float16(np.inf)), steps)
    return np.maximum(steps, np.finfo(np.float16).smallest_subnormal)


def _short(vector: NDArray[np.float32]) -> NDArray:
    with np.errstate(over="ignore"):
        half = vector.astype(np.float16)
    close = np.allclose(half.astype(np.float32), vector, HALF_ERROR, HALF_NOTHING)
    return half if close else vector
