"""backbone.Backbone without torch: pictures are [B, H, W, C], so that channels lie side by side.

Products are numpy's; depthwise convolutions and scans are in C where the library is there.
"""

import numpy as np

from mambatrack.kernels.arrays import depthwise, patches
from mambatrack.kernels.numpy_scan import Floats
from mambatrack.networks.array_layers import ArrayLayers, Taps, Weights, rectified
from mambatrack.networks.mamba_arrays import layer_norm, mamba_block
from mambatrack.networks.picture_places import s_shaped


class ArrayBackbone:
    """weights: backbone.folded_weights as numpy arrays, all of them there, below ``prefix``."""

    def __init__(self, weights: Weights, prefix: str = ""):
        self._weights, self._prefix = weights, prefix
        layers = self._layers = ArrayLayers(weights, prefix)
        self._stem = _count(weights, f"{prefix}stem")
        self._stages = [_count(weights, f"{prefix}stages.{stage}") for stage in range(3)]
        self._taps: dict[str, Taps] = {}
        for stage, blocks in enumerate(self._stages):
            for block in range(blocks):
                self._prepare(f"stages.{stage}.{block}")
            if stage:
                self._taps[f"halve.{stage - 1}"] = layers.taps(f"halve.{stage - 1}")

    def __call__(self, pictures: Floats) -> list[Floats]:
        """pictures [B, H, W, 3], BGR / 255 - 1/2 -> the features [B, ., ., C] of each stage."""
        x = pictures
        for number in range(self._stem):
            x = rectified(self._layers.product(f"stem.{number}", patches(x, 3, 2)))
        found = []
        for stage, blocks in enumerate(self._stages):
            if stage:
                halved = depthwise(x, *self._taps[f"halve.{stage - 1}"], stride=2)
                x = self._layers.product(f"change.{stage - 1}", halved)
            for block in range(blocks):
                x = self._block(f"stages.{stage}.{block}", x)
            found.append(x)
        return found

    def _block(self, name: str, x: Floats) -> Floats:
        x = depthwise(x, *self._taps[f"{name}.near"])
        x = x + self._mixer(f"{name}.mixer", x)
        wide = rectified(self._layers.product(f"{name}.widen", x))
        return x + self._layers.product(f"{name}.narrow", wide)

    def _mixer(self, name: str, x: Floats) -> Floats:
        third = x.shape[3] // 3
        mixed = x.copy()
        mixed[..., :third] = self._wavelets(f"{name}.scan", x[..., :third])
        mixed[..., third : 2 * third] = depthwise(
            x[..., third : 2 * third], *self._taps[f"{name}.local"]
        )
        return self._layers.product(f"{name}.out", rectified(mixed))

    def _wavelets(self, name: str, x: Floats) -> Floats:
        low, details = haar(x)
        batch, rows, columns, channels = low.shape
        order, path = s_shaped(rows, columns), f"{self._prefix}{name}"
        tokens = low.reshape(batch, -1, channels)[:, order]
        normed, scanned = layer_norm(self._weights, f"{path}.norm", tokens), tokens
        for side, reverse in (("left_to_right", False), ("right_to_left", True)):
            scanned = scanned + mamba_block(self._weights, f"{path}.{side}", normed, None, reverse)
        low = scanned[:, order].reshape(low.shape)
        details = depthwise(details, *self._taps[f"{name}.details"])
        return unhaar(low, details)[:, : x.shape[1], : x.shape[2]]

    def _prepare(self, name: str) -> None:
        """What is added to itself, and kernels of several sizes, become one convolution."""
        near = self._layers.taps(f"{name}.near")
        near.weight[1, 1] += 1
        details = self._layers.taps(f"{name}.mixer.scan.details")
        sizes = range(_count(self._weights, f"{self._prefix}{name}.mixer.local"))
        local = [self._layers.taps(f"{name}.mixer.local.{number}") for number in sizes]
        largest = max(len(each.weight) for each in local)
        weight = np.concatenate([_padded(each.weight, largest) for each in local], axis=2)
        bias = np.concatenate([each.bias for each in local])
        self._taps |= {
            f"{name}.near": near,
            f"{name}.mixer.scan.details": details,
            f"{name}.mixer.local": Taps(weight, bias),
        }


def haar(x: Floats) -> tuple[Floats, Floats]:
    """As backbone.haar: [B, H, W, C] -> [B, ., ., C] and [B, ., ., 3C]."""
    rows, columns = x.shape[1] % 2, x.shape[2] % 2
    if rows or columns:
        x = np.pad(x, ((0, 0), (0, rows), (0, columns), (0, 0)), mode="edge")
    left, right = x[:, :, ::2], x[:, :, 1::2]
    over, across = left + right, left - right
    top, below = over[:, ::2], over[:, 1::2]
    across_top, across_below = across[:, ::2], across[:, 1::2]
    details = [across_top + across_below, top - below, across_top - across_below]
    half = np.float32(0.5)
    return (top + below) * half, np.concatenate(details, axis=3) * half


def unhaar(low: Floats, details: Floats) -> Floats:
    """As backbone.unhaar."""
    across, down, both = np.split(details, 3, axis=3)
    batch, rows, columns, channels = low.shape
    found = np.empty((batch, rows, 2, columns, 2, channels), np.float32)
    over, other = low + down, across + both
    found[:, :, 0, :, 0], found[:, :, 0, :, 1] = over + other, over - other
    over, other = low - down, across - both
    found[:, :, 1, :, 0], found[:, :, 1, :, 1] = over + other, over - other
    found *= np.float32(0.5)
    return found.reshape(batch, 2 * rows, 2 * columns, channels)


def _padded(weight: Floats, size: int) -> Floats:
    around = (size - len(weight)) // 2
    return np.pad(weight, ((around, around), (around, around), (0, 0)))


def _count(weights: Weights, prefix: str) -> int:
    """How many numbers follow ``prefix`` in the names."""
    start = len(prefix) + 1
    return len({name[start:].split(".")[0] for name in weights if name.startswith(f"{prefix}.")})
