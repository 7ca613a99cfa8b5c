"""Associations by name, and the learned one from its weights."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.exits import LOWEST, Lowest
from mambatrack.association.features import ALONE, NAMES
from mambatrack.association.interface import Association
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.scorer import (
    Committee,
    CommitteeEncoder,
    PairScorer,
)
from mambatrack.config import TrackerConfig
from mambatrack.kernels.weight_shapes import (
    ONE,
    PairSizes,
    check_shapes,
    motion_shapes,
    pair_shapes,
    pair_sizes_of,
    sizes_of,
)
from mambatrack.networks.card_values import check_told
from mambatrack.networks.devices import c_library_for
from mambatrack.networks.model_files import WEIGHTS, fitting, read_card, usual
from mambatrack.networks.units import FEATURE_LIMIT, INPUT_LIMIT
from mambatrack.networks.weight_files import Weights, read_weights
from mambatrack.settings import ASSOCIATIONS

LENIENT_LOG_ODDS, LENIENT_SHARE = 2.0, 0.5  # of caution -1: on birth_odds, off birth_iou
KIND = "association"
SHIPPED = {
    "learned": WEIGHTS / "mambatrack-association.safetensors",
    "light": WEIGHTS / "mambatrack-association-light.safetensors",
}


def load_association(config: TrackerConfig) -> Association:
    """The configured one. Raises MambatrackError where its file is unusable."""
    path, config = association_path(config), lenient(config)
    return load_learned(path, config) if path else OverlapAssociation(config)


def lenient(config: TrackerConfig) -> TrackerConfig:
    """The same settings; where caution is below 0, tracks start less easily near others."""
    less = max(-config.caution, 0.0)
    if not less:
        return config
    return replace(
        config,
        birth_odds=config.birth_odds + LENIENT_LOG_ODDS * less,
        birth_iou=config.birth_iou * (1 - LENIENT_SHARE * less),
    )


def association_path(config: TrackerConfig) -> Path | None:
    """The file of its weights; None where it has none."""
    if config.association == "overlap":
        return None
    return path_of(config.association)


def path_of(name: str) -> Path:
    """Of a shipped association, or the file that is named."""
    return SHIPPED.get(name, Path(name))


def load_learned(path: Path, config: TrackerConfig) -> LearnedAssociation:
    """From a .safetensors file with its model card. Raises MambatrackError where it is unusable."""
    return _joined(load_weights(path), config)


def load_weights(path: Path) -> list[Weights]:
    """Those of each network of a file. Raises MambatrackError where it is unusable."""
    card = read_card(path, (KIND,), ", ".join(ASSOCIATIONS))
    with fitting(path):
        members = split_members(read_weights(path))
        for weights in members:
            check_member(weights, card)
    return members


def load_members(config: TrackerConfig) -> list[LearnedAssociation]:
    """Each network of the configured association by itself; none where it is not a committee."""
    path, config = association_path(config), lenient(config)
    members = split_members(read_weights(path)) if path else []
    return [_joined([each], config) for each in members] if len(members) > 1 else []


def _joined(members: Sequence[Weights], config: TrackerConfig) -> LearnedAssociation:
    """The association that these networks make together: on the CPU whatever the device."""
    if c_library_for("cpu"):
        return _compiled(members, config)
    lowest = Lowest(config.match_odds, config.birth_odds)
    scorer, encoder, code_size = committee_of(members, lowest)
    if len(members) == 1:
        return LearnedAssociation(scorer.members[0], encoder.members[0], code_size, config)
    return LearnedAssociation(scorer, encoder, code_size, config)


def committee_of(
    members: Sequence[Weights], lowest: Lowest = LOWEST
) -> tuple[Committee, CommitteeEncoder, int]:
    """These networks in numpy, their encoders, and the size of all codes of a track. lowest: see
    Committee."""
    encoders, scorers, code_sizes = [], [], []
    for weights in members:
        encoder, pairs = encoder_and_pairs(weights)
        encoders.append(open_encoder(encoder))
        scorers.append(PairScorer(pairs))
        code_sizes.append(len(encoder["head.2.bias"]))
    return Committee(scorers, code_sizes, lowest), CommitteeEncoder(encoders), sum(code_sizes)


def _compiled(members: Sequence[Weights], config: TrackerConfig) -> LearnedAssociation:
    from mambatrack.association.compiled import CompiledAssociation
    from mambatrack.kernels.cpu.network import CausalNetwork
    from mambatrack.kernels.cpu.pairs import PairsNetwork

    parts = [encoder_and_pairs(weights) for weights in members]
    encoders = [CausalNetwork(encoder, INPUT_LIMIT) for encoder, _ in parts]
    return CompiledAssociation(
        [PairsNetwork(pairs, FEATURE_LIMIT) for _, pairs in parts], encoders, config
    )


def split_members(weights: Weights) -> list[Weights]:
    """The weights of each network in a file: those of member 2 have names that begin with 2."""
    if not any(name[:1].isdigit() for name in weights):
        return [weights]
    members: dict[str, Weights] = {}
    for name, array in weights.items():
        number, _, rest = name.partition(".")
        members.setdefault(number, {})[rest] = array
    numbers = [str(number) for number in range(len(members))]
    if members.keys() != set(numbers):
        raise ValueError(
            f"names that begin with the number of a member, from 0 on, expected, got "
            f"{', '.join(sorted(members))[:80]}"
        )
    return [members[number] for number in numbers]


def check_member(weights: Weights, card: dict[str, Any]) -> None:
    """ValueError where these are not the weights of a network of the card's size."""
    encoder, pairs = encoder_and_pairs(weights)
    sizes, rounds = sizes_of(encoder, ONE), pair_sizes_of(pairs).rounds
    width = sizes.model
    check_told(card, d_model=width, layers=sizes.layers, d_state=sizes.states, rounds=rounds)
    check_shapes(encoder, motion_shapes(usual(sizes, len(NAMES), width), ONE))
    check_shapes(
        pairs, pair_shapes(PairSizes(len(NAMES), len(ALONE), width, 2 * width, width, rounds))
    )


def encoder_and_pairs(weights: Weights) -> tuple[Weights, Weights]:
    """Those of the encoder, and those of the pair network."""
    encoder = {name[8:]: each for name, each in weights.items() if name[:8] == "encoder."}
    return encoder, {name: each for name, each in weights.items() if name[:8] != "encoder."}


def open_encoder(weights: Mapping[str, NDArray[np.float32]]) -> Any:
    """kernels.CausalNetwork where the C library is there, else the same in torch."""
    if c_library_for("cpu"):
        from mambatrack.kernels.cpu.network import CausalNetwork

        return CausalNetwork(weights, INPUT_LIMIT)
    import torch

    from mambatrack.networks.causal import encoder_of
    from mambatrack.networks.causal_step import CausalStep

    return CausalStep(encoder_of({name: torch.from_numpy(each) for name, each in weights.items()}))
