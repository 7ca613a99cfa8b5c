"""Training of the motion predictor: MambaTrack's recipe, and what we add to it by configuration.

The paper (section 4.2): smooth L1 on the next offset, Adam (0.9, 0.98, 1e-8), batches of 64, Noam
learning rate with 4000 steps of warm-up. With ``rollout`` above 1 the network predicts up to that
many frames from its own predictions, as it will in a gap, and each is compared with the truth; with
``identity_weight`` the predicted box also has to be more like the person's own box than like the
neighbours'.
"""

import csv
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mambatrack.config import Config, TrainingConfig
from mambatrack.datasets.people import read_people
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import resume, save_checkpoint
from mambatrack.learning.motion_losses import HORIZON, Network, Validation, device_of, rollout_loss
from mambatrack.learning.motion_spread import fit_spread
from mambatrack.learning.motion_teacher import Teacher
from mambatrack.learning.motion_windows import WindowSampler, detector_errors
from mambatrack.learning.processes import Processes, join_processes
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.devices import choose_device
from mambatrack.networks.model_files import new_model, write_model
from mambatrack.version import VERSION

VALIDATION_SHARE = 0.1
CALIBRATION = 2048  # windows by which the spread is measured
COLUMNS = ("step", "rate", "loss", "error_1", "error_5", "error_10", "error_30", "identity")


