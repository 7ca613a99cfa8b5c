"""The weights of mambatrack's networks in the order and layout that network.h reads.

Every width is padded to whole vectors with zeros, and matrices are cut into panels (gemm.h).

Exponentials are cheapest as powers of two. So the arguments of SiLU and softplus are scaled by
log2(e) here, in the weights that they come from, and the results back by ln 2 in the weights that
they go to: u / ln 2 is what C has of the scan's input u, z / ln 2 of the gate z, dt / ln 2 of the
step size. States of the scan and inputs of the convolution are as they were.
"""

import ctypes
from collections.abc import Mapping, Sequence
from math import ceil, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import MISFIT
from mambatrack.kernels.weight_shapes import Sizes, check_shapes, motion_shapes, sizes_of

Floats = NDArray[np.float32]
LN_2 = log(2)


class Shape(ctypes.Structure):
    """struct Shape of network.h."""

    _names = ("inputs", "model", "width", "inner", "hidden", "rank", "states", "taps", "select",
              "layers", "directions", "back", "first", "outputs")  # fmt: skip
    _fields_ = [
        *[(name, ctypes.c_int64) for name in _names],
        ("limit", ctypes.c_float),
        ("weights", ctypes.c_void_p),
        ("floats", ctypes.c_int64),
    ]


class Weights:
    """Packs weights by name, in the order that network.h reads them."""

    def __init__(self, state: Mapping[str, NDArray], lanes: int):
        self.state, self.lanes = state, lanes
        self.parts: list[Floats] = []

    def get(self, name: str) -> NDArray:
        return np.asarray(self.state[name])

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

    def linear(self, name: str, centred: bool = False) -> None:
        """A torch.nn.Linear with its bias; ``centred``: less the mean of its outputs."""
        weight, bias = self.get(f"{name}.weight"), self.get(f"{name}.bias")
        if centred:
            weight, bias = (
                each - each.mean(0, np.float64, keepdims=True) for each in (weight, bias)
            )
        self.matrix(weight.T, self.padded(weight.shape[1]))
        self.plain(bias)

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
    sizes = sizes_of(state, branches)
    check_shapes(state, motion_shapes(sizes, branches, bool(back)))
    weights = Weights(state, lanes)
    shape = _shape(weights, sizes, len(branches), limit, back)
    _pack(weights, shape, branches)
    packed = weights.packed()
    shape.weights, shape.floats = address(packed), packed.size
    return shape, packed


def _shape(weights: Weights, sizes: Sizes, directions: int, limit: float, back: int) -> Shape:
    inner = weights.padded(sizes.inner)
    return Shape(
        inputs=sizes.inputs,
        model=sizes.model,
        width=weights.padded(sizes.model),
        inner=inner,
        hidden=weights.padded(sizes.hidden),
        rank=sizes.rank,
        states=sizes.states,
        taps=sizes.taps,
        select=weights.padded(sizes.rank + 2 * sizes.states),
        layers=sizes.layers,
        directions=directions,
        back=back,
        first=sizes.inputs + (inner if back else 0),
        outputs=sizes.outputs,
        limit=limit,
    )


def _pack(weights: Weights, shape: Shape, branches: tuple[str, ...]) -> None:
    """The weights in the order of the C sources: look_back, layers (next_layer), head."""
    if shape.back:
        _embedded(weights, shape, _inputs(weights, ("right_to_left",)))
        _pack_branch(weights, shape, "right_to_left")
    for i in range(shape.layers):
        _pack_layer(weights, shape, f"blocks.{i}", branches)
    weights.linear("head.0")
    weights.linear("head.2")


