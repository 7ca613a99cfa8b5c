"""The motion predictor in one call of the C library: numpy in and out, no torch.

The weights are those of networks/window.py and networks/causal.py by name, packed once
(packing.py).
"""

import ctypes
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_fit, contiguous, pack
from mambatrack.kernels.cpu.scratch import Scratch
from mambatrack.kernels.weight_shapes import BOTH, MAX_BACK, ONE


class _Network:
    """What the window and the causal network share: the weights, packed, and scratch memory."""

    def __init__(
        self, state: Mapping[str, NDArray], branches: tuple[str, ...], limit: float, back: int = 0
    ):
        self._library = library()
        self._given = (state, limit, back) if back else (state, limit)
        self._shape, self._weights = pack(state, branches, self._library.lanes(), limit, back)
        self.at = ctypes.addressof(self._shape)
        self._need: dict[int, int] = {}  # floats of scratch memory for a window
        self.scratch = Scratch()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._given  # addresses mean nothing in another process

    def need(self, window: int = 0) -> int:
        """Floats of scratch memory."""
        need = self._need.get(window)
        if need is None:
            need = self._need[window] = self._library.scratch_floats(self.at, window)
        return need


class WindowNetwork(_Network):
    """networks.window.MotionPredictor: past offsets of many tracks -> the next offset of each.

    state: its state dict as numpy arrays (safetensors.numpy.load_file); all sizes are read from it.
    limit: offsets beyond it are taken as it.
    Raises ValueError where a weight is missing or does not fit, RuntimeError without the library.
    """

    def __init__(self, state: Mapping[str, NDArray], limit: float):
        super().__init__(state, BOTH, limit)
        ends = self._shape.inputs, self._shape.outputs
        if ends != (4, 4):
            raise ValueError(f"4 inputs and 4 outputs expected, got {ends[0]} and {ends[1]}")

    def __call__(self, offsets: Floats, lengths: NDArray) -> Floats:
        """offsets [B, q, 4] of (cx, cy, w, h), oldest first, of which the first ``lengths`` [B]
        count -> next offset [B, 4], 0 of a track without any. See MotionPredictor.forward."""
        if offsets.ndim != 3 or offsets.shape[2] != 4 or offsets.dtype != np.float32:
            raise ValueError(f"offsets [B, q, 4] float32 expected, got {_is(offsets)}")
        batch, window = offsets.shape[:2]
        lengths = _integers("lengths", lengths, batch)
        offsets = contiguous(offsets)  # held here: only its address goes on
        out = np.empty((batch, 4), np.float32)
        memory = self.scratch.borrow(self.need(window))
        wrong = self._library.window_network(
            self.at, memory.at, memory.size, batch, window, address(offsets), address(lengths),
            address(out),
        )  # fmt: skip
        self.scratch.give_back(memory)
        check_fit(wrong)
        if wrong >= 0:
            raise ValueError(f"lengths: from 0 to {window} expected, got {lengths[wrong]}")
        return out


class CausalNetwork(_Network):
    """causal.CausalMotionPredictor.step: one more token of many tracks, the state in place.

    state, limit: as for WindowNetwork. back: tokens of its look-back, from 2 to MAX_BACK, or 0.
    inputs, outputs: K and O, floats of a token and of what is computed of it
    carried_size: floats of carried state per track, R; zeros before the first token. The layout is
    the library's own: for each block the last inputs of the convolution [d_conv - 1, d_inner], then
    the state of the scan [d_state, d_inner]; last the tokens [back - 1, K], newest first.
    """

    def __init__(self, state: Mapping[str, NDArray], limit: float, back: int = 0):
        if back and not 2 <= back <= MAX_BACK:
            raise ValueError(f"back: 0, or from 2 to {MAX_BACK} expected, got {back}")
        if not back and "right_to_left.D" in state:
            raise ValueError("weights of a look-back found, and no number of its tokens")
        super().__init__(state, ONE, limit, back)
        shape = self._shape
        self.inputs, self.outputs = shape.inputs, shape.outputs
        self.carried_size = shape.layers * (shape.taps - 1 + shape.states) * shape.inner
        self.carried_size += max(back - 1, 0) * shape.inputs

    def __call__(self, tokens: Floats, carried: Floats, rows: NDArray | None = None) -> Floats:
        """tokens [B, K], carried [M, R] with contiguous rows, changed in place -> its
        outputs [B, O], of a motion predictor the offsets [B, 4].

        rows: [B] integers, the row of ``carried`` of each token, none of them twice; without it
        the first row is of the first token and so on."""
        inputs, size = self._shape.inputs, self.carried_size
        if tokens.ndim != 2 or tokens.shape[1] != inputs or tokens.dtype != np.float32:
            raise ValueError(f"tokens [B, {inputs}] float32 expected, got {_is(tokens)}")
        if carried.ndim != 2 or carried.shape[1] != size or carried.dtype != np.float32:
            raise ValueError(f"carried [M, {size}] float32 expected, got {_is(carried)}")
        stride, remainder = divmod(carried.strides[0], 4)
        if carried.strides[1] != 4 or remainder or not carried.flags.behaved:
            raise ValueError("carried: rows of contiguous floats, aligned and writeable, expected")
        count = len(tokens)
        rows = _integers("rows", np.arange(count) if rows is None else rows, count)
        tokens = contiguous(tokens)  # held here: only its address goes on
        out = np.empty((count, self._shape.outputs), np.float32)
        memory = self.scratch.borrow(self.need())
        wrong = self._library.step_network(
            self.at, memory.at, memory.size, count, address(tokens), address(rows), len(carried),
            address(carried), stride, address(out),
        )  # fmt: skip
        self.scratch.give_back(memory)
        check_fit(wrong)
        if wrong >= 0:
            raise ValueError(f"rows: from 0 to {len(carried) - 1} expected, got {rows[wrong]}")
        return out


def _is(array: NDArray) -> str:
    return f"{list(array.shape)} {array.dtype}"


def _integers(name: str, values: NDArray, count: int) -> NDArray[np.int64]:
    """values [count], contiguous; ValueError where they are not integers."""
    if values.shape != (count,) or values.dtype.kind not in "iu":
        raise ValueError(f"{name}: [{count}] integers expected, got {_is(values)}")
    return contiguous(values, np.int64)
