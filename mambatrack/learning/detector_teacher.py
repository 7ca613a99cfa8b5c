"""Another detector that teaches one: what it takes each place of a picture for."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.config import DetectorConfig
from mambatrack.detectors.images import PADDING, input_size, to_blob
from mambatrack.detectors.onnx_session import open_session
from mambatrack.detectors.yolox import CONVENTIONS, YoloxDetector, strides_of
from mambatrack.errors import MambatrackError

SURE = 8.0  # log-odds beyond which a teacher's opinion is not told apart
TINY = 1e-6  # of a probability, and so of its log-odds


class Teacher:
    """A YOLOX network in an ONNX file, whose grids are those of ``strides``.

    usual [C]: what it says of a place of a black picture on the average: log-odds of an object, and
    of each class
    Raises MambatrackError for other files, and for inputs too small for pictures of ``side``.
    """

    def __init__(self, weights: str, strides: Sequence[int], side: int, threads: int):
        self._session = open_session(weights, threads=threads)
        detector = YoloxDetector(DetectorConfig(weights=weights), self._session)
        self._normalisation = CONVENTIONS[detector.convention]
        self.size = input_size(self._session.input.shape, (side, side), side)
        self._strides, black = tuple(strides), np.zeros((*self.size[::-1], 3), np.uint8)
        count = self._session(self._blob(black))[0].shape[1]
        if min(self.size) < side or strides_of(count, self.size) != self._strides:
            raise MambatrackError(
                f"{weights} takes pictures of {self.size[0]}x{self.size[1]}; a teacher of pictures "
                f"of {side} pixels takes at least those, with grids of {self._strides} pixels: set "
                "detector_training.side and coarse_side lower, or give another network"
            )
        self.usual = self._said(black).mean(axis=0)

    def __call__(self, pictures: NDArray[np.uint8]) -> Tensor:
        """pictures [B, H, W, 3], no larger than ``size`` -> what it takes each place for, log-odds
        [B, A, C], the first of any object at all."""
        return torch.from_numpy(np.stack([self._said(each) for each in pictures]))

    def _said(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[A, C] of the places of the picture alone."""
        head = self._session(self._blob(picture))[0][0, :, 4:]
        found, first = [], 0
        for stride in self._strides:
            columns, rows = (side // stride for side in self.size)
            grid = head[first : first + rows * columns].reshape(rows, columns, -1)
            first += rows * columns
            high, wide = (-(-side // stride) for side in picture.shape[:2])
            found.append(grid[:high, :wide].reshape(-1, head.shape[1]))
        likely = np.concatenate(found).clip(TINY, 1 - TINY)
        return np.log(likely / (1 - likely)).clip(-SURE, SURE).astype(np.float32)

    def _blob(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        canvas = np.full((self.size[1], self.size[0], 3), PADDING, np.uint8)
        canvas[: picture.shape[0], : picture.shape[1]] = picture
        return to_blob(canvas, self._normalisation)


class Hints(nn.ModuleList):
    """A pupil's guess at what its teacher says, from the features of each grid; not part of what
    ships."""

    def __init__(self, grids: int, channels: int, usual: NDArray[np.float32]):
        super().__init__(nn.Conv2d(channels, len(usual), 1) for _ in range(grids))
        for each in self:
            cast(Tensor, each.bias).data.copy_(torch.from_numpy(usual))

    def forward(self, features: list[Tensor]) -> Tensor:
        """[B, channels, ., .] of each grid -> [B, A, C]."""
        told = (each(x) for each, x in zip(self, features, strict=True))
        return torch.cat([each.flatten(2).transpose(1, 2) for each in told], dim=1)
