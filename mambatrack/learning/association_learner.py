"""The learned association as the training loop sees it."""

from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from mambatrack.association.features import ALONE, NAMES
from mambatrack.config import AssociationConfig
from mambatrack.errors import MambatrackError
from mambatrack.learning.association_network import PairNetwork, pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, join, join_taught, mirrored
from mambatrack.learning.loop import Learner
from mambatrack.learning.schedules import one_cycle
from mambatrack.version import VERSION

CHECKED = 200  # frames of each sequence that validates
SAMPLED = 17  # one in so many pairs decides how features are scaled


class Recordings(NamedTuple):
    """What is learnt from, and what validates."""

    learnt: list[IndexedRecording]
    held_out: list[IndexedRecording]


class PairLearner(Learner):
    """A pair network that learns.

    steps: of this network;  data: folders that the model card names;  unseen: features that the
    network is not shown, to learn what they are worth
    """

    model: PairNetwork
    rng: Generator
    remedy = "lower association.rate"

    def __init__(
        self,
        recordings: Recordings,
        settings: AssociationConfig,
        steps: int,
        data: list[str],
        unseen: Collection[str] = (),
    ):
        self.recordings, self.settings, self.steps, self.data = recordings, settings, steps, data
        _check("learn from", recordings.learnt)
        _check("validate on", recordings.held_out)
        torch.manual_seed(settings.seed)
        self.model = PairNetwork(
            settings.d_model, settings.layers, settings.d_state, settings.rounds
        )
        _normalise(self.model, recordings.learnt, unseen)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=settings.weight_decay
        )
        self.rng = np.random.default_rng(settings.seed)
        frames = np.array([len(each.recording.pairs) for each in recordings.learnt], np.float64)
        self.share = frames / frames.sum()

    def options(self, step: int) -> dict[str, Any]:
        return one_cycle(step, self.steps, self.settings.rate)

    def losses(self, step: int) -> Iterator[Tensor]:
        learnt, settings = self.recordings.learnt, self.settings
        drawn = self.rng.choice(len(learnt), size=settings.pieces, p=self.share)
        pieces = [learnt[i].piece(self.rng, settings.frames) for i in drawn]
        batch = join(pieces)
        yield pair_loss(self.model(batch), batch, join_taught(pieces), settings.teacher_weight)

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        losses = []
        for each in self.recordings.held_out:
            batch = join([each.cut(0, min(CHECKED, len(each.recording.pairs)), False)])
            if len(batch.tracks):
                losses.append(float(pair_loss(self.model(batch), batch)))
        return {"validation": float(np.mean(losses))}

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        settings, recipe = self.settings, asdict(self.settings)
        card = {
            "format": 1,
            "mambatrack": VERSION,
            "architecture": {
                "kind": "association", "d_model": settings.d_model, "layers": settings.layers,
                "d_state": settings.d_state, "rounds": settings.rounds,
                "parameters": sum(each.numel() for each in self.model.parameters()),
            },
            "features": list(NAMES),
            "data": ["/".join(Path(root).parts[-2:]) for root in self.data],
            "licence": recipe.pop("licence"),
            "training": {
                **recipe, "step": step, "recordings": len(self.recordings.learnt),
                "torch": torch.__version__,
            },
            "validation": {"loss": round(measured["validation"], 5)},
        }  # fmt: skip
        return self.model.state_dict(), card


def _check(purpose: str, recordings: list[IndexedRecording]) -> None:
    if not any(len(each.recording.tracks) for each in recordings):
        raise MambatrackError(
            f"no detection is near a track in the sequences to {purpose} ({len(recordings)}); "
            "expected ground truth and detections of the same frames, with scores that start tracks"
        )


def _normalise(
    model: PairNetwork, learnt: list[IndexedRecording], unseen: Collection[str] = ()
) -> None:
    """Centres and scales of the features, the same in a mirror; a scale of 0 for those unseen."""
    parts = (("feature", "features", NAMES), ("alone", "alone", ALONE))
    for name, column, names in parts:
        sample = np.concatenate(
            [getattr(each.recording, column)[:, ::SAMPLED].T.astype(np.float32) for each in learnt]
        )
        sample = np.concatenate([sample, mirrored(sample, names)])
        tails = np.percentile(sample, [10, 90], axis=0)
        spread = np.maximum(sample.std(axis=0) / 2, (tails[1] - tails[0]) / 2.56)
        for kind, values in (("mean", sample.mean(axis=0)), ("scale", 1 / (spread + 1e-3))):
            getattr(model, f"{name}_{kind}").copy_(torch.from_numpy(values.astype(np.float32)))
        getattr(model, f"{name}_scale")[[each in unseen for each in names]] = 0
