"""Every setting with its default, unit and range; strict YAML and dotted overrides on top.

A configuration file names only what differs from the defaults here. A key that does not exist
is an error that names the nearest one that does.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError


def option(default: Any, doc: str, low: Any = None, high: Any = None, choices: tuple = ()) -> Any:
    """A dataclass field with its documentation (unit included) and closed range."""
    return field(
        default=default, metadata={"doc": doc, "low": low, "high": high, "choices": choices}
    )


@dataclass(frozen=True)
class TrackerConfig:
    predictor: str = option(
        "mamba",
        "motion model: mamba, mamba-window (bi-directional), kalman, velocity, still, or the path "
        "of a trained .safetensors file",
    )
    device: str = option("auto", "where the network runs", choices=("auto", "cpu", "cuda"))
    association: str = option(
        "learned",
        "learned (shipped), overlap (IoU and gates), or the path of a trained .safetensors file",
    )
    match_odds: float = option(0.0, "learned: lowest log-odds of a match", -20.0, 20.0)
    birth_odds: float = option(
        0.0, "learned: lowest log-odds of a person where a track starts near others", -20.0, 20.0
    )
    hypotheses: int = option(
        3, "learned: answers to who is who that go on side by side until one is likelier", 1, 100
    )
    passes: int = option(
        1, "2: active tracks are matched before lost ones (the paper); 1: all together", 1, 2
    )
    match_score: float = option(0.6, "lowest detection score that is matched at all", 0.0, 1.0)
    birth_score: float = option(0.6, "lowest score of a detection that starts a track", 0.0, 1.0)
    birth_iou: float = option(
        0.45, "a track starts only where IoU with every live track's box is below this", 0.0, 1.0
    )
    iou_gate: float = option(0.15, "lowest similarity of a match", 0.0, 1.0)
    height_power: float = option(
        2.0,
        "similarity is IoU times the overlap of heights to this power; 0 is plain IoU",
        0.0,
        8.0,
    )
    frame_rate: float = option(
        0.0,
        "frames a second of the motion model, by which time stamps are counted; 0: each update is "
        "one frame",
        0.0,
        1000.0,
    )
    max_age: int = option(
        120, "frames of the motion model without a detection after which a track ends", 1, 100_000
    )
    min_hits: int = option(1, "frames seen before a track is confirmed", 1, 1000)
    class_aware: bool = option(False, "never match a detection to a track of another class")
    offline: bool = option(
        False, "decide after the last frame, looking both ways: not an online result"
    )
    refill: bool = option(
        False, "on re-finding a lost track, replace its predicted history by a straight line"
    )


@dataclass(frozen=True)
class DetectorConfig:
    name: str = option(
        "auto",
        "motion, yolox, rtmdet, file, or a name from configs/detectors.yaml; auto is motion for a "
        "source and each sequence's det/det.txt for a data set",
    )
    weights: str = option("", "path of the weights (yolox, rtmdet) or of det.txt (file)")
    conf: float = option(0.1, "lowest score of a detection", 0.0, 1.0)
    nms_iou: float = option(0.65, "IoU above which the weaker of two boxes is dropped", 0.0, 1.0)
    classes: tuple[str, ...] = option((), "class names or ids to keep; empty keeps all")
    convention: str = option(
        "auto", "YOLOX pre-processing (docs/detectors.md)", choices=("auto", "legacy", "current")
    )
    backend: str = option("auto", "what runs ONNX files", choices=("auto", "opencv", "onnxruntime"))


@dataclass(frozen=True)
class TrainingConfig:
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
        "", "mamba-window, or a trained .safetensors file of kind window, to learn from as well"
    )
    teacher_weight: float = option(
        0.5, "share of the teacher in what is learnt; the rest is the truth", 0.0, 1.0
    )
    unit: str = option(
        "box",
        "what offsets are relative to: the image (as in DiffMOT) or the track's own boxes",
        choices=("image", "box"),
    )
    rollout: int = option(
        1,
        "most frames predicted autoregressively in training, drawn for each step; 1 is the paper",
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
    crossings: float = option(
        0.0, "share of windows drawn from just before a crossing of people", 0.0, 1.0
    )
    gaps: float = option(
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
    licence: str = option("", "terms of the training data, for the model card")
    seed: int = option(0, "of initialisation and sampling", 0, 2**31 - 1)
    threads: int = option(1, "CPU threads", 1, 1024)


@dataclass(frozen=True)
class RefillConfig:
    """How the gap filler is trained (train-refill)."""

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
class Config:
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    detector: DetectorConfig = field(default_factory=DetectorConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    filler: RefillConfig = field(default_factory=RefillConfig)


def load_config(
    path: str | Path | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Defaults, then the YAML file, then dotted overrides such as {"tracker.max_age": 60}.

    path: a file, or the name of a shipped one ("dancetrack"). Raises MambatrackError with the key,
    the allowed range and the nearest known key.
    """
    values: dict[str, Any] = dict(_read_yaml(_find(path))) if path is not None else {}
    config = _build(Config, values, "")
    for key, value in (overrides or {}).items():
        config = _override(config, key.split("."), value, key)
    return config


