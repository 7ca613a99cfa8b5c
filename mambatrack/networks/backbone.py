"""The visual backbone in torch, for training; backbone_arrays.py runs it without.

Three stages in the manner of MobileMamba (He et al., arXiv 2411.15941): each block mixes a third of
its channels by a selective scan between two Haar transforms, a third by depthwise convolutions of
several sizes, and hands the last third on. Differs from MobileMamba, because the pictures are
small: the scan reads the low-pass band alone, a quarter of the places, in both directions along
rows that turn at their ends, and the network begins at a quarter or an eighth of the picture's
size.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.kernels.picture_shapes import KERNELS, kernel_shares
from mambatrack.networks.causal import DT_RANGE
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.picture_places import s_shaped

STATES = 4  # of the scans, per channel


def as_input(pictures: NDArray[np.uint8]) -> Tensor:
    """[B, H, W, 3] uint8 -> [B, 3, H, W] from -1/2 to 1/2."""
    return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - 0.5


class Convolution(nn.Module):
    """A convolution without bias and a batch norm, which ``folded`` makes one; rows and columns of
    zeros around the picture keep its size, but for ``stride``."""

    def __init__(self, inputs: int, outputs: int, size: int = 1, stride: int = 1, groups: int = 1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.norm(self.conv(x)))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight [outputs, inputs / groups, size, size] and bias [outputs] of one convolution."""
        variance = cast(Tensor, self.norm.running_var)
        scale = self.norm.weight / torch.sqrt(variance + self.norm.eps)
        bias = self.norm.bias - cast(Tensor, self.norm.running_mean) * scale
        return self.conv.weight * scale[:, None, None, None], bias

    @torch.no_grad()
    def unfold(self, weight: Tensor, bias: Tensor) -> None:
        """Takes what ``folded`` gave, so that it computes the same outside of training."""
        self.conv.weight.copy_(weight)
        self.norm.bias.copy_(bias)
        nn.init.ones_(self.norm.weight)
        nn.init.zeros_(cast(Tensor, self.norm.running_mean))
        nn.init.constant_(cast(Tensor, self.norm.running_var), 1 - self.norm.eps)


class WaveletScan(nn.Module):
    """Haar transform; a scan over the low-pass band in both directions, and a convolution of each
    of the others; and back."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.left_to_right = MambaBlock(channels, STATES, dt_range=DT_RANGE)
        self.right_to_left = MambaBlock(channels, STATES, reverse=True, dt_range=DT_RANGE)
        self.details = Convolution(3 * channels, 3 * channels, 3, groups=3 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, C, H, W]."""
        rows, columns = x.shape[2:]
        low, details = haar(x)
        low = low + self._scanned(low)
        return unhaar(low, self.details(details))[:, :, :rows, :columns]

    def _scanned(self, low: Tensor) -> Tensor:
        batch, channels, rows, columns = low.shape
        order = torch.from_numpy(s_shaped(rows, columns)).to(low.device)
        tokens = self.norm(low.flatten(2).transpose(1, 2)[:, order])
        lengths = torch.full((batch,), rows * columns, device=low.device)
        y = self.left_to_right(tokens, lengths) + self.right_to_left(tokens, lengths)
        return y[:, order].transpose(1, 2).reshape(batch, channels, rows, columns)


class Mixer(nn.Module):
    """Mixing over places of several sizes at once, then over channels."""

    def __init__(self, channels: int):
        super().__init__()
        third = self.third = channels // 3
        self.scan = WaveletScan(third)
        self.shares = kernel_shares(third)
        self.local = nn.ModuleList(
            Convolution(each, each, size, groups=each)
            for each, size in zip(self.shares, KERNELS, strict=True)
        )
        self.out = Convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        third = self.third
        parts = x[:, third : 2 * third].split(self.shares, dim=1)
        local = [conv(part) for conv, part in zip(self.local, parts, strict=True)]
        mixed = torch.cat([self.scan(x[:, :third]), *local, x[:, 2 * third :]], dim=1)
        return cast(Tensor, self.out(F.relu(mixed)))


