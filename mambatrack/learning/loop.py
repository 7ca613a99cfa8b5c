"""The training loop of the motion model, the association and the gap filler.

A training has a folder with its weights and their model card, checkpoint.safetensors, log.csv and,
with matplotlib, curve.png. Whenever it is stopped, by a signal, a crash or a full disk, the same
training goes on from its last checkpoint and ends with the weights of one that was never stopped.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from mambatrack.errors import MambatrackError
from mambatrack.files import remove_temporaries
from mambatrack.learning.checkpoints import NAME, Recipe, State, resume, save_checkpoint, writing
from mambatrack.learning.log import Log
from mambatrack.learning.processes import Processes
from mambatrack.networks.devices import check_backend
from mambatrack.networks.model_files import read_card, write_model

GRADIENT_LIMIT = 1.0  # of its norm


class Report(NamedTuple):
    """How far a training is: of ``total`` steps or sequences (``unit``) of a ``stage`` so many are
    done; logged: what the log got at this step, if it got something."""

    stage: str
    unit: str
    done: int
    total: int
    logged: Mapping[str, float] | None = None


Reporter = Callable[[Report], None]


def silent(report: Report) -> None:
    """The Reporter of those who ask for none."""


class Learner(ABC):
    """What the loop has to know of a network that learns.

    rng: the random numbers that ``losses`` draws from; None where each step makes its own.
    remedy: settings to change where the training diverges
    """

    model: torch.nn.Module
    optimiser: torch.optim.Optimizer
    rng: Generator | None
    remedy: str

    @abstractmethod
    def options(self, step: int) -> dict[str, Any]:
        """What the optimiser is told at a step: ``lr``, and more."""

    @abstractmethod
    def losses(self, step: int) -> Iterable[Tensor]:
        """The loss of a step in parts; each is gone through backwards before the next is asked."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """What is measured on held-out data, for the log."""

    @abstractmethod
    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        """The weights after a step, and their model card."""


@dataclass(frozen=True)
class Run:
    """One training on disk.

    weights: the .safetensors file of a network of ``kind``, in a folder of its own;  stage: its
    name in reports;  recipe: what a checkpoint must have been made with
    """

    weights: Path
    kind: str
    recipe: Recipe
    steps: int
    checkpoint_every: int
    stage: str = "training"
    report: Reporter = silent
    processes: Processes = Processes()

    @property
    def folder(self) -> Path:
        return self.weights.parent


def train(learner: Learner, run: Run) -> Path:
    """Trains from the last checkpoint, if there is one, to ``run.steps``; returns the weights.

    Of several processes the first one validates, reports and writes. Raises MambatrackError for a
    folder of another training, a disk that cannot be written, or a training that diverges.
    """
    first = run.processes.first
    check_backend(str(next(learner.model.parameters()).device), training=True)
    _prepare(run)
    done = _resume(learner, run)
    log = Log(run.folder / "log.csv", done) if first else None
    if log and done >= run.steps and not is_finished(run.weights, run.kind, done):
        _write(learner, run, log, done, learner.validate())
    losses: list[float] = []
    for step in range(done + 1, run.steps + 1):
        losses.append(_step(learner, run.processes, step))
        if log:
            checkpoint = step % run.checkpoint_every == 0 or step == run.steps
            logged = _checkpoint(learner, run, log, step, losses) if checkpoint else None
            run.report(Report(run.stage, "steps", step, run.steps, logged))
    return run.weights


def is_finished(weights: Path, kind: str, steps: int) -> bool:
    """Whether weights and card are whole, of one another and of a training of so many steps."""
    try:
        return bool(read_card(weights, (kind,))["training"]["step"] == steps)
    except (MambatrackError, LookupError, TypeError):
        return False


def _prepare(run: Run) -> None:
    """Makes the folder; refuses one with weights of which nobody knows how they were trained."""
    if run.processes.first:
        with writing(run.folder):
            run.folder.mkdir(parents=True, exist_ok=True)
            remove_temporaries(run.folder)
    if run.weights.exists() and not (run.folder / NAME).exists():
        raise MambatrackError(
            f"{run.folder} holds {run.weights.name} and no {NAME} to go on from, as an earlier "
            "version left it or after the checkpoint was deleted; name another output folder, or "
            f"delete {run.weights.name} to train it again"
        )


def _resume(learner: Learner, run: Run) -> int:
    """The step that was done last, the same in all processes."""
    checkpoint = run.folder / NAME
    done = resume(checkpoint, run.recipe, State(learner.model, learner.optimiser, learner.rng))
    if not run.processes.agree(done):
        raise MambatrackError(
            f"{checkpoint} is at step {done} here and at another one for other processes; all of "
            "them have to see the same output folder"
        )
    return done


def _step(learner: Learner, processes: Processes, step: int) -> float:
    """One step of the optimiser; returns the loss before it."""
    for group in learner.optimiser.param_groups:
        group |= learner.options(step)
    learner.optimiser.zero_grad()
    total = 0.0
    for part in learner.losses(step):
        part.backward()
        total += float(part.detach())
    total = processes.add_up_gradients(learner.model, total)
    norm = torch.nn.utils.clip_grad_norm_(learner.model.parameters(), GRADIENT_LIMIT)
    for name, value in (("loss", total), ("gradient", float(norm))):
        if not math.isfinite(value):
            raise MambatrackError(
                f"the {name} is {value} at step {step}: training diverged; {learner.remedy}, and "
                "start in another output folder"
            )
    learner.optimiser.step()
    return total


def _checkpoint(
    learner: Learner, run: Run, log: Log, step: int, losses: list[float]
) -> dict[str, float]:
    """Everything that is written of a step, in an order in which nothing is lost when it stops in
    between; returns what is logged, and clears the losses of the steps since the last time."""
    measured = learner.validate()
    logged = {"rate": learner.options(step)["lr"], "loss": float(np.mean(losses)), **measured}
    losses.clear()
    with writing(run.folder):
        log.add(step, logged)
        state = State(learner.model, learner.optimiser, learner.rng)
        save_checkpoint(run.folder / NAME, run.recipe, state, step)
    _write(learner, run, log, step, measured)
    return logged


def _write(learner: Learner, run: Run, log: Log, step: int, measured: dict[str, float]) -> None:
    """The weights, and after the last step the curve before them."""
    weights, card = learner.export(step, measured)
    with writing(run.folder):
        if step >= run.steps:
            log.draw(run.folder / "curve.png")
        write_model(run.weights, weights, card)
