"""Training of the motion predictor: MambaTrack's recipe, and what we add to it by configuration.

The paper (section 4.2): smooth L1 on the next offset, Adam (0.9, 0.98, 1e-8), batches of 64, Noam
learning rate with 4000 steps of warm-up. With ``forecast`` above 1 the network predicts up to that
many frames from its own predictions, as it will in a gap, and each is compared with the truth; with
``identity_weight`` the predicted box also has to be more like the person's own box than like the
neighbours'.
"""

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mambatrack.config import Config, TrackerConfig, TrainingConfig
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import names_of, recipe_of
from mambatrack.learning.loop import Learner, Reporter, Run, silent
from mambatrack.learning.loop import train as run_training
from mambatrack.learning.motion_card import motion_card
from mambatrack.learning.motion_data import MotionData
from mambatrack.learning.motion_losses import Network, device_of, rollout_loss
from mambatrack.learning.motion_spread import fit_spread
from mambatrack.learning.motion_teacher import Teacher
from mambatrack.learning.processes import Processes, join_processes
from mambatrack.learning.schedules import noam
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.devices import choose_device
from mambatrack.networks.model_files import new_model

FREE = ("steps", "threads", "checkpoint_every", "licence")  # may differ in a continued training


def train(
    data: Iterable[str | Path],
    config: Config | TrainingConfig,
    out: str | Path,
    report: Reporter = silent,
) -> Path:
    """Trains a predictor on folders in MOT layout and returns the path of its weights.

    data: folders of sequences with gt/gt.txt; a tenth of the sequences is kept for validation, and
    all of the first folder decide how wide 68 % is: under a moving camera people go farther.
    config: with a whole Config, tracker.device says where to train, where auto is a GPU if there is
    one (training on a GPU has not been run yet), and tracker.frame_rate by how many frames of the
    motion model a picture comes after the one before.
    out: gets predictor.safetensors and predictor.json (model card), log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it.
    report: called after each step.

    Under torchrun the processes share each batch, which stays the one that a single process would
    draw, and the losses are the same up to rounding. The first one reports and writes; all go on
    from the checkpoint, so ``out`` has to be a folder that all of them see.
    Raises MambatrackError for unusable data, a folder of another training, or a batch with fewer
    windows than there are processes.
    """
    settings = config.training if isinstance(config, Config) else config
    tracker = config.tracker if isinstance(config, Config) else TrackerConfig()
    torch.set_num_threads(settings.threads)
    with join_processes(choose_device(tracker.device)) as processes:
        _check(settings, processes)
        roots = [Path(root) for root in data]
        learner = MotionLearner(roots, settings, processes, tracker.frame_rate)
        sequences = learner.data.learnt + learner.data.held_out
        recipe = recipe_of("training", settings, names_of(sequences), FREE, tracker.frame_rate)
        return run_training(learner, Run(
            Path(out) / "predictor.safetensors", settings.kind, recipe, settings.steps,
            settings.checkpoint_every, report=report, processes=processes,
        ))  # fmt: skip


class MotionLearner(Learner):
    """A motion model that learns. Each step seeds its own random numbers, so that each process
    draws the batch of which it takes a part."""

    model: Network
    rng = None
    remedy = "lower training.rate or raise training.warmup"

    def __init__(
        self, roots: list[Path], settings: TrainingConfig, processes: Processes, frame_rate: float
    ):
        self.roots, self.settings, self.processes = roots, settings, processes
        self.frame_rate = frame_rate
        self.teacher = Teacher(settings.teacher) if settings.teacher else None
        seen = self.teacher.foresight if self.teacher else 0
        self.data = MotionData(roots, settings, max(settings.foresight, seen), frame_rate)
        torch.manual_seed(settings.seed)
        self.model = new_model(
            settings.kind, settings.d_model, settings.layers, settings.d_state, settings.back
        ).to(processes.device)
        parameters = self.model.parameters()
        self.optimiser = torch.optim.Adam(parameters, lr=0.0, betas=(0.9, 0.98), eps=1e-8)

    def options(self, step: int) -> dict[str, Any]:
        return {"lr": noam(step, self.settings)}

    def losses(self, step: int) -> Iterator[Tensor]:
        settings = self.settings
        rng = np.random.default_rng([settings.seed, step])
        batch = self.data.windows.batch(rng, settings.batch_size)
        ahead = int(rng.integers(settings.forecast)) + 1
        whole = None
        if self.processes.count > 1:
            whole = batch.ahead(ahead + settings.foresight)
            batch = batch.rows(self.processes.share(settings.batch_size))
        taught = None
        if self.teacher is not None:
            seen = batch.ahead(ahead + self.teacher.foresight)
            taught = self.teacher.goal(seen, device_of(self.model))
        own = batch.ahead(ahead + settings.foresight)
        yield rollout_loss(self.model, own, settings, whole, taught)

    def validate(self) -> dict[str, float]:
        return self.data.validation.measure(self.model)

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        """After the last step with its spread fitted over a whole gap; training would go on from
        the network as it is, so this is done to a copy."""
        model = copy.deepcopy(self.model)
        if step >= self.settings.steps and isinstance(model, CausalMotionPredictor):
            settings, windows = self.settings, self.data.for_spread()
            fit_spread(model, windows, settings.seed, settings.batch_size, settings.steps)
        card = motion_card(model, self.settings, self.roots, self.frame_rate, {
            "step": step, "sequences": len(self.data.learnt),
            "validation_sequences": len(self.data.held_out),
        })  # fmt: skip
        spread = self.data.calibration.spread(model)
        return model.state_dict(), {**card, "validation": measured, "spread": spread}


def _check(settings: TrainingConfig, processes: Processes) -> None:
    """Raises MambatrackError for settings that do not go together."""
    if settings.batch_size < processes.count:
        raise MambatrackError(
            f"a batch of {settings.batch_size} windows cannot be shared by {processes.count} "
            "processes; raise training.batch_size or start fewer of them"
        )
    if settings.kind != "window" and settings.unit != "box":
        raise MambatrackError("a causal network knows training.unit box only")
    if settings.source == "detections" and (settings.kind == "window" or settings.noise_data):
        raise MambatrackError(
            "training.source detections is for a causal network, as a window has no holes, and "
            "leaves no place for training.noise_data"
        )
    if settings.kind != "window" and settings.foresight:
        raise MambatrackError(
            "training.foresight needs kind window: a causal network sees no future; "
            "it learns from one that does by training.teacher"
        )
