"""Embedders that look at crops of one size, made from a function of them.

>>> embedder = CropEmbedder("mean", lambda crops: crops.mean(axis=(1, 2)), (32, 64))
>>> vectors, usable = embedder(image, boxes)
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Prior
from mambatrack.appearance.embedder import Embeddings, Floats
from mambatrack.boxes import Boxes
from mambatrack.embedders.crops import as_bgr, cut, parts_inside
from mambatrack.errors import MambatrackError

Look = Callable[[NDArray[np.uint8]], NDArray]
SMALLEST, LARGEST = 1e-20, 1e20  # squares of lengths that are exact as float32
LARGEST_SIZE = 4096  # numbers of a vector


class CropEmbedder:
    """An Embedder by a function of crops.

    look: crops [K, H, W, 3] uint8 BGR -> [K, E] numbers of any length
    crop_size: (width, height) of the crops;  prior: as of Embedder
    Raises MambatrackError where ``look`` does not give such numbers.
    """

    def __init__(
        self, name: str, look: Look, crop_size: tuple[int, int], prior: Prior | None = None
    ):
        self.name, self.crop_size, self.prior, self.look = name, crop_size, prior, look
        self.size, blank = 0, np.full((1, crop_size[1], crop_size[0], 3), 127, np.uint8)
        self.size = self._vectors(blank).shape[1]

    def __call__(self, image: NDArray, boxes: Boxes) -> Embeddings:
        picture = as_bgr(image)
        parts, usable = parts_inside(boxes, (picture.shape[1], picture.shape[0]))
        vectors = np.zeros((len(parts), self.size), np.float32)
        if usable.any():
            vectors[usable] = self._vectors(cut(picture, parts[usable], self.crop_size))
        squares = np.einsum("ke,ke->k", vectors, vectors)
        if squares.min(initial=1) > SMALLEST and squares.max(initial=1) < LARGEST:
            vectors /= np.sqrt(squares)[:, None]
            return Embeddings(vectors, usable)
        # by the largest number first, as squares of very large and very small ones are none
        largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
        vectors /= np.where(largest > 0, largest, 1)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors /= np.where(lengths > 0, lengths, 1)
        return Embeddings(vectors, lengths[:, 0] > 0)

    def _vectors(self, crops: NDArray[np.uint8]) -> Floats:
        """Those of the crops, checked."""
        given = np.asarray(self.look(crops))
        expected = f"[{len(crops)}, {self.size or 'E'}]"
        if given.ndim != 2 or len(given) != len(crops) or given.dtype.kind not in "fiu":
            raise MambatrackError(
                f"the embedder {self.name} gives {given.dtype} {list(given.shape)} for "
                f"{len(crops)} crops; expected numbers {expected}"
            )
        if not 0 < given.shape[1] <= LARGEST_SIZE or self.size not in (0, given.shape[1]):
            raise MambatrackError(
                f"the embedder {self.name} gives vectors of {given.shape[1]} numbers; expected "
                + (str(self.size) if self.size else f"1 to {LARGEST_SIZE}")
            )
        if not np.isfinite(given).all():
            raise MambatrackError(f"the embedder {self.name} gives numbers that are not finite")
        return given.astype(np.float32, copy=False)
