"""The arrays of a .safetensors file, all of them finite and of a usual size; those in 8 bits are
restored."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.networks.eight_bits import STEPS, Stored, restored

LONGEST_FILE = 1 << 30  # bytes
LARGEST = 1e6  # of a weight; trained ones are below a thousand
LARGEST_DECAY = 50.0  # of A_log, whose exponential is taken
TYPES = {"F32": "<f4", "F16": "<f2", "I8": "<i1"}

Weights = dict[str, NDArray[np.float32]]


def read_weights(path: Path, half: bool = False) -> Weights:
    """By name; half: numbers of 16 bits are taken too. Raises ValueError or SafetensorError for
    what is no such file, for another type of numbers, and for numbers that no network of ours
    has."""
    arrays = read_stored(path, half)
    if STEPS in arrays:
        _check_usual(STEPS, arrays[STEPS])
        arrays = restored(arrays)
    for name, array in arrays.items():
        _check_usual(name, array)
    return {name: np.array(array, np.float32) for name, array in arrays.items()}


def read_stored(path: Path, half: bool = False) -> Stored:
    """The arrays as they are stored, those in 8 bits with their steps; raises as read_weights()."""
    from safetensors import deserialize

    if (size := path.stat().st_size) > LONGEST_FILE:
        raise ValueError(f"weights of at most {LONGEST_FILE} bytes expected, got {size}")
    content = path.read_bytes()
    tensors = deserialize(content)
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    json.loads(header, object_pairs_hook=unique)
    in_eight_bits = any(name == STEPS for name, _ in tensors)
    taken = tuple(TYPES) if in_eight_bits else ("F32", "F16") if half else ("F32",)
    return {name: _array(name, taken, **tensor) for name, tensor in tensors}


def _check_usual(name: str, array: NDArray) -> None:
    """ValueError for numbers that no network of ours has."""
    most = LARGEST_DECAY if name.endswith("A_log") else LARGEST
    largest = float(np.abs(array).max(initial=0))
    if not largest <= most:  # so is NaN
        raise ValueError(
            f"{name[:80]}: finite numbers of at most {most:g} expected, got {largest:g}"
        )


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON as a dictionary; ValueError where a name is given twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} is given twice")
    return found


def _array(name: str, taken: tuple[str, ...], shape: list[int], dtype: str, data: bytes) -> NDArray:
    if dtype not in taken:
        raise ValueError(f"{name[:80]}: numbers of type {' or '.join(taken)} expected, got {dtype}")
    return np.frombuffer(data, TYPES[dtype]).reshape(shape)
