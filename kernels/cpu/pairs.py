"""The pair network of the learned association in one call of the C library: numpy in and out."""

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, Weights, address, aligned, check_fit, contiguous
from mambatrack.kernels.weight_shapes import check_shapes, pair_shapes, pair_sizes_of

Sizes = tuple[int, int, int]


class PairShape(ctypes.Structure):
    """struct PairShape of pairs.h."""

    _fields_ = [
        *[
            (name, ctypes.c_int64)
            for name in ("features", "alone", "code", "wide", "width", "rounds")
        ],
        ("limit", ctypes.c_float),
        ("weights", ctypes.c_void_p),
        ("floats", ctypes.c_int64),
    ]


class PairsNetwork:
    """learning.association_network.PairNetwork without its encoder: every pair of a frame -> its
    log-odds.

    features, alone, code_size: numbers of a pair, of a detection, of a track's history
    state: its state dict as numpy arrays; all sizes are read from it. limit: of every normalised
    input. One thread. Raises ValueError where a weight is missing or does not fit, RuntimeError
    without the library.
    """

    def __init__(self, state: Mapping[str, NDArray], limit: float):
        self._library, self._given = library(), (state, limit)
        own = {name: each for name, each in state.items() if not name.startswith("encoder.")}
        self._shape, self._weights = _pack(Weights(own, self._library.lanes()))
        self._shape.limit = limit
        self.features, self.alone = self._shape.features, self._shape.alone
        self.code_size = self._shape.code
        self.at = ctypes.addressof(self._shape)
        self._scratch: list[tuple[Sizes, Floats]] = []  # one for each thread that was in a call

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses mean nothing in another process

    def __call__(
        self, features: Floats, tracks: NDArray, detections: NDArray, code: Floats, alone: Floats
    ) -> tuple[Floats, Floats]:
        """features [F, K] of pairs, their tracks [K] and detections [K], in any order; code [N, E]
        of each track, rows of contiguous floats; alone [A, M] of each detection -> log-odds of
        pairs [K] and of people [M]. A pair with a NaN has odds of NaN and no say in those of
        others."""
        shape = self._shape
        sizes = features.shape[-1], len(code), alone.shape[-1]
        features = _floats("features", features, shape.features, sizes[0])
        alone = _floats("alone", alone, shape.alone, sizes[2])
        tracks = _indices("tracks", tracks, sizes[0])
        detections = _indices("detections", detections, sizes[0])
        code, stride = _rows("code", code, shape.code)
        odds, people = np.empty(sizes[0], np.float32), np.empty(sizes[2], np.float32)
        room, memory = self._scratch.pop() if self._scratch else ((-1, -1, -1), alone)
        if room[0] < sizes[0] or room[1] < sizes[1] or room[2] < sizes[2]:
            room, memory = self._roomier(room, sizes)
        wrong = self._library.pair_network(
            self.at, address(memory), memory.size, *sizes, address(features), address(tracks),
            address(detections), address(code), stride, address(alone), address(odds),
            address(people),
        )  # fmt: skip
        self._scratch.append((room, memory))
        check_fit(wrong)
        if wrong >= 0:
            _refuse(wrong, sizes, tracks, detections)
        return odds, people

    def _roomier(self, room: Sizes, sizes: Sizes) -> tuple[Sizes, Floats]:
        """Scratch memory for more than is asked: the next frame may hold more of each."""
        pairs, tracks, detections = (
            max(old, 2 * new + 64) for old, new in zip(room, sizes, strict=True)
        )
        need = self._library.pair_scratch(self.at, pairs, tracks, detections)
        return (pairs, tracks, detections), aligned(need)


def _pack(weights: Weights) -> tuple[PairShape, Floats]:
    """The sizes, and the weights in the order of pair_weights in pairs.h."""
    sizes = pair_sizes_of(weights.state)
    check_shapes(weights.state, pair_shapes(sizes))
    get, wide, width = weights.get, weights.padded(sizes.wide), weights.padded(sizes.width)
    for name in ("feature", "alone"):
        weights.plain(get(f"{name}_mean"))
        weights.plain(get(f"{name}_scale"))
    weights.matrix(get("pair.weight").T)
    weights.plain(get("pair.bias"))
    weights.matrix(get("history.weight").T)
    weights.linear("reduce")
    for i in range(sizes.rounds):
        weights.linear(f"rounds.{i}.own")
        for side in ("track", "detection"):
            weights.matrix(get(f"rounds.{i}.{side}.weight").T, width)
    weights.linear("track")
    heard, seen = np.split(get("detection.weight").T, [sizes.width])
    weights.matrix(np.concatenate([weights.pad(heard, width), weights.pad(seen)]))
    weights.plain(get("detection.bias"))
    for name in OUTPUTS:
        weights.plain(get(f"{name}.weight"))
    weights.plain(np.concatenate([get(f"{name}.bias") for name in OUTPUTS]))
    packed = weights.packed()
    shape = PairShape(
        sizes.features, sizes.alone, sizes.code, wide, width, sizes.rounds,
        weights=address(packed), floats=packed.size,
    )  # fmt: skip
    return shape, packed


OUTPUTS = ("out", "track_out", "detection_out")


def _floats(name: str, array: NDArray, rows: int, columns: int) -> Floats:
    """The array, contiguous: only its address goes on."""
    if array.shape != (rows, columns) or array.dtype != np.float32:
        raise ValueError(
            f"{name}: [{rows}, .] float32 expected, got {list(array.shape)} {array.dtype}"
        )
    return contiguous(array)


def _indices(name: str, array: NDArray, count: int) -> NDArray[np.int64]:
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name}: [{count}] integers expected, got {list(array.shape)} {array.dtype}"
        )
    return contiguous(array, np.int64)


def _rows(name: str, array: NDArray, columns: int) -> tuple[Floats, int]:
    """The array, its rows contiguous, and the floats from one to the next."""
    if array.ndim != 2 or array.shape[1] != columns or array.dtype != np.float32:
        raise ValueError(
            f"{name}: [., {columns}] float32 expected, got {list(array.shape)} {array.dtype}"
        )
    stride, remainder = divmod(array.strides[0], 4)
    if array.strides[1] == 4 and not remainder and array.flags.aligned:
        return array, stride
    return contiguous(array), columns


def _refuse(wrong: int, sizes: Sizes, tracks: NDArray, detections: NDArray) -> None:
    pairs, *counts = sizes
    side, at = divmod(wrong, pairs)
    name, of = (("tracks", tracks), ("detections", detections))[side]
    raise ValueError(f"{name}: from 0 to {counts[side] - 1} expected, got {of[at]}")
