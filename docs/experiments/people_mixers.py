"""The association networks that interaction.py compares.

    python docs/experiments/people_mixers.py

prints how many weights each has, and the longest step along the curve that people are scanned on.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mambatrack.association.features import NAMES
from mambatrack.config import AssociationConfig
from mambatrack.kernels.reference import token_mask
from mambatrack.learning.association_network import (
    PairBatch,
    PairLogits,
    PairNetwork,
    _pooled,
    _Round,
)
from mambatrack.networks.causal import DT_RANGE, CausalMotionPredictor
from mambatrack.networks.mamba import MambaBlock
from mambatrack.networks.units import CODE_LIMIT

WAVES = 4  # of a position, each twice as short as the one before
BITS = 6  # of x and of y along the Hilbert curve
DILATION = 4  # tokens from one of the slow history to the next


class People(NamedTuple):
    """The tracks with a candidate and the detections of a batch, frame by frame along the curve.

    index [P]: into all tracks and then all detections;  row, column [P]: the frame and the place in
    it;  lengths [R]: people of each frame;  position [P, 2]: in the picture, from 0 to 1
    """

    index: Tensor
    row: Tensor
    column: Tensor
    lengths: Tensor
    position: Tensor


class Scene(NamedTuple):
    """What a network reads of some frames."""

    batch: PairBatch
    people: People


class Mixer(nn.Module):
    """People of a frame hear of each other by ``mix``, and every pair of its track and detection;
    at the start nothing is added."""

    def __init__(self, d_model: int):
        super().__init__()
        self.place = nn.Linear(4 * WAVES, d_model)
        self.kind = nn.Parameter(torch.zeros(2, d_model))
        self.norm = nn.LayerNorm(d_model)
        self.heard = _Round(d_model)
        self.out = nn.Linear(d_model, d_model)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden: Tensor, sides: tuple[Tensor, Tensor], scene: Scene) -> Tensor:
        people, tracks = scene.people, len(sides[0])
        everybody = torch.cat([side + kind for side, kind in zip(sides, self.kind, strict=True)])
        tokens = everybody[people.index] + self.place(_waves(people.position))
        rows = tokens.new_zeros(len(people.lengths), int(people.lengths.max()), tokens.shape[1])
        rows[people.row, people.column] = self.norm(tokens)
        mixed = tokens + self.mix(rows, people.lengths)[people.row, people.column]
        everybody = torch.zeros_like(everybody).index_copy(0, people.index, mixed)
        heard = self.heard(hidden, everybody[:tracks], everybody[tracks:], scene.batch) - hidden
        return hidden + cast(Tensor, self.out(heard))

    def mix(self, rows: Tensor, lengths: Tensor) -> Tensor:
        raise NotImplementedError


class Attention(Mixer):
    def __init__(self, d_model: int):
        super().__init__(d_model)
        self.attend = nn.MultiheadAttention(d_model, 4, batch_first=True)

    def mix(self, rows: Tensor, lengths: Tensor) -> Tensor:
        absent = ~token_mask(lengths, *rows.shape[:2], rows.device)
        said = self.attend(rows, rows, rows, key_padding_mask=absent, need_weights=False)
        return cast(Tensor, said[0])


class CrossScan(Mixer):
    """A selective scan along the curve, from both ends."""

    def __init__(self, d_model: int):
        super().__init__(d_model)
        self.there = MambaBlock(d_model, 8, dt_range=DT_RANGE)
        self.back = MambaBlock(d_model, 8, reverse=True, dt_range=DT_RANGE)

    def mix(self, rows: Tensor, lengths: Tensor) -> Tensor:
        return cast(Tensor, self.there(rows, lengths) + self.back(rows, lengths))


class Mixed(PairNetwork):
    """The association network with mixers before its rounds, and the history read at a second rate
    where ``slow``."""

    def __init__(self, rounds: int = 2, mixers: tuple[type[Mixer], ...] = (), slow: bool = False):
        plain = AssociationConfig()
        d_model = plain.d_model
        super().__init__(d_model, plain.layers, plain.d_state, rounds)
        self.mixers = nn.ModuleList(each(d_model) for each in mixers)
        self.slow = None
        if slow:
            self.slow = CausalMotionPredictor(d_model, 1, 8, inputs=len(NAMES), outputs=d_model)
            last = cast(nn.Linear, self.slow.head[2])
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def answer(self, scene: Scene) -> PairLogits:
        """As PairNetwork.forward."""
        batch = scene.batch
        features = self._normal(batch.features, "feature")
        code = self._codes(features, batch)
        hidden = self.pair(features) + self.history(code)[batch.tracks]
        hidden = F.relu(self.reduce(F.relu(hidden)))
        sides = _pooled(hidden, batch)
        for each in self.mixers:
            hidden = each(hidden, sides, scene)
            sides = _pooled(hidden, batch)
        for each in self.rounds:
            hidden = each(hidden, *sides, batch)
            sides = _pooled(hidden, batch)
        tracks, detections = sides
        seen = torch.cat([detections, self._normal(batch.alone, "alone")], dim=1)
        unmatched, person = self.detection_out(F.relu(self.detection(seen))).unbind(1)
        lost = self.track_out(F.relu(self.track(tracks)))[:, 0]
        return PairLogits(self.out(hidden)[:, 0], lost, unmatched, person)

    def _codes(self, features: Tensor, batch: PairBatch) -> Tensor:
        codes = super()._codes(features, batch)
        if self.slow is None:
            return codes
        sequences, longest = len(batch.lengths), max([1, *batch.lengths.tolist()])
        longest += -longest % DILATION
        tokens = features.new_zeros(sequences, longest, features.shape[1])
        tokens[batch.token_track, batch.token_place] = features[batch.token_pair]
        said = F.pad(self._slow_codes(tokens, batch.lengths), (0, 0, 1, 0))
        return (codes + said[batch.track_of, batch.heard]).clamp(-CODE_LIMIT, CODE_LIMIT)

    def _slow_codes(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """tokens [S, L, F] -> codes [S, L, d_model], each of every DILATION-th token up to it."""
        assert self.slow is not None
        phases = tokens.unflatten(1, (-1, DILATION)).transpose(1, 2).flatten(0, 1)
        starts = torch.arange(DILATION)
        own = (lengths[:, None] - starts + DILATION - 1).div(DILATION, rounding_mode="floor")
        said = self.slow(phases, own.clamp(min=0).flatten())[0]
        return said.unflatten(0, (-1, DILATION)).transpose(1, 2).flatten(1, 2)


VARIANTS: dict[str, Callable[[], Mixed]] = {
    "two rounds (ours)": Mixed,
    "attention, two rounds": lambda: Mixed(2, (Attention,)),
    "scan across people, two rounds": lambda: Mixed(2, (CrossScan,)),
    "two rates of history, two rounds": lambda: Mixed(2, (), True),
    "attention": lambda: Mixed(0, (Attention, Attention)),
    "scan across people": lambda: Mixed(0, (CrossScan, CrossScan)),
    "no rounds": lambda: Mixed(0),
    "three rounds": lambda: Mixed(3),
}


def _waves(position: Tensor) -> Tensor:
    """position [P, 2] -> [P, 4 WAVES]."""
    angle = (position[..., None] * torch.pi * 2.0 ** torch.arange(WAVES)).flatten(1)
    return torch.cat([torch.sin(angle), torch.cos(angle)], dim=1)


def hilbert(position: NDArray) -> NDArray[np.int64]:
    """position [P, 2] from 0 to 1 -> how far along Hilbert's curve of 2^BITS places a side."""
    x, y = (position.clip(0, 1 - 1e-9) * 2**BITS).astype(np.int64).T
    along = np.zeros(len(x), np.int64)
    for bit in reversed(range(BITS)):
        side = 1 << bit
        right, low = (x & side) > 0, (y & side) > 0
        along += side * side * ((3 * right) ^ low)
        turned = right & ~low
        x, y = (np.where(turned, side - 1 - (each & (side - 1)), each & (side - 1))
                for each in (x, y))  # fmt: skip
        x, y = np.where(low, x, y), np.where(low, y, x)
    return along


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    for name, make in VARIANTS.items():
        print(f"{name}: {sum(each.numel() for each in make().parameters())} weights")
    places = np.argwhere(np.ones((2**BITS, 2**BITS)))
    along = places[np.argsort(hilbert((places + 0.5) / 2**BITS))]
    print(f"longest step along the curve: {np.abs(np.diff(along, axis=0)).sum(1).max()}")


if __name__ == "__main__":
    main()
