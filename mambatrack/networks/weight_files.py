"""The arrays of a .safetensors file, all of them finite and of a usual size; those in 8 bits are
restored, and a file within a file is inflated."""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.networks.eight_bits import STEPS, Stored, restored

LONGEST_FILE = 1 << 30  # bytes
LARGEST = 1e6  # of a weight; trained ones are below a thousand
LARGEST_DECAY = 50.0  # of A_log, whose exponential is taken
TYPES = {"F32": "<f4", "F16": "<f2", "I8": "<i1"}
DEFLATED = "deflated"  # the name of the one array of a file that holds another one, by zlib
LONGEST_INFLATED = 1 << 26  # bytes of that other one

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
    if (size := path.stat().st_size) > LONGEST_FILE:
        raise ValueError(f"weights of at most {LONGEST_FILE} bytes expected, got {size}")
    tensors = _tensors(path.read_bytes())
    if [name for name, _ in tensors] == [DEFLATED]:
        tensors = _tensors(_inflated(**tensors[0][1]))
    in_eight_bits = any(name == STEPS for name, _ in tensors)
    taken = tuple(TYPES) if in_eight_bits else ("F32", "F16") if half else ("F32",)
    return {name: _array(name, taken, **tensor) for name, tensor in tensors}


def deflated(content: bytes) -> bytes:
    """A .safetensors file that holds another one, ``content``, in fewer bytes: numbers that are
    frequent take less, and so do the names. What is too long to be read again is as it was."""
    from safetensors.numpy import save

    if len(content) > LONGEST_INFLATED:
        return content
    packer = zlib.compressobj(9, strategy=zlib.Z_FILTERED)
    packed = packer.compress(content) + packer.flush()
    return save({DEFLATED: np.frombuffer(packed, np.uint8)})


def _tensors(content: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Names, and shape, dtype and data of each. Raises as read_weights()."""
    from safetensors import deserialize

    tensors = deserialize(content)
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    json.loads(header, object_pairs_hook=unique)
    return tensors


def _inflated(shape: list[int], dtype: str, data: bytes) -> bytes:
    if dtype != "U8" or len(shape) != 1:
        raise ValueError(f"{DEFLATED}: bytes expected, got {dtype} {shape}")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, LONGEST_INFLATED)
    except zlib.error as error:
        raise ValueError(f"{DEFLATED}: its bytes are damaged: {error}") from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError(
            f"{DEFLATED}: bytes of one file of at most {LONGEST_INFLATED} expected, "
            "got more or fewer"
        )
    return content


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