def train(
    data: Iterable[str | Path],
    config: Config | TrainingConfig,
    out: str | Path,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> Path:
    """Trains a predictor on folders in MOT layout and returns the path of its weights.

    data: folders of sequences with gt/gt.txt; a tenth of the sequences is kept for validation, and
    all of the first folder decide how wide 68 % is: under a moving camera people go farther.
    config: with a whole Config, tracker.device says where to train; auto is a GPU if there is one
    (training on a GPU has not been run yet).
    out: gets predictor.safetensors and predictor.json (model card), log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it.
    report: called after each step with (step, steps, loss).

    Under torchrun the processes share each batch, which stays the one that a single process would
    draw, and the losses are the same up to rounding. The first one reports and writes; all go on
    from the checkpoint, so ``out`` has to be a folder that all of them see.
    Raises MambatrackError for unusable data, a checkpoint of other settings, or a batch with fewer
    windows than there are processes.
    """
    settings = config.training if isinstance(config, Config) else config
    device = config.tracker.device if isinstance(config, Config) else "auto"
    torch.set_num_threads(settings.threads)
    with join_processes(choose_device(device)) as processes:
        return _train([Path(root) for root in data], settings, Path(out), report, processes)


def _train(
    roots: list[Path],
    settings: TrainingConfig,
    folder: Path,
    report: Callable[[int, int, float], None],
    processes: Processes,
) -> Path:
    _check(settings)
    teacher = Teacher(settings.teacher) if settings.teacher else None
    folder.mkdir(parents=True, exist_ok=True)
    sequences = [each for root in roots for each in find_sequences(root) if each.gt_path]
    learn, check = _split(sequences, settings.seed)
    errors = _errors(settings)
    beyond = max(settings.foresight, teacher.foresight if teacher else 0)
    sampler = _sampler(learn, settings, settings.forecast + beyond, errors)
    unbroken = replace(settings, gap_share=0.0, crossing_share=0.0)
    validation = Validation(
        _sampler(check, unbroken, HORIZON + settings.foresight, errors), settings
    )
    home = [each for each in sequences if roots[0] in (each.folder, *each.folder.parents)]
    calibration = Validation(
        _sampler(home, unbroken, HORIZON + settings.foresight, errors), settings, CALIBRATION
    )
    model, optimiser, done = _start(folder / "checkpoint.safetensors", settings, processes)
    log = _Log(folder / "log.csv", done) if processes.first else None
    losses: list[float] = []
    for step in range(done + 1, settings.steps + 1):
        loss = _step(model, optimiser, sampler, settings, step, processes, teacher)
        if log is None:
            continue
        losses.append(loss)
        report(step, settings.steps, loss)
        if step % settings.checkpoint_every == 0 or step == settings.steps:
            metrics = validation.measure(model)
            log.add(step, learning_rate(step, settings), float(np.mean(losses)), metrics)
            losses.clear()
            save_checkpoint(folder / "checkpoint.safetensors", settings, model, optimiser, step)
            if step == settings.steps and isinstance(model, CausalMotionPredictor):
                _fit_spread(model, learn, unbroken, errors)
            card = _card(model, settings, roots, len(learn), len(check), step)
            measured = {"validation": metrics, "spread": calibration.spread(model)}
            path = folder / "predictor.safetensors"
            write_model(path, model.state_dict(), {**card, **measured})
    if done >= settings.steps and not (folder / "predictor.safetensors").is_file():
        raise MambatrackError(f"{folder} is trained to step {done} but holds no predictor")
    if log is not None:
        draw_curve(log.path, folder / "curve.png")
    return folder / "predictor.safetensors"


def _fit_spread(
    model: CausalMotionPredictor,
    sequences: list[Sequence],
    settings: TrainingConfig,
    errors: list[Any],
) -> None:
    fit_spread(
        model, _sampler(sequences, settings, HORIZON, errors), settings.seed, settings.batch_size
    )


def _check(settings: TrainingConfig) -> None:
    """Raises MambatrackError for settings that do not go together."""
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


def learning_rate(step: int, settings: TrainingConfig) -> float:
    """Noam's rate of ``step`` from 1 (Vaswani et al. 2017, equation 3), falling linearly to 0 over
    the last part of the training if ``cooldown`` is set."""
    rate = settings.rate * settings.d_model**-0.5 * min(step**-0.5, step * settings.warmup**-1.5)
    left = (settings.steps - step + 1) / settings.steps
    return rate * min(1.0, left / settings.cooldown) if settings.cooldown else rate


def draw_curve(log: Path, picture: Path) -> bool:
    """Loss and validation errors over the steps as a PNG; False where matplotlib is missing."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with log.open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [row["step"] for row in rows]
    left.plot(steps, [row["loss"] for row in rows])
    left.set(xlabel="step", ylabel="training loss")
    for name in COLUMNS[3:7]:
        right.plot(steps, [row[name] for row in rows], label=f"after {name[6:]} frames")
    right.axhline(1, color="grey", linestyle=":")
    right.set(xlabel="step", ylabel="centre error / standing still")
    right.legend()
    figure.savefig(picture)
    return True


def _start(
    checkpoint: Path, settings: TrainingConfig, processes: Processes
) -> tuple[Network, torch.optim.Optimizer, int]:
    """Model and optimiser after the step that is returned, the same in all processes."""
    if settings.batch_size < processes.count:
        raise MambatrackError(
            f"a batch of {settings.batch_size} windows cannot be shared by {processes.count} "
            "processes; raise training.batch_size or start fewer of them"
        )
    torch.manual_seed(settings.seed)
    model = new_model(
        settings.kind, settings.d_model, settings.layers, settings.d_state, settings.back
    )
    model.to(processes.device)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-8)
    done = resume(checkpoint, settings, model, optimiser)
    if not processes.agree(done):
        raise MambatrackError(
            f"{checkpoint} is at step {done} here and at another one for other processes; all of "
            "them have to see the same output folder"
        )
    return model, optimiser, done


def _step(
    model: Network,
    optimiser: torch.optim.Optimizer,
    sampler: WindowSampler,
    settings: TrainingConfig,
    step: int,
    processes: Processes,
    teacher: Teacher | None,
) -> float:
    # seeded by the step, so that a resumed run sees the windows it would have seen, and each
    # process the batch of which it takes a part
    rng = np.random.default_rng([settings.seed, step])
    batch, ahead = sampler.batch(rng, settings.batch_size), int(rng.integers(settings.forecast)) + 1
    whole = None if processes.count == 1 else batch.ahead(ahead + settings.foresight)
    if whole is not None:
        batch = batch.rows(processes.share(settings.batch_size))
    taught = None
    if teacher is not None:
        taught = teacher.goal(batch.ahead(ahead + teacher.foresight), device_of(model))
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, settings)
    loss = rollout_loss(model, batch.ahead(ahead + settings.foresight), settings, whole, taught)
    optimiser.zero_grad()
    loss.backward()
    total = processes.add_up_gradients(model, loss)
    if not math.isfinite(total):
        raise MambatrackError(
            f"the loss is {total} at step {step}: training diverged; lower training.rate or raise "
            "training.warmup, and start in another output folder"
        )
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return total


def _card(
    model: Network,
    settings: TrainingConfig,
    roots: list[Path],
    learned: int,
    held_out: int,
    step: int,
) -> dict[str, Any]:
    """What the model card says beside what validation measured; names folders, not their place."""
    recipe = _named(settings)
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
        "command": _command(settings, roots),
        "training": {**recipe, "step": step, "sequences": learned,
                     "validation_sequences": held_out, "torch": torch.__version__},
    }  # fmt: skip


def _command(settings: TrainingConfig, roots: list[Path]) -> str:
    """The call that trains the same again, with the settings that are not the defaults."""
    plain = asdict(TrainingConfig(licence=settings.licence))
    options = [f"--training.{k} {v}" for k, v in _named(settings).items() if v != plain[k]]
    return " ".join(["mambatrack train --dataset", *map(_short, roots), "--out run/", *options])


def _named(settings: TrainingConfig) -> dict[str, Any]:
    """The settings with files and folders named, not their place."""
    places = {name: _short(getattr(settings, name)) for name in ("noise_data", "teacher")}
    return asdict(settings) | places


def _short(folder: str | Path) -> str:
    """The last two parts of a path, as dancetrack/train."""
    return "/".join(Path(folder).parts[-2:])


def _split(sequences: list[Sequence], seed: int) -> tuple[list[Sequence], list[Sequence]]:
    if len(sequences) < 2:
        raise MambatrackError(
            f"training needs at least 2 sequences with gt/gt.txt, found {len(sequences)}: "
            "one to learn from and one to validate on"
        )
    order = np.random.default_rng(seed).permutation(len(sequences))
    kept = max(1, round(VALIDATION_SHARE * len(sequences)))
    return [sequences[i] for i in sorted(order[kept:])], [
        sequences[i] for i in sorted(order[:kept])
    ]


def _errors(settings: TrainingConfig) -> list[Any]:
    if not settings.noise_data:
        return []
    return [run for each in find_sequences(settings.noise_data) for run in detector_errors(each)]


def _sampler(
    sequences: list[Sequence], settings: TrainingConfig, rollout: int, errors: list[Any]
) -> WindowSampler:
    people = [read_people(each, settings.source == "detections") for each in sequences]
    return WindowSampler(
        people, settings.window, rollout, errors, settings.noise, settings.crossing_share,
        gaps=settings.gap_share,
    )  # fmt: skip


class _Log:
    """log.csv: a row for each checkpoint; rows after the resumed step are dropped."""

    def __init__(self, path: Path, done: int):
        self.path = path
        rows = []
        if done and path.is_file():
            with path.open(newline="") as file:
                rows = [row for row in csv.DictReader(file) if int(row["step"]) <= done]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    def add(self, step: int, rate: float, loss: float, metrics: dict[str, float]) -> None:
        with self.path.open("a", newline="") as file:
            values = [step, rate, loss, *(metrics[name] for name in COLUMNS[3:])]
            csv.writer(file).writerow([f"{value:.6g}" for value in values])
