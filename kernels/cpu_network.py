"""The motion predictor in one call of the C library: numpy in and out, no torch.

The weights are those of mambatrack/mamba.py by name, packed once for the instruction set in use:
every width is padded to whole vectors with zeros, and matrices are cut into panels (cpu_gemm.h).
"""

import ctypes
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from math import ceil, log
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu import MAX_STATES, library

Floats = NDArray[np.float32]
LIMIT = 8.0  # MotionPredictor.limit
SHARE = 32  # tracks for which a thread of its own is worth it


class _Shape(ctypes.Structure):
    """struct Shape of cpu_network.h."""

    _names = ("inputs", "model", "width", "inner", "hidden", "rank", "states", "taps", "select",
              "layers", "directions")  # fmt: skip
    _fields_ = [
        *[(name, ctypes.c_int64) for name in _names],
        ("limit", ctypes.c_float),
        ("weights", ctypes.c_void_p),
    ]


class _Weights:
    """Looks weights up by name and packs them in the order that cpu_network.h reads them."""

    def __init__(self, state: Mapping[str, NDArray], lanes: int):
        self.state, self.lanes = state, lanes
        self.parts: list[Floats] = []

    def get(self, name: str, *shape: int) -> NDArray:
        """ValueError where the weight is missing or, a size of -1 being free, of another shape."""
        if name not in self.state:
            raise ValueError(f"the network's weight {name} is missing")
        found = np.asarray(self.state[name])
        fits = found.ndim == len(shape) and all(
            size in (-1, seen) for size, seen in zip(shape, found.shape, strict=True)
        )
        if not fits:
            raise ValueError(f"{name}: {list(shape)} expected, got {list(found.shape)}")
        return found

    def padded(self, size: int) -> int:
        return ceil(size / self.lanes) * self.lanes

    def pad(self, array: NDArray, rows: int | None = None) -> Floats:
        """[K, N] or [N], the last axis filled up with zeros to whole vectors, K to ``rows``."""
        array = np.atleast_2d(array)
        padded = np.zeros((rows or array.shape[0], self.padded(array.shape[1])), np.float32)
        padded[: array.shape[0], : array.shape[1]] = array
        return padded

    def plain(self, array: NDArray) -> None:
        self.parts.append(self.pad(array).ravel())

    def matrix(self, array: NDArray, rows: int | None = None) -> None:
        """[K, N] as panels of two vectors of columns and, where one is left, one of one."""
        padded = self.pad(array, rows)
        depth, panel = padded.shape[0], 2 * self.lanes
        whole = padded.shape[1] // panel * panel
        panels = padded[:, :whole].reshape(depth, -1, panel).transpose(1, 0, 2)
        self.parts += [panels.ravel(), padded[:, whole:].ravel()]

    def linear(self, name: str, outputs: int, inputs: int) -> None:
        """A torch.nn.Linear with its bias."""
        self.matrix(self.get(f"{name}.weight", outputs, inputs).T, self.padded(inputs))
        self.plain(self.get(f"{name}.bias", outputs))

    def packed(self) -> Floats:
        """Everything in one array that starts on a cache line."""
        packed = _aligned(sum(part.size for part in self.parts))
        np.concatenate(self.parts, out=packed)
        return packed


class _Network:
    """What the window and the causal network share: the weights, packed, and scratch memory."""

    def __init__(self, state: Mapping[str, NDArray], branches: tuple[str, ...]):
        self._library, self._given = library(), state
        weights = _Weights(state, self._library.lanes())
        shape = _measure(weights, branches)
        _pack(weights, shape, branches)
        self._weights = weights.packed()
        shape.weights = _address(self._weights)
        self._shape, self._at = shape, ctypes.addressof(shape)
        self._need: dict[int, int] = {}  # floats of scratch memory for a window
        self._scratch: list[Floats] = []  # one for each thread that has been inside a call

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._given,)  # addresses mean nothing in another process

    @contextmanager
    def _memory(self, window: int) -> Iterator[int]:
        """The address of scratch memory that no other call uses."""
        need = self._need.get(window)
        if need is None:
            need = self._need[window] = self._library.scratch_floats(self._at, window)
        memory = self._scratch.pop() if self._scratch else _aligned(need)
        if memory.size < need:
            memory = _aligned(need)
        try:
            yield _address(memory)
        finally:
            self._scratch.append(memory)