class Block(nn.Module):
    """X' = X + DW(X); X'' = X' + Mixer(X'); X'' + FFN(X'')."""

    def __init__(self, channels: int):
        super().__init__()
        self.near = Convolution(channels, channels, 3, groups=channels)
        self.mixer = Mixer(channels)
        self.widen = Convolution(channels, 2 * channels)
        self.narrow = Convolution(2 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.near(x)
        x = x + self.mixer(x)
        return cast(Tensor, x + self.narrow(F.relu(self.widen(x))))


class Shape(NamedTuple):
    """Channels of the stem's convolutions but for the last, which has those of the first stage; of
    the stages; and blocks of the stages."""

    stem: tuple[int, ...]
    channels: tuple[int, int, int]
    blocks: tuple[int, int, int]


class Backbone(nn.Module):
    """A picture -> features of three stages, each half as large as the one before; each convolution
    of the stem halves the picture first."""

    def __init__(self, shape: Shape):
        super().__init__()
        first, second, third = shape.channels
        widths = (3, *shape.stem, first)
        self.stem = nn.ModuleList(Convolution(*each, 3, 2) for each in pairwise(widths))
        self.stages = nn.ModuleList(
            nn.ModuleList(Block(channels) for _ in range(count))
            for channels, count in zip(shape.channels, shape.blocks, strict=True)
        )
        self.halve = nn.ModuleList(
            Convolution(each, each, 3, 2, groups=each) for each in (first, second)
        )
        self.change = nn.ModuleList([Convolution(first, second), Convolution(second, third)])

    def forward(self, picture: Tensor) -> list[Tensor]:
        """picture [B, 3, H, W], BGR / 255 - 1/2 -> the features [B, C, ., .] of each stage."""
        x = picture
        for conv in self.stem:
            x = F.relu(conv(x))
        found: list[Tensor] = []
        for number, stage in enumerate(self.stages):
            if number:
                x = self.change[number - 1](self.halve[number - 1](x))
            for block in cast(nn.ModuleList, stage):
                x = block(x)
            found.append(x)
        return found


def haar(x: Tensor) -> tuple[Tensor, Tensor]:
    """[B, C, H, W] -> the low-pass band [B, C, ., .] and the three others [B, 3C, ., .], of half
    the size; an odd last row or column is repeated."""
    x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2), mode="replicate")
    a, b = x[:, :, ::2, ::2], x[:, :, ::2, 1::2]
    c, d = x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2]
    details = torch.cat([a - b + c - d, a + b - c - d, a - b - c + d], dim=1)
    return (a + b + c + d) / 2, details / 2


def unhaar(low: Tensor, details: Tensor) -> Tensor:
    """What ``haar`` was given, with its repeated row and column."""
    across, down, both = details.chunk(3, dim=1)
    places = [low + across + down + both, low - across + down - both,
              low + across - down - both, low - across - down + both]  # fmt: skip
    return F.pixel_shuffle(torch.stack(places, dim=2).flatten(1, 2) / 2, 2)


def folded_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights by name, each convolution and its batch norm as NAME.weight and NAME.bias."""
    found: dict[str, Tensor] = {}
    inside = {name for name, each in model.named_modules() if isinstance(each, Convolution)}
    for name in inside:
        weight, bias = cast(Convolution, model.get_submodule(name)).folded()
        found |= {f"{name}.weight": weight.detach(), f"{name}.bias": bias.detach()}
    for name, value in model.named_parameters():
        if not any(name.startswith(f"{each}.") for each in inside):
            found[name] = value.detach()
    return found


def load_folded(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Gives ``model`` what ``folded_weights`` took of one like it."""
    own = dict(model.named_parameters())
    for name, each in model.named_modules():
        if isinstance(each, Convolution):
            each.unfold(weights[f"{name}.weight"], weights[f"{name}.bias"])
    with torch.no_grad():
        for name, value in weights.items():
            if name in own:
                own[name].copy_(value)
