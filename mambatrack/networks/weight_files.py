"""The arrays of a .safetensors file, all of them finite and of a usual size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_FILE = 1 << 30  # bytes
LARGEST = 1e6  # of a weight; trained ones are below a thousand
LARGEST_DECAY = 50.0  # of A_log, whose exponential is taken

Weights = dict[str, NDArray[np.float32]]


def read_weights(path: Path, half: bool = False) -> Weights:
    """By name; half: numbers of 16 bits are taken too. Raises ValueError or SafetensorError for
    what is no such file, for another type of numbers, and for numbers that no network of ours
    has."""
    from safetensors import deserialize

    if (size := path.stat().st_size) > LONGEST_FILE:
        raise ValueError(f"weights of at most {LONGEST_FILE} bytes expected, got {size}")
    content = path.read_bytes()
    tensors = deserialize(content)
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    json.loads(header, object_pairs_hook=unique)
    return {name: _floats(name, half, **tensor) for name, tensor in tensors}


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON as a dictionary; ValueError where a name is given twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} is given twice")
    return found


def _floats(
    name: str, half: bool, shape: list[int], dtype: str, data: bytes
) -> NDArray[np.float32]:
    kinds = {"F32": "<f4", "F16": "<f2"} if half else {"F32": "<f4"}
    if dtype not in kinds:
        raise ValueError(f"{name[:80]}: numbers of type {' or '.join(kinds)} expected, got {dtype}")
    array = np.array(np.frombuffer(data, kinds[dtype]), np.float32).reshape(shape)
    most = LARGEST_DECAY if name.endswith("A_log") else LARGEST
    largest = np.abs(array).max(initial=0)
    if not largest <= most:  # so is NaN
        raise ValueError(
            f"{name[:80]}: finite numbers of at most {most:g} expected, got {largest:g}"
        )
    return array
