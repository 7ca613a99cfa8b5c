"""Training of the embedder, without labels of people: the codes of a teacher, and tracks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.config import EmbedderConfig
from mambatrack.embedders.own import KIND
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import recipe_of
from mambatrack.learning.embedder_data import Crops, Pictures, halves, read_crops
from mambatrack.learning.embedder_head import fitted_head, main_axes
from mambatrack.learning.embedder_losses import distance, relations, same_person, surely_apart
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.learning.embedder_pictures import disturbed, plain
from mambatrack.learning.loop import Learner, Reporter, Run, silent, train
from mambatrack.learning.processes import refuse_several
from mambatrack.learning.schedules import one_cycle
from mambatrack.networks.backbone import Shape, as_input, folded_weights
from mambatrack.version import VERSION

CROP = 96, 48  # rows and columns that the network sees
COARSE = 48, 32  # in the first steps
BLOCKS = 1, 1, 2  # of the stages
STEM = 16  # channels
VALIDATION = 500  # crops, at most
FITTED = 3000  # crops from which the head is fitted, at most
PART = 128  # crops that are embedded together in validation
FREE = ("threads", "checkpoint_every", "licence")  # may differ in a continued training


def train_embedder(
    crops: Sequence[str | Path],
    settings: EmbedderConfig,
    out: str | Path,
    report: Reporter = silent,
) -> Path:
    """Trains an embedder and returns the path of its weights.

    crops: .npz files, see embedder_data.Crops
    out: gets embedder.safetensors with its model card embedder.json, log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it
    report: called after each step
    Raises MambatrackError for unusable crops or a folder of another training.
    """
    refuse_several("the embedder")
    torch.set_num_threads(settings.threads)
    learnt, held_out = halves(read_crops(crops))
    if len(learnt.track) < 2 or not len(held_out.track):
        raise MambatrackError(
            f"{len(learnt.track)} crops to learn from and {len(held_out.track)} of every tenth "
            "track to measure with; at least 2 and 1 are needed"
        )
    names = ["/".join(Path(each).parts[-2:]) for each in crops]
    recipe = recipe_of("embedder", settings, names, FREE)
    learner = EmbedderLearner(learnt, held_out, settings, _card(settings, names, learnt, held_out))
    return train(learner, Run(
        Path(out) / "embedder.safetensors", KIND, recipe, settings.steps,
        settings.checkpoint_every, report=report,
    ))  # fmt: skip


class EmbedderLearner(Learner):
    """An embedder that learns; card: its model card, but for what is measured."""

    model: EmbedderNetwork
    rng: Generator
    remedy = "lower embedder.rate"

    def __init__(
        self, crops: Crops, held_out: Crops, settings: EmbedderConfig, card: dict[str, Any]
    ):
        self.crops, self.settings, self.card = crops, settings, card
        self.held_out = held_out.select(np.arange(len(held_out.track))[:VALIDATION])
        torch.manual_seed(settings.seed)
        width = settings.width
        self.model = EmbedderNetwork(
            Shape((STEM,), (width, 2 * width, 3 * width), BLOCKS), settings.code
        )
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=settings.weight_decay
        )
        self.rng = np.random.default_rng(settings.seed)
        self._centre = crops.teacher.mean(0)
        self._axes = main_axes(crops.teacher, settings.code).astype(np.float32)
        self._partners = _Partners(crops.track)

    def options(self, step: int) -> dict[str, Any]:
        return one_cycle(step, max(self.settings.steps, 20), self.settings.rate)

    def losses(self, step: int) -> Iterator[Tensor]:
        """One loss, of pairs of crops of one track or, where it has one crop, of that one twice."""
        first = self.rng.integers(len(self.crops.track), size=self.settings.batch_size // 2)
        rows = np.concatenate([first, self._partners(first, self.rng)])
        seen = self.crops.select(rows)
        size = COARSE if step <= self.settings.coarse_share * self.settings.steps else CROP
        codes = self.model(as_input(disturbed(seen.pictures, size, self.rng)))
        teacher = torch.from_numpy(seen.teacher - self._centre)
        person = torch.from_numpy(np.where(seen.track < 0, -1 - rows, seen.track))
        moment, scene = torch.from_numpy(seen.moment), torch.from_numpy(seen.scene)
        apart = surely_apart(person, moment, scene, torch.from_numpy(seen.teacher))
        yield (
            distance(codes, self._targets(seen.teacher))
            + self.settings.relation_weight * relations(codes, F.normalize(teacher))
            + self.settings.person_weight * same_person(codes, person, apart)
        )

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Of people who were held out: mean distance to the teacher, and of their crops the share
        whose likest crop is of the same track."""
        features = self._features(plain(self.held_out.pictures, CROP))
        codes = F.normalize(self.model.head(features))
        targets = self._targets(self.held_out.teacher)
        return {
            "validation": round(float(distance(codes, targets)), 5),
            "rank_1": round(_rank_1(codes.numpy(), self.held_out), 5),
        }

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        """The weights; after the last step with a head in closed form, which is measured too."""
        weights = folded_weights(self.model)
        if step >= self.settings.steps:
            head = self._fit_head()
            weights |= {f"head.{name}": each for name, each in head._asdict().items()}
            features = self._features(plain(self.held_out.pictures, CROP))
            codes = F.normalize(F.linear(features, *head)).numpy()
            measured = measured | {"rank_1_fitted": round(_rank_1(codes, self.held_out), 5)}
        architecture = self.card["architecture"] | {
            "parameters": sum(each.numel() for each in weights.values())
        }
        training = self.card["training"] | {"step": step}
        said = {"architecture": architecture, "training": training, "validation": measured}
        return {name: each.half() for name, each in weights.items()}, self.card | said

    def _fit_head(self) -> "_Head":
        """In closed form, from crops that are seen as they are and disturbed."""
        rng = np.random.default_rng(self.settings.seed + 1)
        count = min(FITTED, len(self.crops.track))
        some = self.crops.select(rng.choice(len(self.crops.track), count, replace=False))
        views = plain(some.pictures, CROP), disturbed(some.pictures, CROP, rng)
        first, second = (self._features(each).numpy() for each in views)
        fitted = fitted_head(first, second, some.teacher - self._centre, self.settings.code)
        return _Head(*map(torch.from_numpy, fitted))

    @torch.no_grad()
    def _features(self, pictures: Pictures) -> Tensor:
        """[N, F], what the head reads."""
        self.model.eval()
        parts = [
            self.model.features(as_input(pictures[i : i + PART]))
            for i in range(0, len(pictures), PART)
        ]
        self.model.train()
        return torch.cat(parts)

    def _targets(self, teacher: NDArray[np.float32]) -> Tensor:
        """[B, code], the teacher's codes along their main axes, of length 1."""
        return F.normalize(torch.from_numpy((teacher - self._centre) @ self._axes))


