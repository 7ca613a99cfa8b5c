"""The weights of mambatrack's networks in the order and layout that network.h reads.

Every width is padded to whole vectors with zeros, and matrices are cut into panels (gemm.h).
"""

import ctypes
from collections.abc import Mapping, Sequence
from math import ceil, log
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import MAX_STATES

Floats = NDArray[np.float32]


class Shape(ctypes.Structure):
    """struct Shape of network.h."""

    _names = ("inputs", "model", "width", "inner", "hidden", "rank", "states", "taps", "select",
              "layers", "directions", "back", "first", "outputs")  # fmt: skip
    _fields_ = [
        *[(name, ctypes.c_int64) for name in _names],
        ("limit", ctypes.c_float),
        ("weights", ctypes.c_void_p),
    ]


class Weights:
    """Looks weights up by name and packs them in the order that network.h reads them."""

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
        packed = aligned(sum(part.size for part in self.parts))
        np.concatenate(self.parts, out=packed)
        return packed


def pack(
    state: Mapping[str, NDArray],
    branches: tuple[str, ...],
    lanes: int,
    limit: float,
    back: int = 0,
) -> tuple[Shape, Floats]:
    """The sizes and the packed weights of a network whose blocks have these branches, which takes
    inputs up to ``limit`` and looks back over ``back`` tokens.

    Raises ValueError where a weight is missing or does not fit."""
    weights = Weights(state, lanes)
    shape = _measure(weights, branches, limit)
    shape.back, shape.first = back, shape.inputs + (shape.inner if back else 0)
    _pack(weights, shape, branches)
    packed = weights.packed()
    shape.weights = address(packed)
    return shape, packed


def _measure(weights: Weights, branches: tuple[str, ...], limit: float) -> Shape:
    """The network's sizes, from its weights, and its limit."""
    model, inputs = weights.get("embed.weight", -1, -1).shape
    block = f"blocks.0.{branches[0]}"
    inner, states = weights.get(f"{block}.A_log", -1, -1).shape
    if not 1 <= states <= MAX_STATES:
        raise ValueError(f"d_state from 1 to {MAX_STATES} expected, got {states}")
    rank = weights.get(f"{block}.dt.weight", inner, -1).shape[1]
    hidden = weights.get("blocks.0.mlp.0.bias", -1).shape[0]
    layers = 1 + max(int(name.split(".")[1]) for name in weights.state if name[:7] == "blocks.")
    return Shape(
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
        outputs=weights.get("head.2.bias", -1).shape[0],
        limit=limit,
    )


def _pack(weights: Weights, shape: Shape, branches: tuple[str, ...]) -> None:
    """The weights in the order of the C sources: look_back, layers (next_layer), head."""
    model = shape.model
    if shape.back:
        inner = weights.get("right_to_left.D", -1).shape[0]
        _embedded(weights, shape, _inputs(weights, shape, ("right_to_left",), inner))
        _pack_branch(weights, shape, "right_to_left", inner)
    for i in range(shape.layers):
        _pack_layer(weights, shape, f"blocks.{i}", branches)
    weights.linear("head.0", model, model)
    weights.linear("head.2", shape.outputs, model)


def _pack_layer(weights: Weights, shape: Shape, name: str, branches: tuple[str, ...]) -> None:
    get, model = weights.get, shape.model
    inner = get(f"{name}.{branches[0]}.D", -1).shape[0]
    hidden = get(f"{name}.mlp.0.bias", -1).shape[0]
    matrix = _inputs(weights, shape, [f"{name}.{branch}" for branch in branches], inner)
    if name == "blocks.0":
        _embedded(weights, shape, matrix, bool(shape.back))
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


def _inputs(weights: Weights, shape: Shape, branches: Sequence[str], inner: int) -> Floats:
    """[model, ...] the input projections of all branches, then their gates."""
    names = [f"{branch}.{part}.weight" for part in ("in_x", "in_z") for branch in branches]
    parts = [weights.pad(weights.get(name, inner, shape.model).T) for name in names]
    return np.concatenate(parts, axis=1)


def _embedded(weights: Weights, shape: Shape, matrix: Floats, look_back: bool = False) -> None:
    """The projection of a token [inputs] with the embedding folded in, and its bias; with
    ``look_back`` the token is followed by what is scanned there [inner]."""
    before = [weights.get("embed.weight", shape.model, -1).T]
    if look_back:
        out = weights.get("right_to_left.out.weight", shape.model, -1).T
        before.append(weights.pad(out, shape.inner)[:, : shape.model])
    before.append(weights.get("embed.bias", shape.model)[None])
    folded = np.vstack(before).astype(np.float64) @ matrix.astype(np.float64)
    weights.matrix(folded[:-1])
    weights.plain(folded[-1])


def _pack_branch(weights: Weights, shape: Shape, name: str, inner: int) -> None:
    get, rank, states = weights.get, shape.rank, shape.states
    weights.plain(get(f"{name}.conv", shape.taps, inner))
    weights.plain(get(f"{name}.conv_bias", inner))
    weights.matrix(get(f"{name}.select.weight", rank + 2 * states, inner).T, shape.inner)
    weights.plain(get(f"{name}.dt.weight", inner, rank).T)
    weights.plain(get(f"{name}.dt.bias", inner))
    rates = -np.exp(get(f"{name}.A_log", inner, states).astype(np.float64)) / log(2)
    weights.plain(rates.T)
    weights.plain(get(f"{name}.D", inner))


def aligned(count: int) -> Floats:
    """An uninitialised array that starts on a cache line."""
    memory = np.empty(count + 16, np.float32)
    skip = -address(memory) % 64 // 4
    return memory[skip : skip + count]


def address(array: NDArray) -> int:
    """Where its first number lies."""
    try:
        # takes half the time of the other way
        return ctypes.addressof(ctypes.c_char.from_buffer(cast(Any, array)))
    except (TypeError, ValueError):  # read-only, empty or strided
        address: int = array.__array_interface__["data"][0]
        return address
