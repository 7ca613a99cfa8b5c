"""The bi-directional network as a Predictor: each frame it reads every track's last boxes anew."""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes, as_plausible
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.errors import MambatrackError
from mambatrack.motion.predictor import Predictor, State, spread_after
from mambatrack.networks.devices import c_library_for
from mambatrack.networks.model_files import load_weights
from mambatrack.networks.units import IMAGE_UNITS, INPUT_LIMIT, UNITS
from mambatrack.state_fields import LARGEST_EXACT, Field, box_fields


class Network(Protocol):
    """Past offsets of many tracks -> the next ones: TorchNetwork, GraphNetwork, or in C
    WindowNetwork."""

    def __call__(self, offsets: Boxes, lengths: NDArray[np.int64]) -> Boxes:
        """offsets [N, q, 4] normalised, oldest first, of which the first ``lengths`` [N] count ->
        [N, 4]."""
        ...


class WindowPredictor(Predictor):
    """The bi-directional Mamba predictor on a sliding window of boxes per track.

    The state is the window [q + 1, 4], newest box last, and two counters: boxes in the window and
    frames since the last observation. A prediction is appended like an observation; that is the
    tracklet patch of MambaTrack, section 3.3.

    q: past offsets the network sees; unit: how offsets are normalised (window.window_offsets);
    spread: [H, 4] standard deviation of the error after 1..H frames as a share of the box's width
    and height, measured in validation. Beyond H frames the box rests where it is.
    straighten: whether a track that is found again gets a straight line in place of what was
    predicted in the gap.
    seen_window: past offsets the network sees of a track seen in the frame before, 0 for all; those
    before the newest few tell of frames far ahead.
    """

    def __init__(
        self,
        network: Network,
        q: int,
        unit: str,
        spread: Any,
        image_size: tuple[int, int] | None = None,
        straighten: bool = False,
        seen_window: int = 0,
    ):
        if unit == "image" and image_size is None:
            raise MambatrackError(
                "this predictor was trained on offsets relative to the image; give image_size"
            )
        self.network, self.q, self.straighten = network, q, straighten
        self.seen_q = min(seen_window, q) or q
        self.image_size = image_size if unit == "image" else None
        self.spread = np.asarray(spread, np.float32).reshape(-1, 4)
        self.state_size = (q + 1) * 4 + 2

    def start(self, boxes: Boxes) -> State:
        windows = np.repeat(boxes[:, None], self.q + 1, axis=1)
        return self._state(windows, np.ones(len(boxes)), np.zeros(len(boxes)))

    def state_fields(self, kept: State) -> list[Field]:
        windows, counts, gaps = self._parts(kept)
        return [
            *box_fields("motion", windows),
            Field("boxes in the window in motion", counts, 1, self.q + 1, whole=True),
            Field("frames since seen in motion", gaps, 0, LARGEST_EXACT, whole=True),
        ]

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        windows, counts, gaps = self._parts(state)
        read = np.where(gaps == 0, np.minimum(counts, self.seen_q + 1), counts)
        boxes = as_plausible(self._next_boxes(windows, read))
        resting = gaps >= len(self.spread)
        boxes[resting] = windows[resting, -1]
        windows = np.concatenate([windows[:, 1:], boxes[:, None]], axis=1)
        gaps = gaps + 1
        state[:] = self._state(windows, np.minimum(counts + 1, self.q + 1), gaps)
        return boxes, spread_after(self.spread, gaps, boxes)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        windows, counts, gaps = self._parts(state.take(rows, axis=0))
        windows = np.concatenate([windows[:, :-1], boxes[:, None]], axis=1)
        if self.straighten:
            windows = straighten_history(windows, gaps.astype(np.int64) - 1)
        state[rows] = self._state(windows, counts, np.zeros(len(boxes)))

    def move(self, state: State, transform: Transform) -> None:
        windows = state[:, :-2]
        moved, _ = moved_boxes(transform, windows.reshape(-1, 4))
        state[:, :-2] = moved.reshape(windows.shape)

    def _next_boxes(self, windows: Boxes, counts: NDArray) -> Boxes:
        if not len(windows):
            return np.zeros((0, 4), np.float32)
        counts = counts.astype(np.int64)
        scale = offset_scale(windows, counts, self.image_size)
        offsets, lengths = window_offsets(windows, counts, scale)
        return windows[:, -1] + self.network(offsets, lengths) * scale

    def _parts(self, state: State) -> tuple[Boxes, NDArray, NDArray]:
        windows = state[:, :-2].reshape(len(state), self.q + 1, 4)
        return windows, state[:, -2], state[:, -1]

    def _state(self, windows: Boxes, counts: NDArray, gaps: NDArray) -> State:
        flat = windows.reshape(len(windows), (self.q + 1) * 4)
        return np.concatenate([flat, counts[:, None], gaps[:, None]], axis=1, dtype=np.float32)


