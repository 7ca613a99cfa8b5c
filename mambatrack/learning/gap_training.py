"""Training of the gap filler on sequences whose detections and truth are known."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from mambatrack.boxes import Boxes
from mambatrack.config import GapFillingConfig
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.gaps.filling import KIND, KNOTS, Ends, describe, straight_line
from mambatrack.learning.checkpoints import names_of, recipe_of
from mambatrack.learning.gap_data import GapSampler, read_seen_people
from mambatrack.learning.gap_network import GapFillingNetwork, laplace_loss
from mambatrack.learning.loop import Learner, Reporter, Run, silent, train
from mambatrack.learning.processes import refuse_several
from mambatrack.learning.schedules import one_cycle
from mambatrack.version import VERSION

HELD_OUT = 10  # every so many sequences one is kept for validation
VALIDATION = 4000  # gaps
CALIBRATION = 8000  # gaps
PART = 32  # gaps that go through the network together
BINS = (1, 2, 6, 11, 31)  # shortest gap of each bin that validation reports
WITHIN = 0.6827  # of a normal distribution, within one standard deviation
SHORTEST = 20  # steps of a cycle of the learning rate
FREE = ("threads", "checkpoint_every", "licence")  # may differ in a continued training


def train_gap_filling(
    data: Iterable[str | Path],
    settings: GapFillingConfig,
    out: str | Path,
    report: Reporter = silent,
) -> Path:
    """Trains a gap filler and returns the path of its weights.

    data: folders of sequences with gt/gt.txt and det/det.txt; every tenth sequence validates
    out: gets refill.safetensors with its model card refill.json, log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it
    report: called after each step
    Raises MambatrackError for unusable data or a folder of another training.
    """
    refuse_several("the gap filler")
    roots = [Path(root) for root in data]
    sequences = find_detected_sequences(roots)
    torch.set_num_threads(settings.threads)
    learnt = [each for i, each in enumerate(sequences) if i % HELD_OUT]
    held_out = sequences[::HELD_OUT]
    card = _card(settings, roots, len(learnt), len(held_out))
    gaps, check = (
        GapSampler(read_seen_people(each), settings.q, settings.longest)
        for each in (learnt, held_out)
    )
    recipe = recipe_of("gap_filling", settings, names_of(sequences), FREE)
    return train(GapLearner(gaps, check, settings, card), Run(
        Path(out) / "refill.safetensors", KIND, recipe, settings.steps,
        settings.checkpoint_every, report=report,
    ))  # fmt: skip


class _Gaps(NamedTuple):
    """tokens, lengths as in filling.Described; of every knot of the batch [N]: row and place of
    its token, target in units [N, 4], weight, and length of its gap."""

    tokens: Tensor
    lengths: Tensor
    row: Tensor
    place: Tensor
    target: Tensor
    weight: Tensor
    gap: Tensor


class GapLearner(Learner):
    """A gap filler that learns; card: its model card, but for what is measured."""

    model: GapFillingNetwork
    rng: Generator
    remedy = "lower gap_filling.rate"

    def __init__(
        self,
        gaps: GapSampler,
        held_out: GapSampler,
        settings: GapFillingConfig,
        card: dict[str, Any],
    ):
        self.gaps, self.settings, self.card = gaps, settings, card
        torch.manual_seed(settings.seed)
        self.model = GapFillingNetwork(settings.d_model, settings.layers, settings.d_state)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=settings.weight_decay
        )
        self.rng = np.random.default_rng(settings.seed)
        self.check = _gaps(*held_out.batch(np.random.default_rng(settings.seed + 1), VALIDATION))

    def options(self, step: int) -> dict[str, Any]:
        return one_cycle(step, max(self.settings.steps, SHORTEST), self.settings.rate)

    def losses(self, step: int) -> Iterator[Tensor]:
        """In parts of gaps of similar length, which fit the processor's cache."""
        parts = _parts(*self.gaps.batch(self.rng, self.settings.batch_size))
        whole = sum(float(part.weight.sum()) for part in parts)
        for part in parts:
            loss = laplace_loss(_said(self.model, part), part.target, part.weight)
            yield loss * (part.weight.sum() / whole)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Loss, and by length of the gap the error of the four coordinates as a share of that of
        the straight line."""
        said, check = _said(self.model, self.check), self.check
        found = {"validation": round(float(laplace_loss(said, check.target, check.weight)), 5)}
        error, line = (said[:, :4] - check.target).abs(), check.target.abs()
        for low, high in zip(BINS, (*BINS[1:], 10_000), strict=True):
            chosen = (check.gap >= low) & (check.gap < high)
            if chosen.any():
                ratio = float(error[chosen].mean() / line[chosen].mean())
                found[f"error_{low}"] = round(ratio, 5)
        return found

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        architecture = self.card["architecture"] | {
            "parameters": sum(each.numel() for each in self.model.parameters())
        }
        training = self.card["training"] | {"step": step}
        said = {"architecture": architecture, "training": training, "validation": measured}
        return self.model.state_dict(), self.card | said | self._calibrate()

    @torch.no_grad()
    def _calibrate(self) -> dict[str, list[float]]:
        """What the predicted scales are multiplied with so that 68 % of the errors in real gaps are
        within, and likewise the constant scale of the straight line; four numbers each."""
        rng = np.random.default_rng(self.settings.seed + 2)
        batch = _gaps(*self.gaps.batch(rng, CALIBRATION, cut=0.0))
        said = _said(self.model, batch)
        shares = (said[:, :4] - batch.target).abs() * torch.exp(-said[:, 4:])
        return {
            name: [round(float(each), 5) for each in values.quantile(WITHIN, dim=0)]
            for name, values in (("calibration", shares), ("wander", batch.target.abs()))
        }


def _parts(ends: Ends, true: Boxes) -> list[_Gaps]:
    """A batch in parts of gaps of similar length."""
    order = np.argsort(ends.known.sum(1) + np.minimum(ends.length, KNOTS), kind="stable")
    rows = np.split(order, range(PART, len(order), PART))
    return [_gaps(Ends._make(each[some] for each in ends), true[some]) for some in rows]


def _said(model: GapFillingNetwork, batch: _Gaps) -> Tensor:
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


def _card(
    settings: GapFillingConfig, roots: list[Path], learnt: int, held_out: int
) -> dict[str, Any]:
    recipe = asdict(settings)
    size = {name: recipe.pop(name) for name in ("d_model", "layers", "d_state", "q", "longest")}
    names = ["/".join(root.parts[-2:]) for root in roots]
    return {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {"kind": KIND, **size},
        "data": names,
        "licence": recipe.pop("licence"),
        "command": " ".join(["mambatrack train-gap-filling --dataset", *names, "--out run/"]),
        "training": {
            **recipe, "sequences": learnt, "validation_sequences": held_out,
            "torch": torch.__version__,
        },
    }  # fmt: skip
