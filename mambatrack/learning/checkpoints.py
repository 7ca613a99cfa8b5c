"""Checkpoints of a training, from which it goes on.

A checkpoint is a safetensors file: the tensors of the network and of its optimiser, and as text the
step, the settings and the state of the random numbers. Nothing else is read; no pickle is.
"""

import json
import reprlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from numpy.random import Generator
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mambatrack.config import (
    AssociationConfig,
    DetectorTrainingConfig,
    EmbedderConfig,
    GapFillingConfig,
    TrainingConfig,
)
from mambatrack.datasets.sequences import Sequence
from mambatrack.errors import MambatrackError
from mambatrack.files import write_bytes
from mambatrack.renamed import as_named_today

NAME = "checkpoint.safetensors"
Settings = (
    TrainingConfig | AssociationConfig | GapFillingConfig | EmbedderConfig | DetectorTrainingConfig
)


class Recipe(NamedTuple):
    """What has to be the same for a training to be continued: the ``values`` of a ``section`` of
    the settings, and what is assumed of those that an older checkpoint does not hold."""

    section: str
    values: dict[str, Any]
    assumed: dict[str, Any]


class State(NamedTuple):
    """What changes from step to step; rng is None where each step has its own random numbers."""

    model: torch.nn.Module
    optimiser: torch.optim.Optimizer
    rng: Generator | None


def recipe_of(
    section: str,
    settings: Settings,
    data: list[str],
    free: Iterable[str],
    frame_rate: float = 0.0,
) -> Recipe:
    """The recipe of ``settings``, but for those that are ``free`` to change, of the data, and of
    the frame rate of the motion model where that counts.

    data: names of what is learnt from, as names_of() gives those of sequences
    """
    learnt = {"data": data}
    timed = {"tracker.frame_rate": frame_rate} if frame_rate else {}
    given, default = (
        {
            key: list(value) if isinstance(value, tuple) else value  # as JSON gives it back
            for key, value in asdict(each).items()
            if key not in set(free)
        }
        for each in (settings, type(settings)())
    )
    return Recipe(section, given | learnt | timed, default | learnt)


def names_of(sequences: Iterable[Sequence]) -> list[str]:
    """Sequences by their names and those of the folders that they are in."""
    return [f"{each.folder.parent.name}/{each.name}" for each in sequences]


def check_recipe(path: Path, made_with: dict[str, Any], recipe: Recipe) -> None:
    """Raises MambatrackError where ``path`` was made with another recipe."""
    made_with = recipe.assumed | as_named_today({recipe.section: made_with})[recipe.section]
    names = sorted({*made_with, *recipe.values})
    differing = [name for name in names if made_with.get(name) != recipe.values.get(name)]
    if differing:
        pairs = ((reprlib.repr(each.get(name)) for each in (made_with, recipe.values))
                 for name in differing)  # fmt: skip
        said = ", ".join(
            f"{name} {old} and not {new}" for name, (old, new) in zip(differing, pairs, strict=True)
        )
        raise MambatrackError(
            f"{path} was made with other settings or data ({said}); use those, or another output "
            "folder"
        )


def save_checkpoint(path: Path, recipe: Recipe, state: State, step: int) -> None:
    """All that a later run needs to go on after ``step``."""
    tensors = {f"model.{name}": value for name, value in state.model.state_dict().items()}
    for index, values in state.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{key}": value for key, value in values.items()}
    metadata = {"step": str(step), "settings": json.dumps(recipe.values)}
    if state.rng is not None:
        metadata["rng"] = json.dumps(state.rng.bit_generator.state)
    content = save({name: value.contiguous() for name, value in tensors.items()}, metadata)
    write_bytes(path, content)


def begin_with(path: Path, model: torch.nn.Module) -> None:
    """Gives ``model`` the weights of the checkpoint of another training, as far as both have them.

    Raises MambatrackError for a file that is no checkpoint, or of networks of other sizes.
    """
    own = model.state_dict()
    try:
        with safe_open(path, "pt") as file:
            given = {name: file.get_tensor(f"model.{name}") for name in own
                     if f"model.{name}" in file.keys()}  # noqa: SIM118  # fmt: skip
        if not given:
            raise ValueError("it holds no weights of such a network")
        model.load_state_dict(own | given)
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        reason = "; ".join(str(error).splitlines()[:2])
        raise MambatrackError(
            f"{path} cannot be begun with ({reason}); a checkpoint.safetensors of a training with "
            "networks of the same sizes is expected"
        ) from None


def resume(path: Path, recipe: Recipe, state: State) -> int:
    """Puts the checkpoint, if there is one, into ``state``; returns its step, or 0.

    Raises MambatrackError for one that is damaged or was made with another recipe.
    """
    if not path.is_file():
        return 0
    with undamaged(path):
        with safe_open(path, "pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        made_with, step = {**json.loads(metadata["settings"])}, int(metadata["step"])
    check_recipe(path, made_with, recipe)
    with undamaged(path):
        model = {name[6:]: value for name, value in tensors.items() if name[:6] == "model."}
        state.model.load_state_dict(model)
        state.optimiser.load_state_dict(_optimiser_state(tensors, state.optimiser))
        if state.rng is not None:
            state.rng.bit_generator.state = json.loads(metadata["rng"])
    return step


def _optimiser_state(
    tensors: dict[str, Tensor], optimiser: torch.optim.Optimizer
) -> dict[str, Any]:
    """What the optimiser loads, one of the Adams. Raises ValueError for tensors that do not fit its
    parameters; one that never had a gradient has none."""
    parameters: list[Tensor] = [p for group in optimiser.param_groups for p in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".")
            states.setdefault(int(number), {})[key] = value
    for index, state in states.items():
        size = parameters[index].shape
        found = {key: value.shape for key, value in state.items()}
        if found != {"step": torch.Size(), "exp_avg": size, "exp_avg_sq": size}:
            raise ValueError(f"parameter {index} of the optimiser has {found}")
    return {**optimiser.state_dict(), "state": states}


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Errors of reading a file of a training become one that names it."""
    wrong = (SafetensorError, OSError, LookupError, TypeError, ValueError, RuntimeError)
    try:
        yield
    except wrong as error:
        reason = str(error).splitlines()[0]
        raise MambatrackError(
            f"{path} is damaged ({reason}); name another output folder, or delete this one to "
            "start afresh"
        ) from None


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Errors of writing, as on a full disk, become one that says where and how to go on."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MambatrackError(
            f"cannot write to {folder}: {reason}. The files there are whole; when this is mended, "
            "the same training goes on from its last checkpoint"
        ) from None
