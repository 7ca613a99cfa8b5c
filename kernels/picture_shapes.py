"""The weights of the networks that see pictures, by name: the backbone, an embedder, a detector.

See weight_shapes.py. No torch here.
"""

from math import ceil
from typing import NamedTuple

from mambatrack.kernels.weight_shapes import (
    BOTH,
    MOST,
    Shapes,
    Sizes,
    State,
    count_of,
    linear_shapes,
    mamba_shapes,
    norm_shapes,
    shape_of,
)

KERNELS = (3, 5, 7)  # of the depthwise convolutions of a mixer, see kernel_shares
STRIPES = 3  # of a body, from head to feet, that an embedder reads
STAGES = 3
TOWER = 2  # layers of a detector's head on each stage
TOWER_KERNEL = 5
FARTHEST = 6.0  # logarithm of the longest distance to a side of a box, in strides
SAID = 5  # numbers that a detector's head says of each place: a score and four distances


class BackboneSizes(NamedTuple):
    """Channels of the stem's convolutions but for the last, and of the stages; blocks of the
    stages; states of the scans."""

    stem: tuple[int, ...]
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    states: int


class EmbedderSizes(NamedTuple):
    """code: numbers of a vector"""

    backbone: BackboneSizes
    code: int


class DetectorSizes(NamedTuple):
    """neck: channels of its head"""

    backbone: BackboneSizes
    neck: int


def embedder_sizes_of(state: State) -> EmbedderSizes:
    """As the weights have them. ValueError where one that tells them is missing, has another number
    of axes, or where a size is out of bounds."""
    backbone, code = _backbone_sizes_of(state), shape_of(state, "head.bias", 1)[0]
    _check_size("code", code)
    _check_size("convolutions of the stem", len(backbone.stem) + 1, 2, 2)
    return EmbedderSizes(backbone, code)


def detector_sizes_of(state: State) -> DetectorSizes:
    """The same of a detector."""
    backbone, neck = _backbone_sizes_of(state), shape_of(state, "lateral.0.bias", 1)[0]
    _check_size("neck", neck)
    _check_size("convolutions of the stem", len(backbone.stem) + 1, 4, 2)
    return DetectorSizes(backbone, neck)


def kernel_shares(third: int) -> list[int]:
    """Channels for each of KERNELS, of those that a mixer gives to convolutions."""
    share = third // len(KERNELS)
    return [third - share * (len(KERNELS) - 1), *[share] * (len(KERNELS) - 1)]


def embedder_shapes(sizes: EmbedderSizes) -> Shapes:
    """Of networks/backbone.py with its convolutions folded, and the head of an embedder."""
    inputs = STRIPES * sum(sizes.backbone.channels)
    return _backbone_shapes(sizes.backbone) | linear_shapes("head", sizes.code, inputs)


def detector_shapes(sizes: DetectorSizes) -> Shapes:
    """Of the same backbone, and the head of a detector."""
    shapes, neck = _backbone_shapes(sizes.backbone), sizes.neck
    for stage, channels in enumerate(sizes.backbone.channels):
        shapes |= _convolution(f"lateral.{stage}", neck, channels)
        for layer in range(TOWER):
            tower = f"towers.{stage}.{layer}"
            shapes |= _convolution(f"{tower}.near", neck, 1, TOWER_KERNEL)
            shapes |= _convolution(f"{tower}.mix", neck, neck)
        shapes |= _convolution(f"out.{stage}", SAID, neck)
    for stage in range(STAGES - 1):
        shapes |= _convolution(f"down.{stage}", neck, 1, 3)
    return shapes


def _backbone_sizes_of(state: State) -> BackboneSizes:
    stages = [f"backbone.stages.{stage}" for stage in range(STAGES)]
    convolutions = count_of(state, "backbone.stem.", 2)
    stem = [shape_of(state, f"backbone.stem.{i}.bias", 1)[0] for i in range(convolutions)]
    sizes = BackboneSizes(
        stem=tuple(stem[:-1]),
        channels=tuple(shape_of(state, f"{stage}.0.near.bias", 1)[0] for stage in stages),
        blocks=tuple(count_of(state, f"{stage}.", 3) for stage in stages),
        states=shape_of(state, f"{stages[0]}.0.mixer.scan.left_to_right.A_log", 2)[1],
    )
    for name, numbers in sizes._asdict().items():
        for number in numbers if isinstance(numbers, tuple) else (numbers,):
            _check_size(name, number, MOST.states if name == "states" else MOST.model)
    if any(channels % 3 or channels < 3 * len(KERNELS) for channels in sizes.channels):
        raise ValueError(f"stages of 9, 12, 15 ... channels expected, got {sizes.channels}")
    return sizes


def _check_size(name: str, found: int, most: int = MOST.model, least: int = 1) -> None:
    if not least <= found <= most:
        raise ValueError(f"{name} of the network from {least} to {most} expected, got {found}")


def _backbone_shapes(sizes: BackboneSizes) -> Shapes:
    shapes: Shapes = {}
    widths = (3, *sizes.stem, sizes.channels[0])
    for i, (before, after) in enumerate(zip(widths, widths[1:], strict=False)):
        shapes |= _convolution(f"backbone.stem.{i}", after, before, 3)
    for i, (before, after) in enumerate(zip(sizes.channels, sizes.channels[1:], strict=False)):
        shapes |= _convolution(f"backbone.halve.{i}", before, 1, 3)
        shapes |= _convolution(f"backbone.change.{i}", after, before)
    for stage, (width, count) in enumerate(zip(sizes.channels, sizes.blocks, strict=True)):
        for block in range(count):
            shapes |= _block_shapes(f"backbone.stages.{stage}.{block}", width, sizes.states)
    return shapes


def _block_shapes(name: str, width: int, states: int) -> Shapes:
    third, mixer = width // 3, f"{name}.mixer"
    scanned = Sizes(0, third, 2 * third, 0, ceil(third / 16), states, 4, 0, 0)
    shapes = _convolution(f"{name}.near", width, 1, 3) | norm_shapes(f"{mixer}.scan.norm", third)
    for branch in BOTH:
        shapes |= mamba_shapes(f"{mixer}.scan.{branch}", scanned)
    for i, (share, size) in enumerate(zip(kernel_shares(third), KERNELS, strict=True)):
        shapes |= _convolution(f"{mixer}.local.{i}", share, 1, size)
    return (
        shapes
        | _convolution(f"{mixer}.scan.details", 3 * third, 1, 3)
        | _convolution(f"{mixer}.out", width, width)
        | _convolution(f"{name}.widen", 2 * width, width)
        | _convolution(f"{name}.narrow", width, 2 * width)
    )


def _convolution(name: str, outputs: int, inputs: int, size: int = 1) -> Shapes:
    return {f"{name}.weight": (outputs, inputs, size, size), f"{name}.bias": (outputs,)}
