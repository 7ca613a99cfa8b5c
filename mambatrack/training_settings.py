"""The settings of the trainings, with default, unit and range, as frozen dataclasses."""

from dataclasses import dataclass

from mambatrack.option import NORMALISATIONS, TRAINED, option
from mambatrack.renamed import old_keywords


@old_keywords("training")
@dataclass(frozen=True)
class TrainingConfig:
    """How the motion model is trained (train)."""

    kind: str = option(
        "window",
        "window: bi-directional over a sliding window (the paper); causal: one new token a frame, "
        "state carried along; causal-back: causal, and a look back over the newest tokens",
        choices=("window", "causal", "causal-back"),
    )
    d_model: int = option(64, "width of the tokens", 4, 4096)
    layers: int = option(3, "number of bi-Mamba blocks", 1, 64)
    d_state: int = option(16, "state size per channel", 1, 256)
    window: int = option(
        10,
        "past offsets that the predictor sees (q of the paper); causal: in a piece of training",
        1,
        256,
    )
    back: int = option(4, "causal-back: tokens that are read from right to left too", 2, 32)
    batch_size: int = option(64, "windows per step", 1, 65536)
    steps: int = option(20_000, "optimiser steps", 1, 100_000_000)
    warmup: int = option(4000, "steps until the Noam learning rate peaks", 1, 10_000_000)
    rate: float = option(1.0, "factor on the Noam learning rate", 0.0, 1000.0)
    cooldown: float = option(
        0.0,
        "share of the steps, at the end, in which the rate falls to 0; 0 is the paper",
        0.0,
        1.0,
    )
    foresight: int = option(
        0, "window: boxes after the predicted one that it sees too; it can only teach then", 0, 64
    )
    teacher: str = option(
        "",
        "predictor of kind window to learn from as well",
        choices=("", "mamba-window"),
        files=TRAINED,
    )
    teacher_weight: float = option(
        0.5, "share of the teacher in what is learnt; the rest is the truth", 0.0, 1.0
    )
    unit: str = option(
        "box",
        "what offsets are relative to: the image (as in DiffMOT) or the track's own boxes",
        choices=("image", "box"),
    )
    forecast: int = option(
        1,
        "most frames ahead that are predicted in training, drawn for each step; 1 is the paper",
        1,
        100,
    )
    source: str = option(
        "truth",
        "what the predictor sees: truth (with noise_data), or the detections in det/det.txt of the "
        "training data, misses and low scores included; it learns the truth in either case",
        choices=("truth", "detections"),
    )
    noise_data: str = option(
        "", "folder of sequences with gt and det whose detector errors are put on the clean boxes"
    )
    noise: float = option(1.0, "factor on those errors", 0.0, 10.0)
    crossing_share: float = option(
        0.0, "share of windows drawn from just before a crossing of people", 0.0, 1.0
    )
    gap_share: float = option(
        0.0, "causal: share of histories with a gap, as of a track that is found again", 0.0, 1.0
    )
    identity_weight: float = option(
        0.0, "weight of the loss that tells a person's box from its neighbours'", 0.0, 1000.0
    )
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation, split and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)
    checkpoint_every: int = option(500, "steps between checkpoints", 1, 1_000_000)


@dataclass(frozen=True)
class AssociationConfig:
    """How the learned association is trained (train-association)."""

    d_model: int = option(32, "width of the pairs and of a track's code", 4, 4096)
    layers: int = option(1, "Mamba blocks of the encoder of a track's history", 1, 64)
    d_state: int = option(8, "state size per channel of the encoder", 1, 256)
    rounds: int = option(2, "in which the pairs of a frame hear of each other", 0, 16)
    iterations: int = option(
        4, "of tracking and learning; the truth decides in the first, the network later", 1, 20
    )
    recent: int = option(2, "newest iterations whose tracks are learnt from", 1, 20)
    members: int = option(
        1, "networks of the last one, from different seeds, whose log-odds are averaged", 1, 16
    )
    steps: int = option(
        6000, "optimiser steps of the last one; a third in those before", 1, 10_000_000
    )
    frames: int = option(64, "length of a piece of a sequence", 2, 10_000)
    pieces: int = option(3, "per step", 1, 10_000)
    rate: float = option(2e-3, "highest learning rate of the cycle", 0.0, 1.0)
    weight_decay: float = option(1e-3, "of AdamW", 0.0, 1.0)
    teacher: str = option(
        "",
        "association whose choices the networks of the last iteration learn as well",
        choices=("", "learned"),
        files=TRAINED,
    )
    teacher_weight: float = option(
        0.5, "share of the teacher in what is learnt; the rest is the truth", 0.0, 1.0
    )
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)