def describe() -> list[tuple[str, Any, str]]:
    """(dotted key, default, what it means and its range) of every setting."""
    rows = []
    for section in dataclasses.fields(Config):
        for item in dataclasses.fields(typing.cast(Any, section.default_factory)):
            rows.append((f"{section.name}.{item.name}", item.default,
                         f"{item.metadata['doc']}{_allowed(item)}"))  # fmt: skip
    return rows


def _find(path: str | Path) -> Path:
    given = Path(path)
    shipped = Path(__file__).parent / "configs" / f"{path}.yaml"
    if given.is_file():
        return given
    if shipped.is_file():
        return shipped
    names = sorted(p.stem for p in shipped.parent.glob("*.yaml") if p.stem != "detectors")
    raise MambatrackError(
        f"configuration {path} not found; give a YAML file or one of {', '.join(names)}"
    )


def _read_yaml(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise MambatrackError(f"{path} is not readable YAML: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise MambatrackError(f"{path}: expected sections such as 'tracker:', found {values!r}")
    return values


def _build(kind: Any, values: Mapping[str, Any], prefix: str) -> Any:
    known = {item.name: item for item in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    built = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise MambatrackError(f"unknown setting {name!r}{_nearest(name)}")
        if dataclasses.is_dataclass(hints[key]):
            section = {} if value is None else value
            if not isinstance(section, Mapping):
                raise MambatrackError(f"{name}: expected settings below it, found {value!r}")
            built[key] = _build(hints[key], section, f"{name}.")
        else:
            built[key] = _checked(name, value, hints[key], known[key])
    return kind(**built)


def _override(config: Any, keys: list[str], value: Any, name: str) -> Any:
    known = {item.name: item for item in dataclasses.fields(config)}
    if keys[0] not in known:
        raise MambatrackError(f"unknown setting {name!r}{_nearest(name)}")
    current = getattr(config, keys[0])
    if dataclasses.is_dataclass(current):
        if len(keys) == 1:
            raise MambatrackError(f"{name!r} is a section; name a setting{_nearest(name)}")
        return dataclasses.replace(config, **{keys[0]: _override(current, keys[1:], value, name)})
    if len(keys) > 1:
        raise MambatrackError(f"unknown setting {name!r}{_nearest(name)}")
    hint = typing.get_type_hints(type(config))[keys[0]]
    if hint in (bool, int, float):
        value = _scalar(value)
    return dataclasses.replace(config, **{keys[0]: _checked(name, value, hint, known[keys[0]])})


def _checked(name: str, value: Any, hint: Any, item: dataclasses.Field) -> Any:
    if isinstance(hint, types.GenericAlias):
        return _names(value)
    if hint is float:
        value = _as_float(value)
    if hint is str and isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if type(value) is not hint:
        raise MambatrackError(f"{name}: expected {hint.__name__}, found {value!r}{_allowed(item)}")
    low, high, choices = (item.metadata[key] for key in ("low", "high", "choices"))
    in_range = low is None or low <= value <= high
    if not in_range or (choices and value not in choices):
        raise MambatrackError(f"{name}: {value!r} is not allowed{_allowed(item)}")
    return value


def _names(value: Any) -> tuple[str, ...]:
    """A list, or text with commas, as names; nothing is no name."""
    text = "" if value is None else str(value)
    entries = value if isinstance(value, (list, tuple)) else text.split(",")
    return tuple(str(entry).strip() for entry in entries if str(entry).strip())


def _as_float(value: Any) -> Any:
    """A float for an int or for text such as 1e-4, which YAML 1.1 does not read as a number."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value


def _allowed(item: dataclasses.Field) -> str:
    if item.metadata["choices"]:
        return f" (one of {', '.join(item.metadata['choices'])})"
    if item.metadata["low"] is not None:
        return f" ({item.metadata['low']} to {item.metadata['high']})"
    return ""


def _nearest(name: str) -> str:
    keys = [key for key, _, _ in describe()]
    by_last = {key.split(".")[-1]: key for key in keys}
    close = difflib.get_close_matches(name, keys, 1, 0.5)
    last = difflib.get_close_matches(name.split(".")[-1], by_last, 1, 0.6)
    close = close or [by_last[key] for key in last]
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; sections are {', '.join(item.name for item in dataclasses.fields(Config))}"


def _scalar(value: Any) -> Any:
    """A command-line string read the way YAML reads it: 60 is a number, true a truth value."""
    import yaml

    if not isinstance(value, str):
        return value
    try:
        return yaml.safe_load(value) if value else ""
    except yaml.YAMLError:
        return value