class WindowNetwork(_Network):
    """mamba.MotionPredictor: past offsets of many tracks -> the next offset of each.

    state: its state dict as numpy arrays (safetensors.numpy.load_file); all sizes are read from it.
    Raises ValueError where a weight is missing or does not fit, RuntimeError without the library.
    One thread, or as many as the environment variable MAMBATRACK_THREADS says where there are
    enough tracks; more are faster on idle cores only, and the worst frame is slower on busy ones.
    """

    def __init__(self, state: Mapping[str, NDArray]):
        super().__init__(state, ("left_to_right", "right_to_left"))

    def __call__(self, offsets: Floats, lengths: NDArray) -> Floats:
        """offsets [B, q, 4] of (cx, cy, w, h), oldest first, of which the first ``lengths`` [B]
        count -> next offset [B, 4], 0 of a track without any. See MotionPredictor.forward."""
        if offsets.ndim != 3 or offsets.shape[2] != 4 or offsets.dtype != np.float32:
            raise ValueError(f"offsets [B, q, 4] float32 expected, got {_is(offsets)}")
        batch, window = offsets.shape[:2]
        lengths = _integers("lengths", lengths, batch)
        offsets = np.ascontiguousarray(offsets)  # held here: only its address goes on
        out = np.empty((batch, 4), np.float32)
        places = _address(offsets), _address(lengths), _address(out)

        def run(first: int, end: int) -> int:
            at = (places[0] + first * window * 16, places[1] + first * 8, places[2] + first * 16)
            with self._memory(window) as memory:
                wrong: int = self._library.window_network(
                    self._at, memory, end - first, window, *at
                )
            return wrong if wrong < 0 else wrong + first

        wrong = _in_threads(run, batch)
        if wrong >= 0:
            raise ValueError(f"lengths: from 0 to {window} expected, got {lengths[wrong]}")
        return out


class CausalNetwork(_Network):
    """causal.CausalMotionPredictor.step: one more token of many tracks, the state in place.

    state: as for WindowNetwork. carried_size: floats of carried state per track, R; zeros before
    the first token. The layout is the library's own: for each block the last inputs of the
    convolution [d_conv - 1, d_inner], then the state of the scan [d_state, d_inner].
    """

    def __init__(self, state: Mapping[str, NDArray]):
        super().__init__(state, ("mamba",))
        shape = self._shape
        self.carried_size = shape.layers * (shape.taps - 1 + shape.states) * shape.inner

    def __call__(self, tokens: Floats, carried: Floats, rows: NDArray | None = None) -> Floats:
        """tokens [B, K], carried [M, R] with contiguous rows, changed in place -> offsets [B, 4].

        rows: [B] integers, the row of ``carried`` of each token, none of them twice; without it
        the first row is of the first token and so on."""
        inputs, size = self._shape.inputs, self.carried_size
        if tokens.ndim != 2 or tokens.shape[1] != inputs or tokens.dtype != np.float32:
            raise ValueError(f"tokens [B, {inputs}] float32 expected, got {_is(tokens)}")
        if carried.ndim != 2 or carried.shape[1] != size or carried.dtype != np.float32:
            raise ValueError(f"carried [M, {size}] float32 expected, got {_is(carried)}")
        stride, remainder = divmod(carried.strides[0], 4)
        if carried.strides[1] != 4 or remainder or not carried.flags.writeable:
            raise ValueError("carried: rows of contiguous floats, writeable, expected")
        count = len(tokens)
        rows = _integers("rows", np.arange(count) if rows is None else rows, count)
        tokens = np.ascontiguousarray(tokens)  # held here: only its address goes on
        out = np.empty((count, 4), np.float32)
        with self._memory(0) as memory:
            wrong = self._library.step_network(
                self._at, memory, count, _address(tokens), _address(rows), len(carried),
                _address(carried), stride, _address(out),
            )  # fmt: skip
        if wrong >= 0:
            raise ValueError(f"rows: from 0 to {len(carried) - 1} expected, got {rows[wrong]}")
        return out


def _measure(weights: _Weights, branches: tuple[str, ...]) -> _Shape:
    """The network's sizes, from its weights."""
    model, inputs = weights.get("embed.weight", -1, -1).shape
    block = f"blocks.0.{branches[0]}"
    inner, states = weights.get(f"{block}.A_log", -1, -1).shape
    if not 1 <= states <= MAX_STATES:
        raise ValueError(f"d_state from 1 to {MAX_STATES} expected, got {states}")
    rank = weights.get(f"{block}.dt.weight", inner, -1).shape[1]
    hidden = weights.get("blocks.0.mlp.0.bias", -1).shape[0]
    layers = 1 + max(int(name.split(".")[1]) for name in weights.state if name[:7] == "blocks.")
    return _Shape(
        inputs=inputs,
        model=model,
        width=weights.padded(model),
        inner=weights.padded(inner),
        hidden=weights.padded(hidden),
        rank=rank,
        states=states,
        taps=weights.get(f"{block}.conv", -1, inner).shape[0],
        select=weights.padded(rank + 2 * states),
        layers=layers,
        directions=len(branches),
        limit=LIMIT,
    )