class _Head(NamedTuple):
    """embedder_head.Head as tensors."""

    weight: Tensor
    bias: Tensor


class _Partners:
    """For each crop another one of its track."""

    def __init__(self, track: NDArray[np.int64]):
        alone = np.where(track < 0, track.max(initial=0) + 1 + np.arange(len(track)), track)
        self._order = np.argsort(alone, kind="stable")
        _, self._group, self._count = np.unique(alone, return_inverse=True, return_counts=True)
        self._first = np.cumsum(self._count) - self._count

    def __call__(self, rows: NDArray[np.int64], rng: Generator) -> NDArray[np.int64]:
        group = self._group[rows]
        place = (rng.random(len(rows)) * self._count[group]).astype(np.int64)
        return self._order[self._first[group] + place]


def _rank_1(codes: NDArray[np.float32], crops: Crops) -> float:
    """Among crops of other moments, or of other people of the same; NaN where no crop has another
    of its track."""
    alike = codes @ codes.T
    same = crops.track[:, None] == crops.track
    alike[same & (crops.moment[:, None] == crops.moment)] = -2
    known = same & (crops.moment[:, None] != crops.moment)
    asked = known.any(1)
    found = same[np.arange(len(alike)), alike.argmax(1)]
    return float(found[asked].mean()) if asked.any() else float("nan")


def _card(
    settings: EmbedderConfig, names: list[str], learnt: Crops, held_out: Crops
) -> dict[str, Any]:
    recipe = asdict(settings)
    size = {name: recipe.pop(name) for name in ("width", "code")}
    return {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {
            "kind": KIND, **size, "stem": STEM, "blocks": list(BLOCKS), "rows": CROP[0],
            "columns": CROP[1],
        },
        "data": names,
        "licence": recipe.pop("licence"),
        "command": " ".join(["mambatrack train-embedder --crops", *names, "--out run/"]),
        "training": {
            **recipe, "crops": len(learnt.track), "validation_crops": len(held_out.track),
            "torch": torch.__version__,
        },
    }  # fmt: skip
