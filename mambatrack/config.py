"""Settings read: the defaults of settings.py, strict YAML and dotted overrides on top.

A configuration file names only what differs from the defaults. A key that does not exist is an
error that names the nearest one that does; an old name is read with a warning (renamed.py).
"""

import dataclasses
import json
import os
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mambatrack.errors import MambatrackError, shown
from mambatrack.nearest import did_you_mean, nearest
from mambatrack.option import plain
from mambatrack.renamed import SETTINGS, new_setting
from mambatrack.settings import (
    Config,
    DatasetConfig,
    DetectorConfig,
    DrawingConfig,
    TrackerConfig,
    with_implied_name,
    with_own_conf,
)
from mambatrack.training_settings import (
    AssociationConfig,
    DetectorTrainingConfig,
    EmbedderConfig,
    GapFillingConfig,
    TrainingConfig,
)
from mambatrack.yaml_file import parse_yaml, read_yaml

__all__ = [
    "AssociationConfig", "Config", "DatasetConfig", "DetectorConfig",
    "DetectorTrainingConfig", "DrawingConfig",
    "EmbedderConfig", "GapFillingConfig", "TrackerConfig", "TrainingConfig", "check_setting",
    "describe", "load_config", "tracker_settings", "with_detector", "with_implied_name",
    "with_own_conf",
]  # fmt: skip

MODEL_LISTS = ("detectors", "embedders")  # files in configs/ that hold no settings
OWN_SETTINGS = {  # of one detector, by those in whose place they stand unless these are given
    "tracker.max_age": "tracker.motion_max_age",
    "detector.conf": "detector.own_conf",
}
CLI_WORDS = {"overlap": "slice_overlap"}  # keywords that are named as options of the commands


