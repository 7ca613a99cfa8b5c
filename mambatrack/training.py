"""Training of the motion predictor: MambaTrack's recipe, and what we add to it by configuration.

The paper (section 4.2): smooth L1 on the next offset, Adam (0.9, 0.98, 1e-8), batches of 64, Noam
learning rate with 4000 steps of warm-up. With ``rollout`` above 1 the network predicts up to that
many frames from its own predictions, as it will in a gap, and each is compared with the truth; with
``identity_weight`` the predicted box also has to be more like the person's own box than like the
neighbours'.
"""

import csv
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from mambatrack.config import Config, TrainingConfig
from mambatrack.datasets import Sequence, find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.mamba import MotionPredictor, next_boxes, offset_scale
from mambatrack.version import VERSION
from mambatrack.windows import WindowSampler, detector_errors, read_people

VALIDATION_SHARE = 0.1
HORIZON = 30  # frames over which validation measures the error
TEMPERATURE = 0.1  # of the identity loss, in units of generalised IoU
COLUMNS = ("step", "rate", "loss", "error_1", "error_5", "error_10", "error_30", "identity")


def train(
    data: Iterable[str | Path],
    config: Config | TrainingConfig,
    out: str | Path,
    report: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> Path:
    """Trains a predictor on folders in MOT layout and returns the path of its weights.

    data: folders of sequences with gt/gt.txt; a tenth of the sequences is kept for validation.
    out: gets predictor.safetensors and predictor.json (model card), log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it.
    report: called after each step with (step, steps, loss).
    Raises MambatrackError for unusable data or a checkpoint of other settings.
    """
    settings = config.training if isinstance(config, Config) else config
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(settings.threads)
    sequences = [each for root in data for each in find_sequences(root) if each.gt_path]
    learn, check = _split(sequences, settings.seed)
    errors = _errors(settings)
    sampler = _sampler(learn, settings, settings.rollout, errors)
    validation = Validation(_sampler(check, settings, HORIZON, errors), settings)

    torch.manual_seed(settings.seed)
    model = MotionPredictor(settings.d_model, settings.layers, settings.d_state)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-8)
    done = _resume(folder / "checkpoint.safetensors", settings, model, optimiser)
    log = _Log(folder / "log.csv", done)
    losses: list[float] = []
    for step in range(done + 1, settings.steps + 1):
        losses.append(_step(model, optimiser, sampler, settings, step))
        report(step, settings.steps, losses[-1])
        if step % settings.checkpoint_every == 0 or step == settings.steps:
            metrics, spread = validation.measure(model)
            rate = noam(step, settings)
            log.add(step, rate, float(np.mean(losses)), metrics)
            losses.clear()
            _save_checkpoint(folder / "checkpoint.safetensors", settings, model, optimiser, step)
            _export(folder, model, settings, sequences, len(check), metrics, spread, step)
    if done >= settings.steps and not (folder / "predictor.safetensors").is_file():
        raise MambatrackError(f"{folder} is trained to step {done} but holds no predictor")
    draw_curve(folder / "log.csv", folder / "curve.png")
    return folder / "predictor.safetensors"


def noam(step: int, settings: TrainingConfig) -> float:
    """Learning rate of ``step`` from 1 (Vaswani et al. 2017, equation 3)."""
    growth = step * settings.warmup**-1.5
    return settings.rate * settings.d_model**-0.5 * min(step**-0.5, growth)


def rollout_loss(
    model: MotionPredictor, batch: tuple[Tensor, ...], settings: TrainingConfig
) -> Tensor:
    """Smooth L1 of the predicted offsets over the rollout, and the identity loss.

    The error of step k is divided by k, so that each frame of a gap counts alike; with rollout 1
    this is the paper's loss, the mean over the four coordinates.
    """
    history, counts, future, rivals, image_size = batch
    size = (int(image_size[0, 0]), int(image_size[0, 1]))
    scale = offset_scale(history, counts, settings.unit, size)
    boxes = roll_out(model, history, counts, future.shape[1], settings.unit, size)
    steps = torch.arange(1, future.shape[1] + 1, dtype=boxes.dtype)
    errors = (boxes - future) / scale[:, None] / steps[:, None]
    loss = F.smooth_l1_loss(errors, torch.zeros_like(errors))
    if settings.identity_weight:
        loss = loss + settings.identity_weight * identity_loss(boxes, future, rivals)[0]
    return loss


def roll_out(
    model: MotionPredictor,
    history: Tensor,
    counts: Tensor,
    steps: int,
    unit: str,
    image_size: tuple[int, int],
) -> Tensor:
    """history [B, q + 1, 4], counts [B] -> boxes [B, steps, 4], each from the ones before it."""
    boxes = []
    for _ in range(steps):
        box = next_boxes(model, history, counts, unit, image_size)
        box = torch.cat([box[:, :2], box[:, 2:].clamp(min=1.0)], dim=1)
        history = torch.cat([history[:, 1:], box[:, None]], dim=1)
        counts = (counts + 1).clamp(max=history.shape[1])
        boxes.append(box)
    return torch.stack(boxes, dim=1)


