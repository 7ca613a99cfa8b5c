"""Embedders that train-embedder wrote, the shipped one among them: no torch, no onnxruntime.

A vector is that of the network and the histograms of colours, side by side with equal weight: the
one knows shapes and patterns from people whom it has seen, the others know colours of all clothes.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Prior
from mambatrack.appearance.embedder import of_length_1
from mambatrack.embedders import colour
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.embedders.crops import resized
from mambatrack.kernels.numpy_scan import Floats
from mambatrack.kernels.picture_shapes import STRIPES, embedder_shapes, embedder_sizes_of
from mambatrack.kernels.weight_shapes import check_shapes
from mambatrack.networks.backbone_arrays import ArrayBackbone
from mambatrack.networks.card_values import check_told, whole
from mambatrack.networks.model_files import WEIGHTS, fitting, read_card
from mambatrack.networks.weight_files import Weights, read_weights

SHIPPED = WEIGHTS / "mambatrack-embedder.safetensors"
KIND = "embedder"  # of the network, in its model card
SMALLEST = 16  # times smaller are the last features
LARGEST = 1024  # rows or columns of a crop
PRIOR = Prior(same=(0.87, 0.1), others=(0.58, 0.13))  # of people whom it has not learnt from
BATCH = 8  # crops that go through the network together, as they fit the processor's cache


def own_embedder(path: Path) -> CropEmbedder:
    """The embedder of a .safetensors file with its model card beside it. Raises MambatrackError
    where they are missing, damaged or of another kind of network."""
    card = read_card(path, (KIND,), "off, colour, own")
    with fitting(path):
        weights = read_weights(path, half=True)
        sizes = embedder_sizes_of(weights)
        check_shapes(weights, embedder_shapes(sizes))
        check_told(card, code=sizes.code, stem=sizes.backbone.stem[0])
        rows, columns = (
            whole(card, f"architecture.{name}", SMALLEST, LARGEST) for name in ("rows", "columns")
        )
        if rows % (SMALLEST * STRIPES) or columns % SMALLEST:
            raise ValueError(
                f"crops of multiples of {SMALLEST * STRIPES} rows and {SMALLEST} columns expected, "
                f"the card says {rows} and {columns}"
            )
    name = "own" if path == SHIPPED else path.stem
    return CropEmbedder(name, _Look(_Network(weights)), (columns, rows), PRIOR)


class _Look:
    """crops [K, H, W, 3] uint8 BGR -> [K, E], of a network and of colours."""

    def __init__(self, network: "_Network"):
        self._network = network

    def __call__(self, crops: NDArray[np.uint8]) -> Floats:
        colours = colour.histograms(resized(crops, colour.CROP))
        return np.concatenate([of_length_1(self._network(crops)), of_length_1(colours)], axis=1)


class _Network:
    """crops [K, H, W, 3] uint8 BGR -> [K, E]."""

    def __init__(self, weights: Weights):
        self._backbone = ArrayBackbone(weights, "backbone.")
        self._weight, self._bias = weights["head.weight"].T, weights["head.bias"]

    def __call__(self, crops: NDArray[np.uint8]) -> Floats:
        parts = [self._codes(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
        return np.concatenate(parts)

    def _codes(self, crops: NDArray[np.uint8]) -> Floats:
        pictures = crops.astype(np.float32) * np.float32(1 / 255) - np.float32(0.5)
        stripes = [
            each.reshape(len(crops), STRIPES, -1, each.shape[3]).mean(axis=2)
            for each in self._backbone(pictures)
        ]
        features = np.concatenate([each.reshape(len(crops), -1) for each in stripes], axis=1)
        codes: Floats = features @ self._weight + self._bias
        return codes
