"""Training runs on disk: checkpoints to go on from."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from mambatrack.config import TrainingConfig
from mambatrack.errors import MambatrackError
from mambatrack.files import replacing
from mambatrack.learning.motion_losses import Network
from mambatrack.renamed import as_named_today

FREE = ("steps", "threads", "checkpoint_every", "licence")  # may differ in a continued run


def _fingerprint(settings: TrainingConfig) -> dict[str, Any]:
    """What must be the same for a checkpoint to be continued: all but how long and how to run."""
    return {k: v for k, v in asdict(settings).items() if k not in FREE}


def save_checkpoint(
    path: Path,
    settings: TrainingConfig,
    model: Network,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    """All that a later run needs to go on after ``step``."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{key}": value for key, value in values.items()}
    _replace(path, tensors, {"step": str(step), "settings": json.dumps(_fingerprint(settings))})


def resume(
    path: Path,
    settings: TrainingConfig,
    model: Network,
    optimiser: torch.optim.Optimizer,
) -> int:
    """Puts the checkpoint, if there is one, into model and optimiser; returns its step, or 0."""
    if not path.is_file():
        return 0
    try:
        tensors = load_file(path)
        metadata = _metadata(path)
    except (SafetensorError, OSError) as error:
        raise MambatrackError(f"{path} is damaged ({error}); delete it to start afresh") from None
    # a setting that is younger than the checkpoint had its default
    said = as_named_today({"training": json.loads(metadata.get("settings", "{}"))})
    made_with = _fingerprint(TrainingConfig()) | said["training"]
    if made_with != _fingerprint(settings):
        raise MambatrackError(
            f"{path} was made with other settings ({metadata.get('settings')}); "
            "use them, or another output folder"
        )
    model.load_state_dict(
        {name[6:]: value for name, value in tensors.items() if name.startswith("model.")}
    )
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, index, key = name.split(".")
            states.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": states})
    return int(metadata["step"])


def _metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def _replace(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """A killed run leaves the old file or the new one."""
    content = save({name: value.contiguous() for name, value in tensors.items()}, metadata)
    with replacing(path) as temporary:
        temporary.write_bytes(content)
