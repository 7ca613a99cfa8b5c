"""Training of the gap filler on sequences whose detections and truth are known."""

import csv
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mambatrack.boxes import Boxes
from mambatrack.config import GapFillingConfig
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import KNOTS, Ends, describe, straight_line
from mambatrack.learning.gap_data import GapSampler, read_seen_people
from mambatrack.learning.gap_network import RefillNetwork, laplace_loss
from mambatrack.networks.model_files import write_model
from mambatrack.version import VERSION

HELD_OUT = 10  # every so many sequences one is kept for validation
VALIDATION = 4000  # gaps
CALIBRATION = 8000  # gaps
PART = 32  # gaps that go through the network together
BINS = (1, 2, 6, 11, 31)  # shortest gap of each bin that validation reports
WITHIN = 0.6827  # of a normal distribution, within one standard deviation


class _Gaps(NamedTuple):
    """tokens, lengths as in refill.Described; of every knot of the batch [N]: row and place of
    its token, target in units [N, 4], weight, and length of its gap."""

    tokens: Tensor
    lengths: Tensor
    row: Tensor
    place: Tensor
    target: Tensor
    weight: Tensor
    gap: Tensor


def train_refill(
    data: Iterable[str | Path],
    settings: GapFillingConfig,
    out: str | Path,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Trains a gap filler and returns the path of its weights.

    data: folders of sequences with gt/gt.txt and det/det.txt; every tenth sequence validates
    out: gets refill.safetensors with its model card refill.json and log.csv, written anew at every
    checkpoint
    report: called with a line of progress at every checkpoint
    Raises MambatrackError for unusable data.
    """
    roots, folder = [Path(root) for root in data], Path(out)
    usable = find_detected_sequences(roots)
    torch.set_num_threads(settings.threads)
    folder.mkdir(parents=True, exist_ok=True)
    learn = read_seen_people(each for i, each in enumerate(usable) if i % HELD_OUT)
    sampler = GapSampler(learn, settings.q, settings.longest)
    held = GapSampler(read_seen_people(usable[::HELD_OUT]), settings.q, settings.longest)
    card = _card(settings, roots, len(usable) - len(usable[::HELD_OUT]), len(usable[::HELD_OUT]))
    return _fit(sampler, held, settings, folder, card, report)


def _fit(
    sampler: GapSampler,
    held: GapSampler,
    settings: GapFillingConfig,
    folder: Path,
    card: dict[str, Any],
    report: Callable[[str], None],
) -> Path:
    torch.manual_seed(settings.seed)
    model = RefillNetwork(settings.d_model, settings.layers, settings.d_state)
    card["architecture"]["parameters"] = sum(each.numel() for each in model.parameters())
    rate, steps = settings.rate, settings.steps
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, max(steps, 20), pct_start=0.1)
    rng = np.random.default_rng(settings.seed)
    check = _gaps(*held.batch(np.random.default_rng(settings.seed + 1), VALIDATION))
    losses: list[float] = []
    started, path = time.monotonic(), folder / "refill.safetensors"
    with (folder / "log.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        for step in range(1, steps + 1):
            batch = sampler.batch(rng, settings.batch_size)
            losses.append(_step(model, optimiser, _parts(*batch)))
            schedule.step()
            if step % settings.checkpoint_every and step != steps:
                continue
            found = _validate(model, check)
            if log and step == min(settings.checkpoint_every, steps):
                log.writerow(["step", "loss", *found, "seconds"])
            seconds = round(time.monotonic() - started)
            log.writerow([step, f"{np.mean(losses):.4f}", *found.values(), seconds])
            file.flush()
            report(
                f"step {step} of {steps}, loss {np.mean(losses):.4f}, "
                f"validation {found['validation']:.4f}, {seconds} s"
            )
            losses.clear()
            card["training"]["step"], card["validation"] = step, found
            measured = card | _calibrate(model, sampler, settings.seed + 2)
            write_model(path, model.state_dict(), measured)
    return path


def _step(model: RefillNetwork, optimiser: torch.optim.Optimizer, parts: list[_Gaps]) -> float:
    """One step on a batch in parts of its own length each, which fit the processor's cache."""
    optimiser.zero_grad()
    total, whole = 0.0, sum(float(part.weight.sum()) for part in parts)
    for part in parts:
        loss = laplace_loss(_said(model, part), part.target, part.weight)
        loss = loss * (part.weight.sum() / whole)
        loss.backward()
        total += float(loss.detach())
    if not math.isfinite(total):
        raise MambatrackError("the loss is not finite: training diverged; lower gap_filling.rate")
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return total


def _parts(ends: Ends, true: Boxes) -> list[_Gaps]:
    """A batch in parts of gaps of similar length."""
    order = np.argsort(ends.known.sum(1) + np.minimum(ends.length, KNOTS), kind="stable")
    rows = np.split(order, range(PART, len(order), PART))
    return [_gaps(Ends._make(each[some] for each in ends), true[some]) for some in rows]


def _said(model: RefillNetwork, batch: _Gaps) -> Tensor:
    return model(batch.tokens, batch.lengths)[batch.row, batch.place]


def _gaps(ends: Ends, true: Boxes) -> _Gaps:
    """What the network reads, and what it should say at every knot. A gap weighs as the square root
    of their number, so that long ones are not all that counts."""
    described = describe(ends)
    row, knot = described.knots.nonzero()
    line, unit = (each[row, knot] for each in straight_line(ends, described.knots))
    parts = (
        described.tokens, described.lengths, row, described.place[row, knot],
        (true[row, described.knots[row, knot] - 1] - line) / unit,
        (described.knots > 0).sum(1)[row].astype(np.float32) ** -0.5, ends.length[row],
    )  # fmt: skip
    return _Gaps(*(torch.from_numpy(np.ascontiguousarray(each)) for each in parts))


@torch.no_grad()
def _validate(model: RefillNetwork, check: _Gaps) -> dict[str, float]:
    """Loss, and by length of the gap the error of the four coordinates as a share of that of the
    straight line."""
    said = _said(model, check)
    found = {"validation": round(float(laplace_loss(said, check.target, check.weight)), 5)}
    error, line = (said[:, :4] - check.target).abs(), check.target.abs()
    for low, high in zip(BINS, (*BINS[1:], 10_000), strict=True):
        chosen = (check.gap >= low) & (check.gap < high)
        if chosen.any():
            ratio = float(error[chosen].mean() / line[chosen].mean())
            found[f"error_{low}"] = round(ratio, 5)
    return found


@torch.no_grad()
def _calibrate(model: RefillNetwork, sampler: GapSampler, seed: int) -> dict[str, list[float]]:
    """What the predicted scales are multiplied with so that 68 % of the errors in real gaps are
    within, and likewise the constant scale of the straight line; four numbers each."""
    batch = _gaps(*sampler.batch(np.random.default_rng(seed), CALIBRATION, cut=0.0))
    said = _said(model, batch)
    shares = (said[:, :4] - batch.target).abs() * torch.exp(-said[:, 4:])
    return {
        name: [round(float(each), 5) for each in values.quantile(WITHIN, dim=0)]
        for name, values in (("calibration", shares), ("wander", batch.target.abs()))
    }


def _card(settings: GapFillingConfig, roots: list[Path], learn: int, held: int) -> dict[str, Any]:
    recipe = asdict(settings)
    size = {name: recipe.pop(name) for name in ("d_model", "layers", "d_state", "q", "longest")}
    names = ["/".join(root.parts[-2:]) for root in roots]
    return {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {"kind": "refill", **size},
        "data": names,
        "licence": recipe.pop("licence"),
        "command": " ".join(["mambatrack train-gap-filling --dataset", *names, "--out run/"]),
        "training": {
            **recipe, "sequences": learn, "validation_sequences": held, "torch": torch.__version__,
        },
    }  # fmt: skip
