"""A predictor as an ONNX file, for programs that are not written in Python.

Boxes are cx, cy, w, h in pixels, float32; the normalisation is inside. B is any number of tracks.

The window predictor:

| input | shape | what |
|---|---|---|
| windows | [B, q + 1, 4] | newest boxes of each track, newest last; any box where none is yet |
| counts | [B] int64 | how many of them are filled, at the end of the window, from 1 |
| image_size | [2] | width and height; only where the predictor's unit is "image" |

-> boxes [B, 4] one frame on. Where a track is not seen, its prediction is appended to its window.

The causal predictor, one call per frame:

| input | shape | what |
|---|---|---|
| boxes | [B, 4] | the newest box: the observed one, or the prediction where there is none |
| previous | [B, 4] | the box before: of an observed one the last observed, at first itself |
| spans | [B] | frames from the one to the other, from 1 |
| unseen | [B] | 0 where the box was observed, else the frames since |
| sizes | [B] | from the call before, 0 at first |
| carried | [B, R] | from the call before, zeros at first |

-> next_boxes [B, 4], next_scales [B, 4], next_sizes [B], next_carried [B, R]. Keep what came out
for the last observed box: when a track is found again, go on from that. After as many frames
unseen as ``spread`` has rows, stop asking: the box rests, and its spread grows with the square root
of the frames.

Weights in 8 bits stay so in the file. Its metadata hold kind, q, unit, version and licence, and in
``spread``, as JSON, how far 68 % of the true boxes are at most after 1, 2, ... frames without an
observation, as a share of w, h, w, h; for a causal network that times next_scales. In JavaScript:

    const session = await ort.InferenceSession.create("predictor.onnx");
    const windows = new ort.Tensor("float32", Float32Array.from(flat), [tracks, 11, 4]);
    const counts = new ort.Tensor("int64", BigInt64Array.from(filled), [tracks]);
    const { boxes } = await session.run({ windows, counts });
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.boxes import SMALLEST
from mambatrack.errors import MambatrackError
from mambatrack.files import check_output, replacing
from mambatrack.motion.loading import weights_path
from mambatrack.motion.onnx_weights import store_in_eight_bits
from mambatrack.networks.causal import CausalMotionPredictor, as_tokens
from mambatrack.networks.devices import reference_backend
from mambatrack.networks.model_files import check_online, kind_of, load_model
from mambatrack.networks.onnx_writing import check_packages, open_onnx, write_onnx
from mambatrack.networks.units import IMAGE_UNITS, LOG_SCALES, SIZE_WEIGHT, SIZED, UNITS
from mambatrack.networks.weight_files import read_stored
from mambatrack.networks.window import MotionPredictor, next_boxes, window_offsets
from mambatrack.version import VERSION

LARGEST_ERROR = 1e-5  # against torch, as a share of the box's sides (and of the largest state)
CHECKED = (1, 7, 64)  # numbers of tracks that the file is tried with


@dataclass(frozen=True)
class Exported:
    """A file that was written and checked.

    inputs, outputs: name -> shape, "tracks" where it is any number
    error: the largest difference to torch, as for LARGEST_ERROR
    """

    path: Path
    kind: str
    inputs: dict[str, list[int | str]]
    outputs: dict[str, list[int | str]]
    metadata: dict[str, str]
    error: float


class WindowGraph(nn.Module):
    """windows [B, q + 1, 4], counts [B] -> the boxes one frame on [B, 4], as of WindowPredictor."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...] = ("boxes",)

    def __init__(self, model: MotionPredictor, q: int, unit: str):
        super().__init__()
        self.model, self.q, self.unit = model, q, unit
        self.inputs = ("windows", "counts", *(["image_size"] if unit == "image" else []))

    def forward(
        self, windows: Tensor, counts: Tensor, image_size: Tensor | None = None
    ) -> tuple[Tensor]:
        if image_size is None:
            scale = self._scale(windows, counts)
        else:
            scale = image_size.repeat(2)[None] / IMAGE_UNITS
        offsets, lengths = window_offsets(windows, counts, scale)
        return (_plausible(windows[:, -1] + self.model(offsets, lengths) * scale),)

    def _scale(self, windows: Tensor, counts: Tensor) -> Tensor:
        """offset_scale for unit box, [B, 1], in terms that leave B open when it is traced."""
        held = torch.arange(self.q + 1) > self.q - counts[:, None]
        sizes = (windows[..., 2:] * held[..., None]).sum(1) / counts[:, None]
        return sizes.prod(1, keepdim=True).sqrt() / UNITS

    def example(self, tracks: int, random: np.random.Generator) -> tuple[Tensor, ...]:
        steps = random.normal(0, 3, (tracks, self.q + 1, 4)) * [1, 1, 0.2, 0.2]
        windows = _boxes(random, tracks)[:, None] + np.cumsum(steps, axis=1)
        counts = torch.from_numpy(random.integers(1, self.q + 2, tracks))
        image_size = [torch.tensor([1920.0, 1080.0])] if self.unit == "image" else []
        return _float(windows), counts, *image_size

    def truth(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """By the code that the tracker runs."""
        size = inputs[2] if self.unit == "image" else None
        return (_plausible(next_boxes(self.model, inputs[0], inputs[1], self.unit, size)),)


class StepGraph(nn.Module):
    """One token of each track -> its next box, and what the next call needs (CausalPredictor)."""

    inputs: tuple[str, ...] = ("boxes", "previous", "spans", "unseen", "sizes", "carried")
    outputs: tuple[str, ...] = ("next_boxes", "next_scales", "next_sizes", "next_carried")

    def __init__(self, model: CausalMotionPredictor):
        super().__init__()
        self.model = model

    def forward(
        self, boxes: Tensor, previous: Tensor, spans: Tensor, unseen: Tensor, sizes: Tensor,
        carried: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
        sides = boxes[:, 2:].prod(1).sqrt()
        before = torch.where(sizes > 0, sizes, sides)
        sizes = torch.where(unseen > 0, before, before + SIZE_WEIGHT * (sides - before))
        unit = sizes[:, None] / UNITS
        offsets = (boxes - previous) / (spans[:, None] * unit)
        found, carried = self.model.step(as_tokens(offsets, spans, unseen, boxes), carried)
        scales = found[:, 4:].clamp(*LOG_SCALES).exp()
        sized = (unseen < SIZED)[:, None].to(unit.dtype) * unit
        moves = found[:, :4] * torch.cat([unit, unit, sized, sized], dim=1)
        return _plausible(boxes + moves), scales, sizes, carried

    def example(self, tracks: int, random: np.random.Generator) -> tuple[Tensor, ...]:
        previous = _boxes(random, tracks)
        boxes = previous + random.normal(0, 3, (tracks, 4)) * [1, 1, 0.2, 0.2]
        unseen = random.integers(0, 4, tracks)
        spans = np.where(unseen > 0, 1, random.integers(1, 5, tracks))
        sizes = np.sqrt(previous[:, 2] * previous[:, 3]) * random.integers(0, 2, tracks)
        carried = random.normal(0, 1, (tracks, self.model.carried_size))
        return tuple(_float(each) for each in (boxes, previous, spans, unseen, sizes, carried))

    def truth(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        after: tuple[Tensor, ...] = self(*inputs)
        return after


def export(predictor: str | Path, out: str | Path, overwrite: bool = False) -> Exported:
    """Writes ``out``, an ONNX file, and keeps it only if onnxruntime agrees with torch on it.

    predictor: a name (mamba, ...) or the path of a trained .safetensors file
    Raises MissingExtra where a package is absent, MambatrackError where the predictor has no
    network or the file cannot be written or is not right.
    """
    check_packages()
    path = check_output(out, overwrite)
    weights = weights_path(predictor)
    if weights is None:
        raise MambatrackError(f"{predictor} has no network to export; give mamba or a file")
    graph, metadata = _graph(weights)
    with replacing(path) as temporary:
        _write(graph, metadata, temporary)
        store_in_eight_bits(temporary, read_stored(weights))
        inputs, outputs, error = _check(graph, temporary)
        if not error <= LARGEST_ERROR:
            raise MambatrackError(
                f"the ONNX file differs from torch by {error:.1e} of a box, expected at most "
                f"{LARGEST_ERROR:.0e}; {path} is not written. Other versions of torch, onnxscript "
                "or onnxruntime may do"
            )
    return Exported(path, metadata["kind"], inputs, outputs, metadata, error)


def _graph(weights: Path) -> tuple[WindowGraph | StepGraph, dict[str, str]]:
    model, card = load_model(weights)
    check_online(weights, card)
    model = model.eval().requires_grad_(False)
    q, unit = card["architecture"]["window"], card["normalisation"]["unit"]
    kind = kind_of(card)
    metadata = {
        "kind": kind,
        "name": weights.stem,
        "mambatrack": VERSION,
        "unit": unit,
        "spread": json.dumps(card["spread"]),
        "licence": card.get("licence", ""),
    }
    if kind != "window":
        return StepGraph(model), metadata
    return WindowGraph(model, q, unit), {**metadata, "q": str(q)}


def _write(graph: WindowGraph | StepGraph, metadata: dict[str, str], path: Path) -> None:
    tracks = torch.export.Dim("tracks", min=1)
    shapes = {name: {} if name == "image_size" else {0: tracks} for name in graph.inputs}
    with reference_backend():
        write_onnx(graph, graph.example(3, np.random.default_rng(0)), metadata, path, shapes)


def _check(graph: WindowGraph | StepGraph, path: Path) -> tuple[dict, dict, float]:
    """Inputs and outputs as onnxruntime sees them, and the largest error over CHECKED."""
    session = open_onnx(path)
    random, errors = np.random.default_rng(1), [0.0]
    for tracks in CHECKED:
        inputs = graph.example(tracks, random)
        with torch.inference_mode(), reference_backend():
            wanted = [each.numpy() for each in graph.truth(*inputs)]
        feed = {name: each.numpy() for name, each in zip(graph.inputs, inputs, strict=True)}
        found = session.run(list(graph.outputs), feed)
        errors += [_error(*both) for both in zip(found, wanted, strict=True)]
    shapes = [
        {each.name: list(each.shape) for each in side}
        for side in (session.get_inputs(), session.get_outputs())
    ]
    return shapes[0], shapes[1], float(np.max(errors))


def _error(found: NDArray, wanted: NDArray) -> float:
    """Boxes [B, 4]: as a share of their sides; else of the largest value."""
    if wanted.ndim == 2 and wanted.shape[1] == 4:
        return float(np.max(np.abs(found - wanted) / wanted[:, [2, 3, 2, 3]]))
    return float(np.max(np.abs(found - wanted)) / max(np.max(np.abs(wanted)), 1))


def _plausible(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2], boxes[:, 2:].clamp(min=SMALLEST)], dim=1)


def _boxes(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    low, high = [0, 0, 30, 60], [1920, 1080, 150, 300]
    return random.uniform(low, high, (count, 4))


def _float(values: NDArray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
