"""Pictures of one size through a network, together where its file takes any number of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.detectors.images import Normalisation, Placed, place, to_blob
from mambatrack.detectors.onnx_session import Blob, Session
from mambatrack.errors import MambatrackError

Outputs = list[NDArray]


class PictureRunner:
    """together: whether the outputs of several pictures can be told apart"""

    def __init__(self, session: Session, together: bool = True):
        self.session = session
        self._together = together and session.input.batch is None

    def __call__(
        self, images: Sequence[NDArray[np.uint8]], size: tuple[int, int], placement: str,
        normalisation: Normalisation,
    ) -> list[tuple[Placed, Outputs]]:  # fmt: skip
        """Each picture as it lies in an input of ``size`` (width, height), and the outputs for it,
        as a batch of one."""
        placed = [place(image, size, placement) for image in images]
        blobs = [to_blob(each.canvas, normalisation) for each in placed]
        outputs = self._all_at_once(blobs) if self._together and len(blobs) > 1 else None
        if outputs is None:
            outputs = [self.session(blob) for blob in blobs]
        return list(zip(placed, outputs, strict=True))

    def _all_at_once(self, blobs: Sequence[Blob]) -> list[Outputs] | None:
        """None, and so from then on, where the file takes one picture whatever its input says."""
        try:
            outputs = self.session(np.concatenate(blobs))
        except MambatrackError:
            self._together = False
            return None
        self._together = all(output.shape[:1] == (len(blobs),) for output in outputs)
        if not self._together:
            return None
        return [[output[at : at + 1] for output in outputs] for at in range(len(blobs))]
