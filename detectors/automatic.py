"""The detector auto: what fits, and why it was taken.

In this order: what the weights are for; a named model in the cache; the smallest named model,
fetched now; where it cannot be fetched, own. A failed attempt is remembered for RETRY_S. Of a
named model, which knows COCO's classes, what moves by itself is kept where no classes are given.
"""

import time
from dataclasses import replace
from pathlib import Path

from mambatrack.config import DetectorConfig, with_implied_name, with_own_conf
from mambatrack.detectors.classes import MOVING
from mambatrack.detectors.download import NamedModel, cache_folder, fetch, named_models, offline
from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import BOX_TYPES

PATIENCE_S = 2.0  # for the server's answer
RETRY_S = 600.0  # after a failed attempt, until the next one
MARK = "unreachable"  # file in the cache, written at a failed attempt
BETTER = (
    "larger networks find more of them: --detector {}, or --weights FILE.onnx; --detector motion "
    "finds whatever moves in front of a still camera"
)
BOXES = "lines frame,-1,left,top,width,height,score, frames from 1, in a file .txt"
OTHERS = {  # files that are taken for weights, by their endings
    (".pt", ".pth", ".ckpt", ".tar"): "of PyTorch; write them as an ONNX file "
    "where they were made, as with 'yolo export model={} format=onnx'",
    (".engine", ".trt", ".plan", ".tflite", ".xml", ".bin", ".param", ".pb", ".h5", ".mlmodel"):
    "those of another program; give the ONNX file that they were made from",
    (".tsv", ".npy", ".npz", ".pkl", ".parquet"):
    f"no network; boxes of another program are given as {BOXES}",
}  # fmt: skip


def choose(config: DetectorConfig) -> tuple[DetectorConfig, str]:
    """The same settings with a detector in place of auto, and one line that says which and why;
    an empty line where the settings name a detector.

    Raises MambatrackError for weights that are no file of a detector, nor boxes.
    """
    if config.name != "auto":
        return config, ""
    if config.weights:
        return _for_weights(config)
    cached = cached_model()
    if cached is not None:
        return _of_what_moves(config, cached.name, "from the cache")
    smallest = models_by_size()[0]
    reason = why_not_asked() or _fetched(smallest)
    if reason is None:
        return _of_what_moves(config, smallest.name, "fetched just now")
    better = BETTER.format(smallest.name)
    own = with_own_conf(replace(config, name="own"))
    return own, f"detector: own, for people, as {reason}; {better}"


def _of_what_moves(config: DetectorConfig, name: str, how: str) -> tuple[DetectorConfig, str]:
    chosen = replace(config, name=name)
    if config.classes or config.class_names:
        return chosen, f"detector: {name}, {how}"
    return replace(chosen, classes=MOVING), (
        f"detector: {name}, {how}, for people, vehicles and animals; --classes person for people, "
        "--classes all for everything it knows"
    )


def _for_weights(config: DetectorConfig) -> tuple[DetectorConfig, str]:
    path = Path(config.weights)
    if path.suffix.lower() in BOX_TYPES or path.is_dir():
        kind = "a folder of labels" if path.is_dir() else "a file of boxes"
        return replace(config, name="file"), f"detector: file, as {config.weights} is {kind}"
    implied = with_implied_name(config)
    if implied.name == "auto":
        raise MambatrackError(_why_no_weights(config.weights))
    kind = "an ONNX file" if implied.name == "onnx" else "a trained file"
    return implied, f"detector: {implied.name}, as {config.weights} is {kind}"


def _why_no_weights(weights: str) -> str:
    """What the file is for, and what to do; it need not be there."""
    suffix = Path(weights).suffix.lower()
    for suffixes, what in OTHERS.items():
        if suffix in suffixes:
            return f"the weights {weights} are {what.format(weights)}"
    return (
        f"the weights {weights} are neither an ONNX file (.onnx), one of train-detector "
        "(.safetensors) nor boxes (.txt, .csv, .json, .jsonl); name their --detector"
    )


def models_by_size() -> list[NamedModel]:
    """The named models, the smallest first."""
    return sorted(named_models().values(), key=lambda model: model.size)


def cached_model() -> NamedModel | None:
    """The smallest named model that is in the cache."""
    return next((each for each in models_by_size() if is_cached(each)), None)


def is_cached(model: NamedModel) -> bool:
    """Whether the file is there in its full size."""
    path = cache_folder() / model.file_name
    return path.is_file() and path.stat().st_size == model.size


def why_not_asked() -> str | None:
    """Why the network is not asked for a model now, None where it is."""
    if offline():
        return "MAMBATRACK_OFFLINE is set"
    try:
        age = time.time() - (cache_folder() / MARK).stat().st_mtime
    except OSError:
        return None
    return "no model could be fetched some minutes ago" if 0 <= age < RETRY_S else None


def _fetched(model: NamedModel) -> str | None:
    """None, or why the model could not be fetched."""
    try:
        fetch(model, patience_s=PATIENCE_S)
    except MambatrackError as error:
        mark = cache_folder() / MARK
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError:
            pass  # then the next run asks again
        return str(error).partition(". Get ")[0]
    return None