def _pack(weights: _Weights, shape: _Shape, branches: tuple[str, ...]) -> None:
    """The weights in the order of cpu_network.h: layers (next_layer), head."""
    model = shape.model
    for i in range(shape.layers):
        _pack_layer(weights, shape, f"blocks.{i}", branches)
    weights.linear("head.0", model, model)
    weights.linear("head.2", 4, model)


def _pack_layer(weights: _Weights, shape: _Shape, name: str, branches: tuple[str, ...]) -> None:
    get, model = weights.get, shape.model
    inner = get(f"{name}.{branches[0]}.D", -1).shape[0]
    hidden = get(f"{name}.mlp.0.bias", -1).shape[0]
    inputs = [
        weights.pad(get(f"{name}.{branch}.{part}.weight", inner, model).T)
        for part in ("in_x", "in_z")
        for branch in branches
    ]
    matrix = np.concatenate(inputs, axis=1)
    if name == "blocks.0":
        embedding = np.vstack([get("embed.weight", model, -1).T, get("embed.bias", model)])
        folded = embedding.astype(np.float64) @ matrix.astype(np.float64)
        weights.matrix(folded[:-1])
        weights.plain(folded[-1])
    else:
        weights.matrix(matrix, shape.width)
    for branch in branches:
        _pack_branch(weights, shape, f"{name}.{branch}", inner)
    outputs = [
        weights.pad(get(f"{name}.{branch}.out.weight", model, inner).T, shape.inner)
        for branch in branches
    ]
    weights.matrix(np.concatenate(outputs))
    weights.linear(f"{name}.mlp.0", hidden, model)
    weights.linear(f"{name}.mlp.2", model, hidden)
    weights.plain(get(f"{name}.norm.weight", model))
    weights.plain(get(f"{name}.norm.bias", model))


def _pack_branch(weights: _Weights, shape: _Shape, name: str, inner: int) -> None:
    get, rank, states = weights.get, shape.rank, shape.states
    weights.plain(get(f"{name}.conv", shape.taps, inner))
    weights.plain(get(f"{name}.conv_bias", inner))
    weights.matrix(get(f"{name}.select.weight", rank + 2 * states, inner).T, shape.inner)
    weights.plain(get(f"{name}.dt.weight", inner, rank).T)
    weights.plain(get(f"{name}.dt.bias", inner))
    rates = -np.exp(get(f"{name}.A_log", inner, states).astype(np.float64)) / log(2)
    weights.plain(rates.T)
    weights.plain(get(f"{name}.D", inner))


def _in_threads(run: Callable[[int, int], int], count: int) -> int:
    """run(first, end) over parts of 0 to ``count``; -1, or a result that is not negative."""
    asked = os.environ.get("MAMBATRACK_THREADS", "") or "1"
    if not asked.isdecimal() or asked == "0":
        raise ValueError(f"MAMBATRACK_THREADS: a number from 1 on expected, got {asked!r}")
    parts = min(int(asked), count // SHARE)
    if parts < 2:
        return run(0, count)
    bounds = [count * i // parts for i in range(parts + 1)]
    others = [_pool().submit(run, *bounds[i : i + 2]) for i in range(1, parts)]
    results = [run(*bounds[:2]), *(other.result() for other in others)]
    return max(results)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count())


def _aligned(count: int) -> Floats:
    """An uninitialised array that starts on a cache line."""
    memory = np.empty(count + 16, np.float32)
    skip = -_address(memory) % 64 // 4
    return memory[skip : skip + count]


def _address(array: NDArray) -> int:
    """Where its first number lies."""
    try:
        # takes half the time of the other way
        return ctypes.addressof(ctypes.c_char.from_buffer(cast(Any, array)))
    except (TypeError, ValueError):  # read-only, empty or strided
        address: int = array.__array_interface__["data"][0]
        return address


def _is(array: NDArray) -> str:
    return f"{list(array.shape)} {array.dtype}"


def _integers(name: str, values: NDArray, count: int) -> NDArray[np.int64]:
    """values [count], contiguous; ValueError where they are not integers."""
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise ValueError(f"{name}: [{count}] integers expected, got {_is(values)}")
    return np.ascontiguousarray(values, np.int64)
