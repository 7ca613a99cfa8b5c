"""The model card of a trained motion model, but for what validation measured."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from mambatrack.config import TrainingConfig
from mambatrack.files import sha256
from mambatrack.motion.loading import weights_path
from mambatrack.version import VERSION


def motion_card(
    model: torch.nn.Module,
    settings: TrainingConfig,
    roots: list[Path],
    frame_rate: float,
    training: dict[str, int],
) -> dict[str, Any]:
    """Architecture, data, licence and recipe; names folders, not their place.

    frame_rate: of the motion model, 0 where each picture is one frame of it
    training: the step, and how many sequences were learnt from and held out
    """
    recipe = _named(settings)
    timed = {"frame_rate": frame_rate} if frame_rate else {}
    teacher = weights_path(settings.teacher) if settings.teacher else None
    taught = {"teacher_sha256": sha256(teacher)} if teacher else {}
    return {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {
            "kind": settings.kind, "d_model": settings.d_model, "layers": settings.layers,
            "d_state": settings.d_state, "window": settings.window,
            **({"foresight": settings.foresight} if settings.foresight else {}),
            **({"back": settings.back} if settings.kind == "causal-back" else {}),
            "parameters": sum(p.numel() for p in model.parameters()),
        },
        "normalisation": {"unit": settings.unit},
        "data": [_short(root) for root in roots],
        "licence": recipe.pop("licence"),
        "command": _command(settings, roots, frame_rate),
        "training": {**recipe, **taught, **timed, **training, "torch": torch.__version__},
    }  # fmt: skip


def _command(settings: TrainingConfig, roots: list[Path], frame_rate: float) -> str:
    """The call that trains the same again, with the settings that are not the defaults."""
    plain = asdict(TrainingConfig(licence=settings.licence))
    options = [f"--training.{k} {v}" for k, v in _named(settings).items() if v != plain[k]]
    options += [f"--tracker.frame_rate {frame_rate:g}"] if frame_rate else []
    return " ".join(["mambatrack train --dataset", *map(_short, roots), "--out run/", *options])


def _named(settings: TrainingConfig) -> dict[str, Any]:
    """The settings with files and folders named, not their place."""
    places = {name: _short(getattr(settings, name)) for name in ("noise_data", "teacher")}
    return asdict(settings) | places


def _short(folder: str | Path) -> str:
    """The last two parts of a path, as dancetrack/train."""
    return "/".join(Path(folder).parts[-2:])