def _pack_layer(weights: Weights, shape: Shape, name: str, branches: tuple[str, ...]) -> None:
    get = weights.get
    matrix = _inputs(weights, [f"{name}.{branch}" for branch in branches])
    if name == "blocks.0":
        _embedded(weights, shape, matrix, bool(shape.back))
    else:
        weights.matrix(matrix, shape.width)
    for branch in branches:
        _pack_branch(weights, shape, f"{name}.{branch}")
    outputs = [weights.pad(_out(weights, f"{name}.{branch}"), shape.inner) for branch in branches]
    weights.matrix(np.concatenate(outputs))
    weights.linear(f"{name}.mlp.0")
    weights.linear(f"{name}.mlp.2", centred=True)
    weights.plain(get(f"{name}.norm.weight"))
    weights.plain(get(f"{name}.norm.bias"))


def _inputs(weights: Weights, branches: Sequence[str]) -> Floats:
    """[model, ...] the input projections of all branches, then their gates."""
    inputs = [weights.get(f"{branch}.in_x.weight").T for branch in branches]
    gates = [weights.get(f"{branch}.in_z.weight").T / LN_2 for branch in branches]
    return np.concatenate([weights.pad(each) for each in inputs + gates], axis=1)


def _out(weights: Weights, branch: str) -> NDArray:
    """[inner, model] the output projection."""
    return weights.get(f"{branch}.out.weight").T * LN_2


def _embedded(weights: Weights, shape: Shape, matrix: Floats, look_back: bool = False) -> None:
    """The projection of a token [inputs] with the embedding folded in, and its bias; with
    ``look_back`` the token is followed by what is scanned there [inner]."""
    before = [weights.get("embed.weight").T]
    if look_back:
        out = _out(weights, "right_to_left")
        before.append(weights.pad(out, shape.inner)[:, : shape.model])
    before.append(weights.get("embed.bias")[None])
    folded = np.vstack(before).astype(np.float64) @ matrix.astype(np.float64)
    weights.matrix(folded[:-1])
    weights.plain(folded[-1])


def _pack_branch(weights: Weights, shape: Shape, name: str) -> None:
    get = weights.get
    weights.plain(get(f"{name}.conv") / LN_2)
    weights.plain(get(f"{name}.conv_bias") / LN_2)
    scales = np.repeat([1, LN_2**3, LN_2], [shape.rank, shape.states, shape.states])
    weights.matrix(get(f"{name}.select.weight").T * scales, shape.inner)
    weights.plain(get(f"{name}.dt.weight").T)
    weights.plain(get(f"{name}.dt.bias") / LN_2)
    weights.plain(-np.exp(get(f"{name}.A_log").astype(np.float64)).T)
    weights.plain(get(f"{name}.D") * LN_2)


def check_fit(result: int) -> None:
    """ValueError where a network of the library found its sizes, weights or memory not to fit."""
    if result == MISFIT:
        raise ValueError("the sizes of the network, its weights and its memory do not fit together")


def check_array(
    name: str, array: NDArray, kind: type, shape: tuple[int, ...], changed: bool = False
) -> None:
    """ValueError where C would read, or with ``changed`` write, anything else than an array of this
    type and shape."""
    flags = array.flags
    fits = flags.carray if changed else flags.c_contiguous and flags.aligned
    if array.shape != shape or array.dtype != kind or not fits:
        raise ValueError(
            f"{name}: {list(shape)} {np.dtype(kind)} without gaps expected, got "
            f"{list(array.shape)} {array.dtype}"
        )


def aligned(count: int) -> Floats:
    """An uninitialised array that starts on a cache line."""
    memory = np.empty(count + 16, np.float32)
    skip = -address(memory) % 64 // 4
    return memory[skip : skip + count]


def contiguous(array: NDArray, kind: type = np.float32) -> NDArray:
    """The array as C reads it: without gaps, and every number at a multiple of its size."""
    array = np.ascontiguousarray(array, kind)
    return array if array.flags.aligned else array.copy()


_from_buffer: Any = ctypes.c_char.from_buffer


def address(array: NDArray) -> int:
    """Where its first number lies."""
    try:
        return ctypes.addressof(_from_buffer(array))  # takes half the time of the other way
    except (TypeError, ValueError):  # read-only, empty or strided
        address: int = array.__array_interface__["data"][0]
        return address
