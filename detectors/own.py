"""Detectors that train-detector wrote: no torch, no onnxruntime."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import DetectorConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.classes import chosen_labels, given_names
from mambatrack.detectors.images import MULTIPLE, input_size, place, size_of
from mambatrack.detectors.nms import suppress
from mambatrack.kernels.arrays import depthwise
from mambatrack.kernels.numpy_scan import Floats
from mambatrack.kernels.picture_shapes import (
    FARTHEST,
    STAGES,
    TOWER,
    detector_shapes,
    detector_sizes_of,
)
from mambatrack.kernels.weight_shapes import check_shapes
from mambatrack.networks.array_layers import ArrayLayers, rectified
from mambatrack.networks.backbone_arrays import ArrayBackbone
from mambatrack.networks.card_values import check_told, whole
from mambatrack.networks.model_files import WEIGHTS, fitting, read_card
from mambatrack.networks.picture_places import cells
from mambatrack.networks.weight_files import Weights, read_weights

SHIPPED = WEIGHTS / "mambatrack-detector.safetensors"
KIND = "detector"  # of the network, in its model card
NAMES = ("person",)
LARGEST_SIDE = 8192  # of a picture as the network sees it

Found = tuple[Floats, Floats]


class OwnDetector:
    """The detector of a .safetensors file, ``config.weights``, with its model card beside it.

    side: of the picture that the network sees, the longer one in pixels; as ``config.side`` says,
    else the card
    card, weights, network: of the file
    Raises MambatrackError where the files are missing, damaged or of another kind of network.
    """

    def __init__(self, config: DetectorConfig):
        path = Path(config.weights)
        card = self.card = read_card(path, (KIND,), "motion, a named model, an ONNX file")
        with fitting(path):
            weights = read_weights(path, half=True)
            sizes = detector_sizes_of(weights)
            check_shapes(weights, detector_shapes(sizes))
            check_told(card, neck=sizes.neck)
            told = whole(card, "architecture.side", MULTIPLE, LARGEST_SIDE)
        self.side = config.side or told
        self.names = given_names(config, NAMES)
        self._labels = chosen_labels(config.classes, self.names)
        self._conf, self._nms_iou = config.conf, config.nms_iou
        self.weights, self.network = weights, ArrayDetector(weights)

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        return self.of_pictures([image])[0]

    def of_pictures(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """The detections of each of several pictures."""
        return [self._found(image) for image in images]

    def _found(self, image: NDArray[np.uint8]) -> Detections:
        placed = place(image, input_size((1, 3, None, None), size_of(image), self.side))
        pictures = placed.canvas[None] * np.float32(1 / 255) - np.float32(0.5)
        boxes, scores = self.network(pictures, self._conf)
        rows = np.column_stack([placed.back(boxes), scores, np.zeros(len(boxes))])
        found = as_detections(rows)
        if self._labels is not None:
            found = found.select(np.isin(found.labels, list(self._labels)))
        return found.select(suppress(found, self._nms_iou))


class ArrayDetector:
    """learning.detector_network.DetectorNetwork without torch."""

    def __init__(self, weights: Weights):
        self._backbone = ArrayBackbone(weights, "backbone.")
        layers = self._layers = ArrayLayers(weights)
        self._down = [layers.taps(f"down.{stage}") for stage in range(STAGES - 1)]
        self._near = {
            (stage, layer): layers.taps(f"towers.{stage}.{layer}.near")
            for stage in range(STAGES)
            for layer in range(TOWER)
        }

    def __call__(self, picture: Floats, conf: float) -> Found:
        """picture [1, H, W, 3], BGR / 255 - 1/2 -> boxes [N, 4] xyxy in its pixels and scores [N],
        those of at least ``conf``."""
        found = [
            _read(self._said(stage, each), picture.shape[1], conf)
            for stage, each in enumerate(self._passed(self._backbone(picture)))
        ]
        boxes, scores = zip(*found, strict=True)
        return np.concatenate(boxes), np.concatenate(scores)

    def _passed(self, stages: list[Floats]) -> list[Floats]:
        """The features of the stages, each with what the others know."""
        found = [self._layers.product(f"lateral.{at}", each) for at, each in enumerate(stages)]
        for fine in range(STAGES - 2, -1, -1):
            rows, columns = found[fine].shape[1:3]
            above = found[fine + 1].repeat(2, axis=1).repeat(2, axis=2)
            found[fine] += above[:, :rows, :columns]
        for coarse in range(1, STAGES):
            found[coarse] += depthwise(found[coarse - 1], *self._down[coarse - 1], stride=2)
        return found

    def _said(self, stage: int, x: Floats) -> Floats:
        for layer in range(TOWER):
            x = rectified(depthwise(x, *self._near[stage, layer]))
            x = rectified(self._layers.product(f"towers.{stage}.{layer}.mix", x))
        return self._layers.product(f"out.{stage}", x)


def _read(said: Floats, height: int, conf: float) -> Found:
    """What the head says of a grid [1, ., ., 5] of a picture -> boxes and scores."""
    rows, columns = said.shape[1:3]
    said, stride = said.reshape(-1, said.shape[3]), -(-height // rows)
    scores = 0.5 + 0.5 * np.tanh(0.5 * said[:, 0])
    kept = np.flatnonzero(scores >= conf)
    centres = cells(rows, columns)[kept] + np.float32(0.5)
    reach = np.exp(said[kept, 1:].clip(-FARTHEST, FARTHEST))
    boxes = np.hstack([centres - reach[:, :2], centres + reach[:, 2:]]) * np.float32(stride)
    return boxes, scores[kept]
