"""The weights of every kind of network by name, and their shapes as functions of a few sizes.

Who reads a model file and who packs weights for the C library check against these, before a shape
is relied on. No torch here.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, NamedTuple

Shapes = dict[str, tuple[int, ...]]
State = Mapping[str, Any]  # arrays by name

BOTH = ("left_to_right", "right_to_left")  # branches of a block of the window and of the gap filler
ONE = ("mamba",)  # of a block of the causal network
MAX_BACK = 32  # tokens of a look-back; BLOCK of cpu/network.h is more

KERNELS = (3, 5, 7)  # of the depthwise convolutions of a mixer, see kernel_shares
STRIPES = 3  # of a body, from head to feet, that an embedder reads


class Sizes(NamedTuple):
    """Of a network of Mamba blocks. hidden: channels of an MLP, 0 where blocks have none."""

    inputs: int
    model: int
    inner: int
    hidden: int
    rank: int
    states: int
    taps: int
    layers: int
    outputs: int


class PairSizes(NamedTuple):
    """Of the pair network without its encoder; code: of a track's history."""

    features: int
    alone: int
    code: int
    wide: int
    width: int
    rounds: int


class EmbedderSizes(NamedTuple):
    """Channels of the stem's first convolution and of the stages, blocks of the stages, states of
    the scans, and numbers of a vector."""

    stem: int
    channels: tuple[int, ...]
    blocks: tuple[int, ...]
    states: int
    code: int


MOST = Sizes(1024, 4096, 8192, 8192, 256, 256, 64, 64, 4096)
MOST_OF_PAIRS = PairSizes(1024, 1024, 4096, 8192, 4096, 16)


def sizes_of(state: State, branches: tuple[str, ...]) -> Sizes:
    """As the weights have them. ValueError where one that tells them is missing, has another number
    of axes, or where a size is out of bounds."""
    model, inputs = _shape(state, "embed.weight", 2)
    block = f"blocks.0.{branches[0]}"
    inner, states = _shape(state, f"{block}.A_log", 2)
    mlp = any(".mlp." in name for name in state)
    sizes = Sizes(
        inputs=inputs,
        model=model,
        inner=inner,
        hidden=_shape(state, "blocks.0.mlp.0.bias", 1)[0] if mlp else 0,
        rank=_shape(state, f"{block}.dt.weight", 2)[1],
        states=states,
        taps=_shape(state, f"{block}.conv", 2)[0],
        layers=_count(state, "blocks."),
        outputs=_shape(state, "head.2.bias", 1)[0],
    )
    _check_bounds(sizes, MOST, {"hidden": int(mlp)})
    return sizes


def pair_sizes_of(state: State) -> PairSizes:
    """The same of a pair network."""
    wide, features = _shape(state, "pair.weight", 2)
    sizes = PairSizes(
        features=features,
        alone=_shape(state, "alone_mean", 1)[0],
        code=_shape(state, "history.weight", 2)[1],
        wide=wide,
        width=_shape(state, "reduce.bias", 1)[0],
        rounds=_count(state, "rounds."),
    )
    _check_bounds(sizes, MOST_OF_PAIRS, {"rounds": 0})
    return sizes


def embedder_sizes_of(state: State) -> EmbedderSizes:
    """The same of an embedder."""
    stages = [f"backbone.stages.{stage}" for stage in range(3)]
    sizes = EmbedderSizes(
        stem=_shape(state, "backbone.stem.0.bias", 1)[0],
        channels=tuple(_shape(state, f"{stage}.0.near.bias", 1)[0] for stage in stages),
        blocks=tuple(_count(state, f"{stage}.", 3) for stage in stages),
        states=_shape(state, f"{stages[0]}.0.mixer.scan.left_to_right.A_log", 2)[1],
        code=_shape(state, "head.bias", 1)[0],
    )
    numbers = (sizes.stem, *sizes.channels, *sizes.blocks, sizes.states, sizes.code)
    if not 1 <= min(numbers) <= max(numbers) <= MOST.model or sizes.states > MOST.states:
        raise ValueError(f"sizes of an embedder from 1 to {MOST.model} expected, got {numbers}")
    if any(channels % 3 or channels < 3 * len(KERNELS) for channels in sizes.channels):
        raise ValueError(f"stages of 9, 12, 15 ... channels expected, got {sizes.channels}")
    return sizes


def kernel_shares(third: int) -> list[int]:
    """Channels for each of KERNELS, of those that a mixer gives to convolutions."""
    share = third // len(KERNELS)
    return [third - share * (len(KERNELS) - 1), *[share] * (len(KERNELS) - 1)]


def motion_shapes(sizes: Sizes, branches: tuple[str, ...], back: bool = False) -> Shapes:
    """Of networks/window.py and networks/causal.py; back: with a look-back."""
    shapes = _linear("embed", sizes.model, sizes.inputs)
    if back:
        shapes |= _mamba("right_to_left", sizes)
    for i in range(sizes.layers):
        for branch in branches:
            shapes |= _mamba(f"blocks.{i}.{branch}", sizes)
        shapes |= _linear(f"blocks.{i}.mlp.0", sizes.hidden, sizes.model)
        shapes |= _linear(f"blocks.{i}.mlp.2", sizes.model, sizes.hidden)
        shapes |= _norm(f"blocks.{i}.norm", sizes.model)
    return shapes | _head(sizes)


