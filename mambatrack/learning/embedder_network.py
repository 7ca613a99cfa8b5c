"""The embedder in torch, for training; embedders/own.py runs it without."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.kernels.picture_shapes import STRIPES
from mambatrack.networks.backbone import Backbone, Shape


class EmbedderNetwork(nn.Module):
    """A crop of a person -> a unit vector, near for one person and far for two: the backbone, the
    means of each stage's features over STRIPES stripes of the body, and a projection of all."""

    def __init__(self, shape: Shape, code: int):
        super().__init__()
        self.backbone = Backbone(shape)
        self.head = nn.Linear(STRIPES * sum(shape.channels), code)

    def features(self, crops: Tensor) -> Tensor:
        """[B, 3, H, W], BGR / 255 - 1/2, H a multiple of 16 STRIPES -> what the head reads."""
        stages = [each.mean(3).unflatten(2, (STRIPES, -1)).mean(3) for each in self.backbone(crops)]
        return torch.cat([each.transpose(1, 2).flatten(1) for each in stages], dim=1)

    def forward(self, crops: Tensor) -> Tensor:
        """The same -> [B, code], of length 1."""
        return F.normalize(self.head(self.features(crops)))
