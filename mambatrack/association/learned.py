"""The learned association: a causal Mamba encodes each track's history, and a small network scores
every (track, detection) pair of a frame in the light of all others.

One pass for all pairs; numpy and the C library, no torch. The network and its training are in
pair_model.py and pair_training.py.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.features import Candidates, Floats, describe_pairs
from mambatrack.association.interface import Associated, Association
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.pairs import Pairs, best
from mambatrack.association.scorer import (
    Committee,
    CommitteeEncoder,
    CompiledScorer,
    PairScorer,
    Scorer,
    Scores,
    Weights,
)
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.networks.model_files import WEIGHTS, fitting, read_card
from mambatrack.networks.units import CODE_LIMIT, INPUT_LIMIT
from mambatrack.track_table import TrackTable

SHIPPED = WEIGHTS / "mambatrack-association.safetensors"


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
    from mambatrack.networks.devices import c_library_for

    return CompiledScorer(weights) if c_library_for(device) else PairScorer(weights)


def open_encoder(weights: Mapping[str, NDArray[np.float32]], device: str = "cpu") -> Any:
    """kernels.CausalNetwork where the C library is there, else the same in torch."""
    from mambatrack.networks.devices import c_library_for

    if c_library_for(device):
        from mambatrack.kernels.cpu.network import CausalNetwork

        return CausalNetwork(weights, INPUT_LIMIT)
    import torch

    from mambatrack.networks.causal import encoder_of
    from mambatrack.networks.causal_step import CausalStep

    return CausalStep(encoder_of({name: torch.from_numpy(each) for name, each in weights.items()}))