def gap_shapes(sizes: Sizes) -> Shapes:
    """Of the network that fills gaps."""
    shapes = _linear("embed", sizes.model, sizes.inputs)
    for i in range(sizes.layers):
        for branch in BOTH:
            shapes |= _mamba(f"blocks.{i}.{branch}", sizes)
        shapes |= _norm(f"blocks.{i}.norm", sizes.model)
    return shapes | _norm("norm", sizes.model) | _head(sizes)


def pair_shapes(sizes: PairSizes) -> Shapes:
    """Of the pair network without its encoder."""
    width, wide = sizes.width, sizes.wide
    shapes: Shapes = {"history.weight": (wide, sizes.code)}
    for name, size in (("feature", sizes.features), ("alone", sizes.alone)):
        shapes |= {f"{name}_mean": (size,), f"{name}_scale": (size,)}
    for i in range(sizes.rounds):
        shapes |= _linear(f"rounds.{i}.own", width, width)
        for side in ("track", "detection"):
            shapes[f"rounds.{i}.{side}.weight"] = (width, width)
    return (
        shapes
        | _linear("pair", wide, sizes.features)
        | _linear("reduce", width, wide)
        | _linear("track", width, width)
        | _linear("detection", width, width + sizes.alone)
        | _linear("out", 1, width)
        | _linear("track_out", 1, width)
        | _linear("detection_out", 2, width)
    )


def embedder_shapes(sizes: EmbedderSizes) -> Shapes:
    """Of networks/backbone.py with its convolutions folded, and the head of an embedder."""
    first, *_ = channels = sizes.channels
    shapes = _convolution("backbone.stem.0", sizes.stem, 3, 3)
    shapes |= _convolution("backbone.stem.1", first, sizes.stem, 3)
    for i, (before, after) in enumerate(zip(channels, channels[1:], strict=False)):
        shapes |= _convolution(f"backbone.halve.{i}", before, 1, 3)
        shapes |= _convolution(f"backbone.change.{i}", after, before)
    for stage, (width, count) in enumerate(zip(channels, sizes.blocks, strict=True)):
        for block in range(count):
            shapes |= _picture_block(f"backbone.stages.{stage}.{block}", width, sizes.states)
    return shapes | _linear("head", sizes.code, STRIPES * sum(channels))


def check_shapes(state: State, shapes: Shapes) -> None:
    """ValueError where a weight is missing, of another shape, or not of the network."""
    for name, shape in shapes.items():
        if name not in state:
            raise ValueError(f"the network's weight {name} is missing")
        if tuple(state[name].shape) != shape:
            raise ValueError(f"{name}: {list(shape)} expected, got {list(state[name].shape)}")
    for name in state:
        if name not in shapes:
            raise ValueError(f"{name[:80]!r} is no weight of this network")


def _picture_block(name: str, width: int, states: int) -> Shapes:
    third, mixer = width // 3, f"{name}.mixer"
    scanned = Sizes(0, third, 2 * third, 0, ceil(third / 16), states, 4, 0, 0)
    shapes = _convolution(f"{name}.near", width, 1, 3) | _norm(f"{mixer}.scan.norm", third)
    for branch in BOTH:
        shapes |= _mamba(f"{mixer}.scan.{branch}", scanned)
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


def _mamba(name: str, sizes: Sizes) -> Shapes:
    inner, rank, states = sizes.inner, sizes.rank, sizes.states
    return {
        f"{name}.in_x.weight": (inner, sizes.model),
        f"{name}.in_z.weight": (inner, sizes.model),
        f"{name}.conv": (sizes.taps, inner),
        f"{name}.conv_bias": (inner,),
        f"{name}.select.weight": (rank + 2 * states, inner),
        f"{name}.dt.weight": (inner, rank),
        f"{name}.dt.bias": (inner,),
        f"{name}.A_log": (inner, states),
        f"{name}.D": (inner,),
        f"{name}.out.weight": (sizes.model, inner),
    }


def _linear(name: str, outputs: int, inputs: int) -> Shapes:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, size: int) -> Shapes:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _head(sizes: Sizes) -> Shapes:
    return _linear("head.0", sizes.model, sizes.model) | _linear(
        "head.2", sizes.outputs, sizes.model
    )


def _shape(state: State, name: str, axes: int) -> tuple[int, ...]:
    if name not in state:
        raise ValueError(f"the network's weight {name} is missing")
    shape = tuple(state[name].shape)
    if len(shape) != axes:
        raise ValueError(f"{name}: {axes} axes expected, got {list(shape)}")
    return shape


def _count(state: State, prefix: str, place: int = 1) -> int:
    return len({name.split(".")[place] for name in state if name.startswith(prefix)})


def _check_bounds(
    sizes: Sizes | PairSizes, most: Sizes | PairSizes, least: Mapping[str, int]
) -> None:
    for name, size, high in zip(sizes._fields, sizes, most, strict=True):
        low = least.get(name, 1)
        if not low <= size <= high:
            raise ValueError(f"{name} of the network from {low} to {high} expected, got {size}")
