"""The learned association in torch, for training; learned_association.py runs it without.

A causal Mamba (causal.py) reads one token per observation of a track, the features of the pair that
was matched, and hands on a code of the history. Every candidate pair of a frame becomes a vector of
its features and its track's code; in each of a few rounds it also hears the strongest of all pairs
of its track and of its detection, so that the people of a crossing are told apart together. Each
track and each detection may also stay alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mambatrack.association.features import ALONE, NAMES
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.units import CODE_LIMIT, FEATURE_LIMIT


class PairBatch(NamedTuple):
    """Candidate pairs of many frames, each frame's tracks and detections counted on from the last.

    features [K, F]; tracks [K], detections [K]: indices; alone [M, A]
    same [K]: the detection is the track's person; person [M]: the detection is a person
    track_of [N]: the sequence of tokens of each track; heard [N]: how many of its tokens came
    before this frame; token_pair [L]: the pair that is a token, token_track, token_place [L] where
    it stands; lengths [S]: of the sequences
    """

    features: Tensor
    tracks: Tensor
    detections: Tensor
    alone: Tensor
    same: Tensor
    person: Tensor
    track_of: Tensor
    heard: Tensor
    token_pair: Tensor
    token_track: Tensor
    token_place: Tensor
    lengths: Tensor


class PairLogits(NamedTuple):
    """pairs [K]; lost [N], unmatched [M]: of staying alone; person [M]"""

    pairs: Tensor
    lost: Tensor
    unmatched: Tensor
    person: Tensor


class PairNetwork(nn.Module):
    """PairBatch -> PairLogits.

    d_model: width of the pairs and of the code; layers, d_state: of the encoder; rounds: in which
    pairs hear of each other
    """

    def __init__(self, d_model: int = 32, layers: int = 1, d_state: int = 8, rounds: int = 2):
        super().__init__()
        self.encoder = CausalMotionPredictor(
            d_model, layers, d_state, inputs=len(NAMES), outputs=d_model
        )
        self.pair = nn.Linear(len(NAMES), 2 * d_model)
        self.history = nn.Linear(d_model, 2 * d_model, bias=False)
        self.reduce = nn.Linear(2 * d_model, d_model)
        self.rounds = nn.ModuleList(_Round(d_model) for _ in range(rounds))
        self.out = nn.Linear(d_model, 1)
        self.track, self.track_out = nn.Linear(d_model, d_model), nn.Linear(d_model, 1)
        self.detection = nn.Linear(d_model + len(ALONE), d_model)
        self.detection_out = nn.Linear(d_model, 2)
        for name, size in (("feature", len(NAMES)), ("alone", len(ALONE))):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    def forward(self, batch: PairBatch) -> PairLogits:
        features = self._normal(batch.features, "feature")
        code = self._codes(features, batch)
        hidden = self.pair(features) + self.history(code)[batch.tracks]
        hidden = F.relu(self.reduce(F.relu(hidden)))
        tracks, detections = _pooled(hidden, batch)
        for each in self.rounds:
            hidden = each(hidden, tracks, detections, batch)
            tracks, detections = _pooled(hidden, batch)
        seen = torch.cat([detections, self._normal(batch.alone, "alone")], dim=1)
        unmatched, person = self.detection_out(F.relu(self.detection(seen))).unbind(1)
        lost = self.track_out(F.relu(self.track(tracks)))[:, 0]
        return PairLogits(self.out(hidden)[:, 0], lost, unmatched, person)

    def _normal(self, x: Tensor, name: str) -> Tensor:
        scaled = (x - getattr(self, f"{name}_mean")) * getattr(self, f"{name}_scale")
        return scaled.clamp(-FEATURE_LIMIT, FEATURE_LIMIT)

    def _codes(self, features: Tensor, batch: PairBatch) -> Tensor:
        """The code of each track before its frame [N, d_model]; 0 before the first token."""
        sequences, longest = len(batch.lengths), max([1, *batch.lengths.tolist()])
        tokens = features.new_zeros(sequences, longest, features.shape[1])
        tokens[batch.token_track, batch.token_place] = features[batch.token_pair]
        codes = self.encoder(tokens, batch.lengths)[0].clamp(-CODE_LIMIT, CODE_LIMIT)
        codes = F.pad(codes, (0, 0, 1, 0))
        return codes[batch.track_of, batch.heard]


class _Round(nn.Module):
    def __init__(self, d_model: int):
        super().__init__()
        self.own = nn.Linear(d_model, d_model)
        self.track = nn.Linear(d_model, d_model, bias=False)
        self.detection = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self, hidden: Tensor, tracks: Tensor, detections: Tensor, batch: PairBatch
    ) -> Tensor:
        around = self.track(tracks)[batch.tracks] + self.detection(detections)[batch.detections]
        return hidden + F.relu(self.own(hidden) + around)


def _pooled(hidden: Tensor, batch: PairBatch) -> tuple[Tensor, Tensor]:
    """The largest of the pairs of each track [N, D] and of each detection [M, D], at least 0."""
    sides = (batch.tracks, len(batch.track_of)), (batch.detections, len(batch.alone))
    tracks, detections = (
        hidden.new_zeros(count, hidden.shape[1]).scatter_reduce(
            0, index[:, None].expand_as(hidden), hidden, "amax"
        )
        for index, count in sides
    )
    return tracks, detections


def pair_loss(
    logits: PairLogits,
    batch: PairBatch,
    taught: PairLogits | None = None,
    share: float = 0.0,
    person_weight: float = 0.3,
) -> Tensor:
    """Cross-entropy of each track over its candidates and none, of each detection likewise, and of
    whether a detection that is nobody's is a person.

    taught: what a teacher says of the batch; ``share`` of what is right is what it holds likely
    (Hinton et al., 2015, at temperature 1), the rest is the truth
    """
    tracks = _Choice(batch.tracks, len(batch.track_of))
    detections = _Choice(batch.detections, len(batch.alone))
    right = batch.same.float()
    of_track, of_detection, person = right, right, batch.person.float()
    if taught is not None:
        of_track, of_detection, person = (
            truth + share * (said - truth)
            for truth, said in (
                (of_track, tracks.likely(taught.pairs, taught.lost)),
                (of_detection, detections.likely(taught.pairs, taught.unmatched)),
                (person, taught.person.sigmoid()),
            )
        )
    loss = tracks.loss(logits.pairs, logits.lost, of_track)
    loss = loss + detections.loss(logits.pairs, logits.unmatched, of_detection)
    free = torch.ones_like(batch.person).index_fill(0, batch.detections[batch.same], False)
    if free.any():
        wrong = F.binary_cross_entropy_with_logits(logits.person[free], person[free])
        loss = loss + person_weight * wrong
    return loss


class _Choice(NamedTuple):
    """Each of ``choosers`` takes one of its candidates, or none; owner [K]: whose each is."""

    owner: Tensor
    choosers: int

    def likely(self, pairs: Tensor, none: Tensor) -> Tensor:
        """How likely each candidate is chosen [K]."""
        return torch.exp(pairs - self._total(pairs, none)[self.owner])

    def loss(self, pairs: Tensor, none: Tensor, right: Tensor) -> Tensor:
        """Mean cross-entropy over those that have a candidate; right [K]: how likely each candidate
        is to be chosen, none for the rest."""
        said = none + torch.zeros_like(none).index_add(
            0, self.owner, right * (pairs - none[self.owner])
        )
        asked = torch.zeros_like(none, dtype=torch.bool).index_fill(0, self.owner, True)
        return (self._total(pairs, none) - said)[asked].mean()

    def _total(self, pairs: Tensor, none: Tensor) -> Tensor:
        """Log of the sum of all odds [choosers]."""
        most = none.detach().scatter_reduce(0, self.owner, pairs.detach(), "amax")
        odds = torch.exp(pairs - most[self.owner])
        return most + torch.exp(none - most).index_add(0, self.owner, odds).log()
