"""The learned association: a causal Mamba encodes each track's history, and a small network scores
every (track, detection) pair of a frame in the light of all others.

One pass for all pairs; numpy and the C library, no torch. The network and its training are in
pair_model.py and pair_training.py.
"""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.features import Candidates, Floats, describe_pairs
from mambatrack.association.overlap import Associated, Association, OverlapAssociation
from mambatrack.association.pairs import Indices, Pairs, best
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.motion.loading import Boxes
from mambatrack.tracks import TrackTable

SHIPPED = Path(__file__).parents[1] / "weights/mambatrack-association.safetensors"
LIMIT = 6.0  # of every normalised feature
Weights = dict[str, NDArray[np.float32]]
CODE_LIMIT = 8.0  # a history that the encoder has never met may not drown the pairs beside it


class Scores(NamedTuple):
    """Log-odds: of each pair [K], that the two belong together rather than both being left alone;
    of each detection [M], if it is left alone, that it is a person."""

    pairs: Floats
    people: Floats


class PairScorer:
    """pair_model.PairNetwork without its encoder, in numpy.

    weights: its state dict. Raises KeyError where a weight is missing.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]):
        self._weights = {
            name: array[:, None] if array.ndim == 1 else np.ascontiguousarray(array)
            for name, array in weights.items()
            if not name.startswith("encoder.")
        }
        self.rounds = len({name for name in weights if name.endswith("own.weight")})

    def tokens(self, features: Floats) -> Floats:
        """Features of pairs [F, K] as the encoder reads them [K, F]."""
        return np.ascontiguousarray(self._normal(features, "feature").T)

    def __call__(self, given: Candidates, code: Floats) -> Scores:
        """code [N, E]: what the encoder knows of each track."""
        weights = self._weights
        by_track = _Groups(given.tracks, given.track_count)
        by_detection = _Groups(given.detections, given.alone.shape[1])
        hidden = self._linear("pair", self._normal(given.features, "feature"))
        hidden += (weights["history.weight"] @ code.T).take(given.tracks, axis=1)
        hidden = _relu(self._linear("reduce", _relu(hidden)))
        tracks, detections = by_track.largest(hidden), by_detection.largest(hidden)
        for i in range(self.rounds):
            mixed = self._linear(f"rounds.{i}.own", hidden)
            around = weights[f"rounds.{i}.track.weight"] @ tracks
            mixed += around.take(given.tracks, axis=1)
            around = weights[f"rounds.{i}.detection.weight"] @ detections
            mixed += around.take(given.detections, axis=1)
            hidden += _relu(mixed)
            tracks, detections = by_track.largest(hidden), by_detection.largest(hidden)
        seen = np.concatenate([detections, self._normal(given.alone, "alone")])
        lost = self._linear("track_out", _relu(self._linear("track", tracks)))[0]
        unmatched, person = self._linear("detection_out", _relu(self._linear("detection", seen)))
        odds = 2 * self._linear("out", hidden)[0]
        return Scores(odds - lost.take(given.tracks) - unmatched.take(given.detections), person)

    def _linear(self, name: str, x: Floats) -> Floats:
        y: Floats = self._weights[f"{name}.weight"] @ x
        y += self._weights[f"{name}.bias"]
        return y

    def _normal(self, x: Floats, name: str) -> Floats:
        x = (x - self._weights[f"{name}_mean"]) * self._weights[f"{name}_scale"]
        return np.clip(x, -LIMIT, LIMIT, out=x)


class CompiledScorer:
    """PairScorer in one call of the C library. Raises ValueError where a weight does not fit."""

    def __init__(self, weights: Mapping[str, NDArray[np.float32]]):
        from mambatrack.kernels.cpu.pairs import PairsNetwork

        self._network = PairsNetwork(weights, LIMIT)
        self.tokens = self._network.tokens

    def __call__(self, given: Candidates, code: Floats) -> Scores:
        tracks, detections, features, alone, _ = given
        return Scores(*self._network(features, tracks, detections, code, alone))


class Committee:
    """Several pair networks that were trained alike from different seeds: the mean of their
    log-odds. What one of them takes for a swap by accident, the others do not (deep ensembles,
    Lakshminarayanan et al., NeurIPS 2017).

    The code of a track is those of all, one behind the other, and so are the tokens.
    """

    def __init__(self, members: Many[PairScorer | CompiledScorer], code_sizes: Many[int]):
        self.members, self._columns = members, _slices(code_sizes)

    def tokens(self, features: Floats) -> list[Floats]:
        """Of each member, as it scales them."""
        return [each.tokens(features) for each in self.members]

    def __call__(self, given: Candidates, code: Floats) -> Scores:
        said = [
            each(given, code[:, columns])
            for each, columns in zip(self.members, self._columns, strict=True)
        ]
        pairs, people = (np.mean(part, axis=0) for part in zip(*said, strict=True))
        return Scores(pairs, people)


class CommitteeEncoder:
    """The encoders of a Committee as one."""

    def __init__(self, members: Many[Any]):
        self.members = members
        sizes = [each.carried_size for each in members]
        self.carried_size, self._columns = sum(sizes), _slices(sizes)

    def __call__(
        self, tokens: list[Floats], carried: Floats, rows: Indices | None = None
    ) -> Floats:
        """tokens [K, F] of each member; carried [N, R], of which ``rows`` [K] are changed in
        place -> codes [K, E]."""
        chosen = () if rows is None else (rows,)
        parts = zip(self.members, tokens, self._columns, strict=True)
        return np.concatenate(
            [each(own, carried[:, columns], *chosen) for each, own, columns in parts], axis=1
        )


def _slices(sizes: Many[int]) -> list[slice]:
    ends = np.cumsum([0, *sizes]).tolist()
    return [slice(first, end) for first, end in pairwise(ends)]


Scorer = PairScorer | CompiledScorer | Committee


class _Groups:
    """Pairs by one of their sides: index [K] from 0 to ``count``."""

    def __init__(self, index: Indices, count: int):
        ascending = index.argsort(kind="stable")
        of = index[ascending]
        self.order, self.count = ascending, count
        self.first = np.flatnonzero(np.diff(of, prepend=-1))
        self.present = of[self.first]

    def largest(self, hidden: Floats) -> Floats:
        """hidden [D, K] -> the maximum over each group [D, count], 0 for one without pairs."""
        most = np.zeros((len(hidden), self.count), np.float32)
        if len(self.first):
            ordered = hidden.take(self.order, axis=1)
            most[:, self.present] = np.maximum.reduceat(ordered, self.first, axis=1)
        return most


def _relu(x: Floats) -> Floats:
    return np.maximum(x, 0, out=x)


class LearnedAssociation:
    """Hungarian matching of the scores of pairs; births by the score of what is left alone.

    A track's memory in the table is the code of its history [E], then the encoder's carried state:
    only a match moves it on.
    """

    def __init__(self, scorer: Scorer, encoder: Any, code_size: int, config: TrackerConfig):
        self.scorer, self.encoder, self.config = scorer, encoder, config
        self.code_size, self.memory_size = code_size, code_size + encoder.carried_size

    def __call__(self, table: TrackTable, found: Detections, boxes: Boxes) -> Associated:
        given = describe_pairs(table, found, boxes, self.config.class_aware)
        chosen, born = self.decide(given, table, found)
        self.remember(given, table, chosen)
        return Associated(given.tracks[chosen], given.detections[chosen], born)

    def decide(
        self, given: Candidates, table: TrackTable, found: Detections
    ) -> tuple[Indices, Indices]:
        """The pairs that are matched [.] and the detections that start tracks [.]."""
        return self.choose(given, self.scorer(given, self.codes(table)), found)

    def codes(self, table: TrackTable) -> Floats:
        """[N, E] what the encoder knows of each track."""
        return table["memory"][:, : self.code_size]

    def choose(
        self, given: Candidates, scores: Scores, found: Detections
    ) -> tuple[Indices, Indices]:
        """decide(), of what the pair network says."""
        (able,) = (scores.pairs >= self.config.match_odds).nonzero()
        worth = scores.pairs[able] - self.config.match_odds + 1e-6
        chosen = able[best(Pairs(given.tracks[able], given.detections[able], worth))]
        return chosen, self.births(given, scores, found, chosen)

    def births(
        self, given: Candidates, scores: Scores, found: Detections, chosen: Indices
    ) -> Indices:
        """The detections that start tracks [.], where the pairs ``chosen`` [.] are matched."""
        doubtful = np.zeros(len(found), bool)  # near a track, and may be its duplicate
        doubtful[given.detections] = True
        doubtful &= scores.people < self.config.birth_odds
        born = (found.scores >= self.config.birth_score) & ~doubtful
        born[given.detections[chosen]] = False
        return born.nonzero()[0]

    def remember(self, given: Candidates, table: TrackTable, chosen: Indices) -> None:
        """Each chosen pair is the next token of its track."""
        if len(chosen):
            memory, rows = table["memory"], given.tracks[chosen]
            tokens = self.scorer.tokens(given.features.take(chosen, axis=1))
            carried = memory[:, self.code_size :]
            code = self.encoder(tokens, carried, rows)
            memory[rows, : self.code_size] = np.clip(code, -CODE_LIMIT, CODE_LIMIT)


def load_association(config: TrackerConfig) -> Association:
    """The configured one. Raises MambatrackError where its file is unusable."""
    path = association_path(config)
    return load_learned(path, config) if path else OverlapAssociation(config)


def association_path(config: TrackerConfig) -> Path | None:
    """The file of its weights; None where it has none."""
    if config.association == "overlap":
        return None
    return SHIPPED if config.association == "learned" else Path(config.association)


def load_learned(path: Path, config: TrackerConfig) -> LearnedAssociation:
    """From a .safetensors file with its model card. Raises MambatrackError where it is unusable."""
    from safetensors.numpy import load_file

    from mambatrack.motion.loading import fitting, read_card

    read_card(path, ("association",), "learned, overlap")
    with fitting(path):
        members = split_members(load_file(path))
        encoders, scorers, code_sizes = [], [], []
        for weights in members:
            encoder = {name[8:]: each for name, each in weights.items() if name[:8] == "encoder."}
            encoders.append(open_encoder(encoder, config.device))
            scorers.append(open_scorer(weights, config.device))
            code_sizes.append(len(encoder["head.2.bias"]))
        if len(members) == 1:
            return LearnedAssociation(scorers[0], encoders[0], code_sizes[0], config)
        return LearnedAssociation(
            Committee(scorers, code_sizes), CommitteeEncoder(encoders), sum(code_sizes), config
        )


def split_members(weights: Weights) -> list[Weights]:
    """The weights of each network in a file: those of member 2 have names that begin with 2."""
    if not any(name[0].isdigit() for name in weights):
        return [weights]
    members: dict[str, Weights] = {}
    for name, array in weights.items():
        number, _, rest = name.partition(".")
        members.setdefault(number, {})[rest] = array
    return list(members.values())


def open_scorer(
    weights: Mapping[str, NDArray[np.float32]], device: str = "cpu"
) -> PairScorer | CompiledScorer:
    """CompiledScorer where the C library is there, else the same in numpy."""
    from mambatrack.motion.loading import c_library_for

    return CompiledScorer(weights) if c_library_for(device) else PairScorer(weights)


def open_encoder(weights: Mapping[str, NDArray[np.float32]], device: str = "cpu") -> Any:
    """kernels.CausalNetwork where the C library is there, else the same in torch."""
    from mambatrack.motion.loading import c_library_for

    if c_library_for(device):
        from mambatrack.kernels.cpu.network import CausalNetwork

        return CausalNetwork(weights)
    import torch

    from mambatrack.learning.association_network import encoder_of
    from mambatrack.networks.causal_step import CausalStep

    return CausalStep(encoder_of({name: torch.from_numpy(each) for name, each in weights.items()}))
