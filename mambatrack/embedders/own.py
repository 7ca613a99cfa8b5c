"""Embedders that train-embedder wrote: no torch, no onnxruntime."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.kernels.numpy_scan import Floats
from mambatrack.kernels.picture_shapes import STRIPES, embedder_shapes, embedder_sizes_of
from mambatrack.kernels.weight_shapes import check_shapes
from mambatrack.networks.backbone_arrays import ArrayBackbone
from mambatrack.networks.card_values import check_told, whole
from mambatrack.networks.model_files import fitting, read_card
from mambatrack.networks.weight_files import Weights, read_weights

KIND = "embedder"  # of the network, in its model card
SMALLEST = 16  # times smaller are the last features
LARGEST = 1024  # rows or columns of a crop
BATCH = 8  # crops that go through the network together, as they fit the processor's cache


def own_embedder(path: Path) -> CropEmbedder:
    """The embedder of a .safetensors file with its model card beside it. Raises MambatrackError
    where they are missing, damaged or of another kind of network."""
    card = read_card(path, (KIND,), "off, colour")
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
    return CropEmbedder(path.stem, _Network(weights), (columns, rows))


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
