"""The weights of every kind of network by name, and their shapes as functions of a few sizes.

Who reads a model file and who packs weights for the C library check against these, before a shape
is relied on. No torch here.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Shapes = dict[str, tuple[int, ...]]
State = Mapping[str, Any]  # arrays by name

BOTH = ("left_to_right", "right_to_left")  # branches of a block of the window and of the gap filler
ONE = ("mamba",)  # of a block of the causal network
MAX_BACK = 32  # tokens of a look-back; BLOCK of cpu/network.h is more


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


MOST = Sizes(1024, 4096, 8192, 8192, 256, 256, 64, 64, 4096)
MOST_OF_PAIRS = PairSizes(1024, 1024, 4096, 8192, 4096, 16)


def sizes_of(state: State, branches: tuple[str, ...]) -> Sizes:
    """As the weights have them. ValueError where one that tells them is missing, has another number
    of axes, or where a size is out of bounds."""
    model, inputs = shape_of(state, "embed.weight", 2)
    block = f"blocks.0.{branches[0]}"
    inner, states = shape_of(state, f"{block}.A_log", 2)
    mlp = any(".mlp." in name for name in state)
    sizes = Sizes(
        inputs=inputs,
        model=model,
        inner=inner,
        hidden=shape_of(state, "blocks.0.mlp.0.bias", 1)[0] if mlp else 0,
        rank=shape_of(state, f"{block}.dt.weight", 2)[1],
        states=states,
        taps=shape_of(state, f"{block}.conv", 2)[0],
        layers=count_of(state, "blocks."),
        outputs=shape_of(state, "head.2.bias", 1)[0],
    )
    _check_bounds(sizes, MOST, {"hidden": int(mlp)})
    return sizes


def pair_sizes_of(state: State) -> PairSizes:
    """The same of a pair network."""
    wide, features = shape_of(state, "pair.weight", 2)
    sizes = PairSizes(
        features=features,
        alone=shape_of(state, "alone_mean", 1)[0],
        code=shape_of(state, "history.weight", 2)[1],
        wide=wide,
        width=shape_of(state, "reduce.bias", 1)[0],
        rounds=count_of(state, "rounds."),
    )
    _check_bounds(sizes, MOST_OF_PAIRS, {"rounds": 0})
    return sizes


def motion_shapes(sizes: Sizes, branches: tuple[str, ...], back: bool = False) -> Shapes:
    """Of networks/window.py and networks/causal.py; back: with a look-back."""
    shapes = linear_shapes("embed", sizes.model, sizes.inputs)
    if back:
        shapes |= mamba_shapes("right_to_left", sizes)
    for i in range(sizes.layers):
        for branch in branches:
            shapes |= mamba_shapes(f"blocks.{i}.{branch}", sizes)
        shapes |= linear_shapes(f"blocks.{i}.mlp.0", sizes.hidden, sizes.model)
        shapes |= linear_shapes(f"blocks.{i}.mlp.2", sizes.model, sizes.hidden)
        shapes |= norm_shapes(f"blocks.{i}.norm", sizes.model)
    return shapes | _head(sizes)


def gap_shapes(sizes: Sizes) -> Shapes:
    """Of the network that fills gaps."""
    shapes = linear_shapes("embed", sizes.model, sizes.inputs)
    for i in range(sizes.layers):
        for branch in BOTH:
            shapes |= mamba_shapes(f"blocks.{i}.{branch}", sizes)
        shapes |= norm_shapes(f"blocks.{i}.norm", sizes.model)
    return shapes | norm_shapes("norm", sizes.model) | _head(sizes)


def pair_shapes(sizes: PairSizes) -> Shapes:
    """Of the pair network without its encoder."""
    width, wide = sizes.width, sizes.wide
    shapes: Shapes = {"history.weight": (wide, sizes.code)}
    for name, size in (("feature", sizes.features), ("alone", sizes.alone)):
        shapes |= {f"{name}_mean": (size,), f"{name}_scale": (size,)}
    for i in range(sizes.rounds):
        shapes |= linear_shapes(f"rounds.{i}.own", width, width)
        for side in ("track", "detection"):
            shapes[f"rounds.{i}.{side}.weight"] = (width, width)
    return (
        shapes
        | linear_shapes("pair", wide, sizes.features)
        | linear_shapes("reduce", width, wide)
        | linear_shapes("track", width, width)
        | linear_shapes("detection", width, width + sizes.alone)
        | linear_shapes("out", 1, width)
        | linear_shapes("track_out", 1, width)
        | linear_shapes("detection_out", 2, width)
    )


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


def mamba_shapes(name: str, sizes: Sizes) -> Shapes:
    """Of mamba.MambaBlock."""
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


def linear_shapes(name: str, outputs: int, inputs: int) -> Shapes:
    """Of a linear layer."""
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def norm_shapes(name: str, size: int) -> Shapes:
    """Of a layer norm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _head(sizes: Sizes) -> Shapes:
    return linear_shapes("head.0", sizes.model, sizes.model) | linear_shapes(
        "head.2", sizes.outputs, sizes.model
    )


def shape_of(state: State, name: str, axes: int) -> tuple[int, ...]:
    """ValueError where the weight is missing or has another number of axes."""
    if name not in state:
        raise ValueError(f"the network's weight {name} is missing")
    shape = tuple(state[name].shape)
    if len(shape) != axes:
        raise ValueError(f"{name}: {axes} axes expected, got {list(shape)}")
    return shape


def count_of(state: State, prefix: str, place: int = 1) -> int:
    """How many words stand at ``place`` of the names, split at points, that have this prefix."""
    return len({name.split(".")[place] for name in state if name.startswith(prefix)})


def _check_bounds(
    sizes: Sizes | PairSizes, most: Sizes | PairSizes, least: Mapping[str, int]
) -> None:
    for name, size, high in zip(sizes._fields, sizes, most, strict=True):
        low = least.get(name, 1)
        if not low <= size <= high:
            raise ValueError(f"{name} of the network from {low} to {high} expected, got {size}")
