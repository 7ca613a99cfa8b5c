"""The protocol of embedders: what is inside boxes of a picture, as unit vectors.

Two crops of one person have vectors with a large product. The folder embedders/ has some.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes

Floats = NDArray[np.float32]


class Embeddings(NamedTuple):
    """vectors [N, E]: float32, of length 1, zeros where a box has none; usable [N]: which have"""

    vectors: Floats
    usable: NDArray[np.bool_]


def of_length_1(vectors: Floats) -> Floats:
    """[..., E] the same directions; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: Floats = vectors / np.maximum(lengths, 1e-9)
    return found


class Embedder(Protocol):
    """name: tells embedders apart, in messages and files;  size: E, of the vectors

    prior: a calibration.Prior, what its similarities are worth before a stream is known; may be
        left out, and then nothing is said until enough was seen
    """

    name: str
    size: int

    def __call__(self, image: NDArray, boxes: Boxes) -> Embeddings:
        """image [H, W, 3] BGR uint8, also grey or uint16; boxes [N, 4] xyxy, pixels, in one batch.
        A box that is too small, or mostly outside of the picture, has no vector. Raises
        MambatrackError where the picture is none, and where the network gives no vectors."""
        ...