def load_config(
    path: str | Path | Mapping[str, Any] | None = None, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Defaults, then the YAML file, then dotted overrides such as {"tracker.max_age": 60}.

    path: a file, the name of a shipped one ("overlap"), or what one holds. Raises MambatrackError
    with the key, the allowed range and the nearest known key. An ONNX file as detector.weights
    implies the detector onnx where none is named, the detector motion its own tracker.max_age, and
    the detector own its own detector.conf.
    """
    values = path if isinstance(path, Mapping) else {} if path is None else read_yaml(_find(path))
    config = _build(Config, values, "")
    given = {
        f"{section}.{key}"
        for section in ("tracker", "detector")
        for key in values.get(section) or ()
    }
    for key, value in (overrides or {}).items():
        name = new_setting(key)
        given.add(name)
        config = _override(config, name.split("."), value, name)
    for usual, own in OWN_SETTINGS.items():
        if usual in given and own not in given:
            section, name = usual.split(".")
            config = _override(config, own.split("."), getattr(getattr(config, section), name), own)
    return with_detector(config, with_implied_name(config.detector))


def with_detector(config: Config, detector: DetectorConfig) -> Config:
    """The same settings with this detector, the age at which its tracks end, and the lowest score
    of its detections."""
    tracker = config.tracker
    if detector.name == "motion":
        tracker = dataclasses.replace(tracker, max_age=tracker.motion_max_age)
    return dataclasses.replace(config, detector=with_own_conf(detector), tracker=tracker)


def tracker_settings(config: Any, changes: Mapping[str, Any] | None = None) -> TrackerConfig:
    """Those of a Config or TrackerConfig, the defaults for None; with ``changes``, by name, such as
    {"max_age": 60}. Raises MambatrackError for another config, or as load_config does."""
    if config is not None and not isinstance(config, (Config, TrackerConfig)):
        raise MambatrackError(
            f"the settings of a tracker are {shown(config)}; expected a Config or TrackerConfig, "
            'as TrackerConfig(predictor="kalman"), or load_config() of a file'
        )
    whole = config if isinstance(config, Config) else Config(tracker=config or TrackerConfig())
    return _changed(whole, "tracker", changes).tracker


def detector_settings(config: Any, changes: Mapping[str, Any] | None = None) -> DetectorConfig:
    """Those of a Config or DetectorConfig, the defaults for None; else a text is the name of a
    detector or the path of its weights (.onnx, .safetensors, .txt). changes: as of
    tracker_settings. Raises MambatrackError likewise."""
    complete = isinstance(config, (Config, DetectorConfig))
    if isinstance(config, (str, os.PathLike)):
        text = os.fspath(config)
        files = text.lower().endswith((".onnx", ".safetensors", ".txt")) or os.sep in text
        config = DetectorConfig(weights=text) if files else DetectorConfig(name=text)
    if config is not None and not isinstance(config, (Config, DetectorConfig)):
        raise MambatrackError(
            f"the detector is {shown(config)}; expected a name as 'yolox_nano', the path of an "
            "ONNX file or of a det.txt, or a Config or DetectorConfig"
        )
    whole = config if isinstance(config, Config) else Config(detector=config or DetectorConfig())
    changes = {CLI_WORDS.get(key, key): value for key, value in (changes or {}).items()}
    if "conf" in changes:
        changes.setdefault("own_conf", changes["conf"])
    made = with_implied_name(_changed(whole, "detector", changes).detector)
    return made if complete else with_own_conf(made)


def _changed(config: Config, section: str, changes: Mapping[str, Any] | None) -> Config:
    for key, value in (changes or {}).items():
        name = new_setting(f"{section}.{key}")
        config = _override(config, name.split("."), value, name)
    return config


def check_setting(key: str, value: Any) -> None:
    """Raises MambatrackError where the setting cannot have this value."""
    load_config(overrides={key: value})


def describe() -> list[tuple[str, Any, str]]:
    """(dotted key, default, what it means and its range) of every setting."""
    rows = []
    for section in dataclasses.fields(Config):
        for item in dataclasses.fields(typing.cast(Any, section.default_factory)):
            rows.append((f"{section.name}.{item.name}", item.default,
                         f"{item.metadata['doc']}{_allowed(item)}"))  # fmt: skip
    return rows


def as_yaml(config: Config) -> str:
    """Each section with what it is for, and each setting with its value and meaning."""
    lines, section = [], ""
    for key, _, meaning in describe():
        name, item = key.split(".")
        own = getattr(config, name)
        if name != section:
            section = name
            lines.append(f"{name}:  # {own.__doc__.rstrip('.')}")
        lines.append(f"  {item}: {json.dumps(dataclasses.asdict(own)[item])}  # {meaning}")
    return "\n".join(lines)


def _find(path: str | Path) -> Path:
    shipped = Path(__file__).parent / "configs" / f"{path}.yaml"
    for place in (path, shipped):
        if os.path.isfile(place):
            return Path(place)
    names = sorted(p.stem for p in shipped.parent.glob("*.yaml") if p.stem not in MODEL_LISTS)
    raise MambatrackError(
        f"configuration {path} not found; give a YAML file or one of {', '.join(names)}"
        f"{did_you_mean(path, names)}"
    )


def _build(kind: Any, values: Mapping[Any, Any], prefix: str) -> Any:
    known = {item.name: item for item in dataclasses.fields(kind)}
    hints = typing.get_type_hints(kind)
    built = {}
    for given, value in values.items():
        name = new_setting(f"{prefix}{given if isinstance(given, str) else shown(given)}")
        key = name.removeprefix(prefix)
        if key not in known:
            raise MambatrackError(f"unknown setting {shown(name)}{_nearest(name)}")
        if key in built:
            old = next(old for old, new in SETTINGS.items() if new == name)
            raise MambatrackError(f"{old} and {name} are one setting; name it once, as {name}")
        if dataclasses.is_dataclass(hints[key]):
            section = {} if value is None else value
            if not isinstance(section, Mapping):
                raise MambatrackError(f"{name}: expected settings below it, found {shown(value)}")
            built[key] = _build(hints[key], section, f"{name}.")
        else:
            built[key] = _checked(name, value, hints[key], known[key])
    return kind(**built)


def _override(config: Any, keys: list[str], value: Any, name: str) -> Any:
    known = {item.name: item for item in dataclasses.fields(config)}
    if keys[0] not in known:
        raise MambatrackError(f"unknown setting {shown(name)}{_nearest(name)}")
    current = getattr(config, keys[0])
    if dataclasses.is_dataclass(current):
        if len(keys) == 1:
            raise MambatrackError(f"{name!r} is a section; name a setting{_nearest(name)}")
        return dataclasses.replace(config, **{keys[0]: _override(current, keys[1:], value, name)})
    if len(keys) > 1:
        raise MambatrackError(f"unknown setting {shown(name)}{_nearest(name)}")
    hint = typing.get_type_hints(type(config))[keys[0]]
    if hint in (bool, int, float):
        value = _scalar(value)
    return dataclasses.replace(config, **{keys[0]: _checked(name, value, hint, known[keys[0]])})


def _checked(name: str, value: Any, hint: Any, item: dataclasses.Field) -> Any:
    if isinstance(hint, types.GenericAlias):
        return _known(name, _names(name, value), item)
    value = plain(value, hint)
    if hint is float:
        value = _as_float(value)
    if type(value) is not hint:
        raise MambatrackError(
            f"{name}: expected {hint.__name__}, found {shown(value)}{_allowed(item)}"
        )
    if not _is_allowed(value, item):
        raise MambatrackError(f"{name}: {shown(value)} is not allowed{_allowed(item, value)}")
    return value


def _known(name: str, entries: tuple[str, ...], item: dataclasses.Field) -> tuple[str, ...]:
    """The names, if the setting knows all of them."""
    choices = item.metadata["choices"] or entries
    for entry in entries:
        if entry not in choices:
            raise MambatrackError(f"{name}: {shown(entry)} is not allowed{_allowed(item, entry)}")
    return entries


def _is_allowed(value: Any, item: dataclasses.Field) -> bool:
    low, high, choices, files = (item.metadata[key] for key in ("low", "high", "choices", "files"))
    if low is not None:
        return low <= value <= high
    return not choices or value in choices or (files and _may_be_read(value))


def _may_be_read(path: str) -> bool:
    """Of weights that are not there it is said when they are loaded."""
    return path.endswith(".safetensors") or os.path.exists(path)


def _names(name: str, value: Any) -> tuple[str, ...]:
    """A list, or text with commas, as names; nothing is no name."""
    text = "" if value is None else value
    text = sorted(text, key=str) if isinstance(text, (set, frozenset)) else text
    entries = text if isinstance(text, (list, tuple)) else [text]
    if not all(isinstance(entry, (str, int, float)) for entry in entries):
        raise MambatrackError(f"{name}: expected names, as [person, car], found {shown(value)}")
    if entries is not text:
        entries = str(text).split(",")
    return tuple(str(entry).strip() for entry in entries if str(entry).strip())


def _as_float(value: Any) -> Any:
    """A float for an int or for text such as 1e-4, which YAML 1.1 does not read as a number."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value


def _allowed(item: dataclasses.Field, value: Any = "") -> str:
    """What the setting may be; value: what it was set to, for the nearest of its choices."""
    if item.metadata["choices"]:
        named = ", ".join(filter(None, item.metadata["choices"]))
        path = f", or the path of {files}" if (files := item.metadata["files"]) else ""
        return f" (one of {named}{path}){did_you_mean(value, item.metadata['choices'])}"
    if item.metadata["low"] is not None:
        return f" ({item.metadata['low']} to {item.metadata['high']})"
    return ""


def _nearest(name: str) -> str:
    keys = [key for key, _, _ in describe()]
    by_last = {key.split(".")[-1]: key for key in keys}
    own = name.split(".")[-1]
    elsewhere = [by_last[own]] if own in by_last else []
    last = nearest(own, by_last)
    near = nearest(name, keys, 0.85), by_last[last] if last else None, nearest(name, keys, 0.6)
    close = [*elsewhere, *near]
    if found := next(filter(None, close), None):
        return f"; did you mean {found!r}?"
    return f"; sections are {', '.join(item.name for item in dataclasses.fields(Config))}"


def _scalar(value: Any) -> Any:
    """A command-line string read the way YAML reads it: 60 is a number, true a truth value."""
    if not isinstance(value, str):
        return value
    try:
        return parse_yaml(value) if value else ""
    except MambatrackError:
        return value
