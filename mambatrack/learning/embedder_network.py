"""The embedder in torch, for training; embedders/own.py runs it without."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.kernels.weight_shapes import STRIPES
from mambatrack.networks.backbone import Backbone, Shape


class EmbedderNetwork(nn.Module):
    """A crop of a person -> a unit vector, near for one person and far for two: the backbone, the
    mean of its last features over each of STRIPES stripes of the body, and a projection of all."""

    def __init__(self, shape: Shape, code: int):
        super().__init__()
        self.backbone = Backbone(shape)
        self.head = nn.Linear(STRIPES * shape.channels[-1], code)

    def forward(self, crops: Tensor) -> Tensor:
        """[B, 3, H, W], BGR / 255 - 1/2, H a multiple of 16 STRIPES -> [B, code], of length 1."""
        features = self.backbone(crops)[-1].mean(3).unflatten(2, (STRIPES, -1)).mean(3)
        return F.normalize(cast(Tensor, self.head(features.transpose(1, 2).flatten(1))))