def identity_loss(boxes: Tensor, future: Tensor, rivals: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of picking the person's own box among the neighbours', by generalised IoU.

    boxes, future [B, K, 4], rivals [B, K, R, 4] with NaN where nobody is, cxcywh
    -> (loss, share of picks that are right), both over the frames with a neighbour close by.
    """
    candidates = torch.cat([future[:, :, None], rivals], dim=2)
    absent = torch.isnan(candidates[..., 0])
    candidates = torch.where(absent[..., None], future[:, :, None], candidates)
    close = generalised_iou(future[:, :, None], candidates).masked_fill(absent, -1)
    contested = close[..., 1:].amax(-1) > 0
    if not contested.any():
        return boxes.sum() * 0, boxes.new_tensor(1.0)
    likeness = generalised_iou(boxes[:, :, None], candidates) / TEMPERATURE
    likeness = likeness.masked_fill(absent, -torch.inf)[contested]
    own = torch.zeros(len(likeness), dtype=torch.long)
    return F.cross_entropy(likeness, own), (likeness.argmax(1) == own).float().mean()


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """cxcywh [..., 4] each -> [...] in (-1, 1] (Rezatofighi et al., CVPR 2019)."""
    a_low, a_high = a[..., :2] - a[..., 2:] / 2, a[..., :2] + a[..., 2:] / 2
    b_low, b_high = b[..., :2] - b[..., 2:] / 2, b[..., :2] + b[..., 2:] / 2
    shared = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(-1)
    hull = (torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)).prod(-1)
    union = a[..., 2:].prod(-1) + b[..., 2:].prod(-1) - shared
    return shared / union - (hull - union) / hull


class Validation:
    """The same windows of held-out sequences, however often it is asked."""

    def __init__(self, sampler: WindowSampler, settings: TrainingConfig, windows: int = 512):
        self.settings = settings
        self.batch = sampler.batch(np.random.default_rng(settings.seed), windows)

    @torch.inference_mode()
    def measure(self, model: MotionPredictor) -> tuple[dict[str, float], list[list[float]]]:
        """Errors of the centre in units of the box's size after 1, 5, 10 and 30 frames, relative
        to a box that stands still; and the spread [30, 4] that the model card keeps."""
        history, counts, future, rivals, image_size = _tensors(self.batch)
        size = (int(image_size[0, 0]), int(image_size[0, 1]))
        boxes = roll_out(model, history, counts, HORIZON, self.settings.unit, size)
        own_size = future[..., 2:].prod(-1).sqrt()
        error = (boxes - future)[..., :2].norm(dim=-1) / own_size
        still = (history[:, -1:] - future)[..., :2].norm(dim=-1) / own_size
        ratio = error.mean(0) / still.mean(0)
        metrics = {f"error_{k}": float(ratio[k - 1]) for k in (1, 5, 10, 30)}
        metrics["identity"] = float(identity_loss(boxes, future, rivals)[1])
        spread = ((boxes - future) / future[..., [2, 3, 2, 3]]).square().mean(0).sqrt()
        return metrics, np.round(spread.numpy().astype(float), 5).tolist()


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


def _step(
    model: MotionPredictor,
    optimiser: torch.optim.Optimizer,
    sampler: WindowSampler,
    settings: TrainingConfig,
    step: int,
) -> float:
    # seeded by the step, so that a resumed run sees the windows it would have seen
    rng = np.random.default_rng([settings.seed, step])
    batch = sampler.batch(rng, settings.batch_size).ahead(int(rng.integers(settings.rollout)) + 1)
    for group in optimiser.param_groups:
        group["lr"] = noam(step, settings)
    loss = rollout_loss(model, _tensors(batch), settings)
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _tensors(batch: Iterable[Any]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.asarray(part)) for part in batch)


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
    people = [read_people(each) for each in sequences]
    return WindowSampler(
        people, settings.window, rollout, errors, settings.noise, settings.crossings
    )


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


def _fingerprint(settings: TrainingConfig) -> str:
    """What must be the same for a checkpoint to be continued: all but how long and how to run."""
    free = ("steps", "threads", "checkpoint_every")
    return json.dumps({k: v for k, v in asdict(settings).items() if k not in free})


def _save_checkpoint(
    path: Path,
    settings: TrainingConfig,
    model: MotionPredictor,
    optimiser: torch.optim.Optimizer,
    step: int,
) -> None:
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    for index, values in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{key}": value for key, value in values.items()}
    _replace(path, tensors, {"step": str(step), "settings": _fingerprint(settings)})


def _resume(
    path: Path,
    settings: TrainingConfig,
    model: MotionPredictor,
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
    if metadata.get("settings") != _fingerprint(settings):
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
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.metadata() or {}


def _export(
    folder: Path,
    model: MotionPredictor,
    settings: TrainingConfig,
    sequences: list[Sequence],
    held_out: int,
    metrics: dict[str, float],
    spread: list[list[float]],
    step: int,
) -> None:
    card = {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {
            "d_model": settings.d_model, "layers": settings.layers, "d_state": settings.d_state,
            "window": settings.window, "parameters": sum(p.numel() for p in model.parameters()),
        },
        "normalisation": {"unit": settings.unit},
        "training": {**asdict(settings), "step": step, "sequences": len(sequences),
                     "validation_sequences": held_out, "torch": torch.__version__},
        "validation": {key: round(value, 5) for key, value in metrics.items()},
        "spread": spread,
    }  # fmt: skip
    _replace(folder / "predictor.safetensors", model.state_dict(), {"step": str(step)})
    temporary = folder / "predictor.json.tmp"
    temporary.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, folder / "predictor.json")


def _replace(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Written beside it and renamed: a killed run leaves the old file or the new one."""
    temporary = path.with_suffix(".tmp")
    save_file({name: value.contiguous() for name, value in tensors.items()}, temporary, metadata)
    os.replace(temporary, path)