@dataclass(frozen=True)
class GapFillingConfig:
    """How the gap filler is trained (train-gap-filling)."""

    d_model: int = option(32, "width of the tokens", 4, 4096)
    layers: int = option(2, "number of bi-Mamba blocks", 1, 64)
    d_state: int = option(4, "state size per channel", 1, 256)
    q: int = option(10, "boxes that are read on each side of a gap", 1, 256)
    longest: int = option(60, "missing frames; a longer gap gets a straight line", 1, 1000)
    batch_size: int = option(64, "gaps per step", 1, 65536)
    steps: int = option(2200, "optimiser steps", 1, 10_000_000)
    rate: float = option(4e-3, "highest learning rate of the cycle", 0.0, 1.0)
    weight_decay: float = option(1e-3, "of AdamW", 0.0, 1.0)
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)
    checkpoint_every: int = option(550, "steps between checkpoints", 1, 1_000_000)


@dataclass(frozen=True)
class EmbedderConfig:
    """How the embedder is trained (train-embedder)."""

    width: int = option(48, "channels of the first stage; the others have 2 and 3 times", 6, 1024)
    code: int = option(96, "numbers of a vector", 2, 4096)
    teacher: str = option(
        "",
        "embedder that knows people again and gives each view its code, as --appearance names it",
        files="an ONNX or OpenVINO file",
    )
    normalisation: str = option(
        "auto", "of the teacher's pixels, as appearance.normalisation", choices=NORMALISATIONS
    )
    views: int = option(4, "views of each crop that the teacher sees", 1, 1000)
    batch_size: int = option(
        72, "views per step: any, of the same people, and of people like them", 6, 65536
    )
    steps: int = option(13000, "optimiser steps", 1, 10_000_000)
    rate: float = option(3e-3, "highest learning rate of the cycle", 0.0, 1.0)
    weight_decay: float = option(1e-2, "of AdamW", 0.0, 1.0)
    relation_weight: float = option(
        1.0, "weight of learning how alike crops are to the teacher", 0.0, 1000.0
    )
    person_weight: float = option(
        0.1, "weight of telling a track from the people beside it", 0.0, 1000.0
    )
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)
    checkpoint_every: int = option(200, "steps between checkpoints", 1, 1_000_000)


@dataclass(frozen=True)
class DetectorTrainingConfig:
    """How a detector of people is trained (train-detector)."""

    width: int = option(48, "channels of the first stage; the others have 2 and 4 times", 9, 1023)
    neck: int = option(64, "channels of its head", 4, 4096)
    side: int = option(416, "longer side of the picture as the network sees it, pixels", 32, 4096)
    coarse_side: int = option(256, "the same in the first steps", 32, 4096)
    coarse_steps: int = option(4000, "steps that see coarse_side", 0, 10_000_000)
    batch_size: int = option(16, "pictures per step", 1, 4096)
    steps: int = option(8000, "optimiser steps", 1, 10_000_000)
    rate: float = option(2e-3, "learning rate", 0.0, 1.0)
    warmup: int = option(200, "steps in which the rate rises", 1, 1_000_000)
    cooldown: float = option(
        0.3, "share of the steps, at the end, in which it falls to 0", 0.0, 1.0
    )
    weight_decay: float = option(1e-2, "of AdamW", 0.0, 1.0)
    averaged: int = option(500, "steps over which the weights are averaged", 1, 1_000_000)
    classes: tuple[str, ...] = option(("0",), "numbers of the labels that are people")
    shares: tuple[str, ...] = option(
        (), "how often each folder is drawn; else the root of its number of pictures"
    )
    start: str = option(
        "",
        "checkpoint of another training, with whose weights this one begins",
        files="a checkpoint.safetensors",
    )
    teacher: str = option(
        "",
        "YOLOX detector whose opinion of each place is learnt beside the labels",
        files="an ONNX file",
    )
    teacher_weight: float = option(1.0, "weight of that opinion", 0.0, 1000.0)
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)
    checkpoint_every: int = option(200, "steps between checkpoints", 1, 1_000_000)