def open_network(path: Path, device: str, q: int = 0) -> Network:
    """The network of a .safetensors file: in C where c_library_for() says so, else in torch, on a
    GPU as CUDA graphs; q: offsets of a track, for which those are recorded at once."""
    if c_library_for(device):
        from mambatrack.kernels.cpu.network import WindowNetwork

        return WindowNetwork(load_weights(path), INPUT_LIMIT)
    from mambatrack.networks.devices import choose_device
    from mambatrack.networks.model_files import load_model

    model, device = load_model(path)[0], choose_device(device)
    if device == "cuda":
        from mambatrack.networks.window_step import GraphNetwork

        return GraphNetwork(model, device, q=q)
    from mambatrack.networks.window_step import TorchNetwork

    return TorchNetwork(model, device)


def offset_scale(
    windows: Boxes, counts: NDArray[np.int64], image_size: tuple[int, int] | None
) -> Boxes:
    """networks.window.offset_scale in numpy: pixels per unit of offset [N, 4]; image_size: None
    where the unit is the track's own boxes."""
    if image_size is not None:
        return np.tile(image_scale(image_size), (len(windows), 1))
    held = np.arange(windows.shape[1]) >= windows.shape[1] - counts[:, None]
    sizes = (windows[..., 2:] * held[..., None]).sum(1) / counts[:, None].astype(np.float32)
    sides = np.sqrt(sizes.prod(1, keepdims=True)).astype(np.float32, copy=False)
    return np.repeat(sides / UNITS, 4, axis=1)


def image_scale(image_size: tuple[int, int]) -> NDArray[np.float32]:
    """Pixels per unit of offset [4] where the unit is the image."""
    return np.tile(np.array(image_size, np.float32) / np.float32(IMAGE_UNITS), 2)


def window_offsets(
    windows: Boxes, counts: NDArray[np.int64], scale: Boxes
) -> tuple[Boxes, NDArray[np.int64]]:
    """networks.window.window_offsets in numpy: offsets [N, q, 4], oldest first, and lengths [N]."""
    steps = np.diff(windows, axis=1) / scale[:, None]
    lengths, q = counts - 1, steps.shape[1]
    order = np.minimum(np.arange(q) + q - lengths[:, None], q - 1)
    return np.take_along_axis(steps, order[..., None], axis=1), lengths


def straighten_history(window: NDArray[np.float32], gap: NDArray[np.int64]) -> NDArray[np.float32]:
    """Replaces each row's last ``gap`` predicted boxes by a straight line to the newest box.

    window [N, K, 4], oldest first, newest observed; gap [N], predicted boxes just before it.
    A gap that reaches beyond the window starts from the oldest box that is left.
    """
    last = window.shape[1] - 1
    before = np.maximum(last - 1 - gap, 0)
    start = window[np.arange(len(window)), before]
    steps = np.arange(last + 1) - before[:, None]
    share = (steps / np.maximum(last - before, 1)[:, None])[..., None]
    line = start[:, None] + share * (window[:, -1:] - start[:, None])
    return np.where(steps[..., None] > 0, line, window).astype(np.float32)
