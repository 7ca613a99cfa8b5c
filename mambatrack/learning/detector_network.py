"""The detector in torch, for training; detectors/own.py runs it without."""

from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.kernels.picture_shapes import (
    FARTHEST,
    SAID,
    STAGES,
    TOWER,
    TOWER_KERNEL,
    detector_shapes,
    detector_sizes_of,
)
from mambatrack.kernels.weight_shapes import check_shapes
from mambatrack.networks.backbone import Backbone, Convolution, Shape, load_folded
from mambatrack.networks.picture_places import cells
from mambatrack.networks.weight_files import Weights

RARE = -4.6  # log-odds of a person that an untrained head says: 1 %


class Said(NamedTuple):
    """What the head says of A places: scores [B, A], log-odds; boxes [B, A, 4], xyxy, pixels."""

    scores: Tensor
    boxes: Tensor


class DetectorNetwork(nn.Module):
    """A picture -> a score and a box for each place of three grids, without anchors (FCOS, Tian et
    al., ICCV 2019): the backbone, features that pass between its stages from coarse to fine and
    back (PANet, Liu et al., CVPR 2018), and a head of separable convolutions on each.

    strides: pixels between two places of each grid
    """

    def __init__(self, shape: Shape, neck: int):
        super().__init__()
        self.backbone = Backbone(shape)
        self.lateral = nn.ModuleList(Convolution(each, neck) for each in shape.channels)
        self.down = nn.ModuleList(Convolution(neck, neck, 3, 2, neck) for _ in range(STAGES - 1))
        self.towers = nn.ModuleList(
            nn.ModuleList(_Separable(neck) for _ in range(TOWER)) for _ in range(STAGES)
        )
        self.out = nn.ModuleList(nn.Conv2d(neck, SAID, 1) for _ in range(STAGES))
        for each in self.out:
            nn.init.zeros_(cast(Tensor, each.weight))
            nn.init.constant_(cast(Tensor, each.bias)[:1], RARE)
            nn.init.zeros_(cast(Tensor, each.bias)[1:])
        first = 2 ** (len(shape.stem) + 1)
        self.strides = tuple(first * 2**stage for stage in range(STAGES))

    def forward(self, pictures: Tensor) -> Said:
        """pictures [B, 3, H, W], BGR / 255 - 1/2; places in the order of ``places``."""
        return self.said(self.features(pictures))

    def said(self, features: list[Tensor]) -> Said:
        """What the last layer makes of the features of each grid."""
        scores, boxes = [], []
        for stride, out, each in zip(self.strides, self.out, features, strict=True):
            rows, columns = each.shape[2:]
            said = out(each).flatten(2).transpose(1, 2)
            centres = torch.from_numpy(cells(rows, columns)) + 0.5
            reach = said[:, :, 1:].clamp(-FARTHEST, FARTHEST).exp()
            corners = torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], dim=2)
            scores.append(said[:, :, 0])
            boxes.append(corners * stride)
        return Said(torch.cat(scores, 1), torch.cat(boxes, 1))

    def features(self, pictures: Tensor) -> list[Tensor]:
        """[B, neck, ., .] of each grid, fine to coarse."""
        found = [
            lateral(each)
            for lateral, each in zip(self.lateral, self.backbone(pictures), strict=True)
        ]
        for fine in range(STAGES - 2, -1, -1):
            above = F.interpolate(found[fine + 1], scale_factor=2.0)
            found[fine] = found[fine] + above[:, :, : found[fine].shape[2], : found[fine].shape[3]]
        for coarse in range(1, STAGES):
            found[coarse] = found[coarse] + self.down[coarse - 1](found[coarse - 1])
        for stage, tower in enumerate(self.towers):
            for layer in cast(nn.ModuleList, tower):
                found[stage] = layer(found[stage])
        return found


def inference_network(weights: Weights) -> DetectorNetwork:
    """That of a file of train-detector, for inference. Raises ValueError where they do not fit."""
    sizes = detector_sizes_of(weights)
    check_shapes(weights, detector_shapes(sizes))
    stem, channels, blocks, _ = sizes.backbone
    shape = Shape(stem, cast(tuple[int, int, int], channels), cast(tuple[int, int, int], blocks))
    network = DetectorNetwork(shape, sizes.neck)
    load_folded(network, {name: torch.from_numpy(each) for name, each in weights.items()})
    return network.eval().requires_grad_(False)


class _Separable(nn.Module):
    """A depthwise convolution and one of size 1, each rectified."""

    def __init__(self, channels: int):
        super().__init__()
        self.near = Convolution(channels, channels, TOWER_KERNEL, groups=channels)
        self.mix = Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.mix(F.relu(self.near(x))))


def places(size: tuple[int, int], strides: tuple[int, ...]) -> tuple[NDArray, NDArray]:
    """Centres [A, 2] (x, y) and strides [A] in pixels of the places of a picture of ``size``
    (rows, columns)."""
    grids = [cells(-(-size[0] // stride), -(-size[1] // stride)) for stride in strides]
    centres = [(grid + 0.5) * stride for grid, stride in zip(grids, strides, strict=True)]
    steps = [np.full(len(grid), stride) for grid, stride in zip(grids, strides, strict=True)]
    return np.concatenate(centres).astype(np.float32), np.concatenate(steps).astype(np.float32)
