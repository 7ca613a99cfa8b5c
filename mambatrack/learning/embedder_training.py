"""Training of the embedder, without labels of people: the codes of a teacher, and tracks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from mambatrack.config import EmbedderConfig
from mambatrack.embedders.loading import open_embedder
from mambatrack.embedders.own import KIND
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import Recipe, recipe_of, writing
from mambatrack.learning.embedder_batches import Batches
from mambatrack.learning.embedder_data import Crops, halves, read_crops
from mambatrack.learning.embedder_losses import distance, relations, same_person, surely_apart
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.learning.embedder_views import ViewMaker, Views
from mambatrack.learning.loop import Learner, Reporter, Run, silent, train
from mambatrack.learning.processes import refuse_several
from mambatrack.learning.schedules import one_cycle
from mambatrack.networks.backbone import Shape, as_input, folded_weights
from mambatrack.version import VERSION

CROP = 48, 32  # rows and columns that the network sees
BLOCKS = 1, 1, 2  # of the stages
STEM = 16  # channels
VALIDATION = 500  # crops, at most
PART = 128  # views that are embedded together in validation
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
    matplotlib), checkpoint.safetensors, and the views that are learnt from, with the teacher's
    codes (views-0.npz, ...); with a checkpoint there, training goes on from it
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
    held_out = held_out.select(np.arange(len(held_out.track))[:VALIDATION])
    if not settings.teacher:
        raise MambatrackError(
            "embedder.teacher is not set; name an embedder that knows people again, as "
            "--embedder.teacher FILE.onnx"
        )
    teacher, folder = open_embedder(settings.teacher, settings.normalisation), Path(out)
    names = ["/".join(Path(each).parts[-2:]) for each in crops]
    recipe = recipe_of("embedder", settings, names, FREE)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        make = ViewMaker(teacher, CROP, settings.seed, _of_views(recipe), folder, report)
        views = make("views", learnt, settings.views)
        measured = make("held-out", held_out, 1)
    card = _card(settings, names, learnt, held_out)
    learner = EmbedderLearner((learnt, views), (held_out, measured), settings, card)
    return train(learner, Run(
        folder / "embedder.safetensors", KIND, recipe, settings.steps,
        settings.checkpoint_every, report=report,
    ))  # fmt: skip


def _of_views(recipe: Recipe) -> Recipe:
    """What the views depend on."""
    chosen = {name: recipe.values[name] for name in ("data", "teacher", "normalisation", "seed")}
    return Recipe(recipe.section, chosen, chosen)


class EmbedderLearner(Learner):
    """An embedder that learns; card: its model card, but for what is measured."""

    model: EmbedderNetwork
    rng: Generator
    remedy = "lower embedder.rate"

    def __init__(
        self,
        learnt: tuple[Crops, Views],
        held_out: tuple[Crops, Views],
        settings: EmbedderConfig,
        card: dict[str, Any],
    ):
        self.crops, self.views = learnt
        self.held_out, self.measured = held_out
        self.settings, self.card = settings, card
        torch.manual_seed(settings.seed)
        width = settings.width
        self.model = EmbedderNetwork(
            Shape((STEM,), (width, 2 * width, 3 * width), BLOCKS), settings.code
        )
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=settings.weight_decay
        )
        self.rng = np.random.default_rng(settings.seed)
        self._centre = self.views.codes.mean(0)
        self._axes = main_axes(self.views.codes, settings.code).astype(np.float32)
        self._batches = Batches(self.views, self.crops, np.random.default_rng(settings.seed))

    def options(self, step: int) -> dict[str, Any]:
        return one_cycle(step, max(self.settings.steps, 20), self.settings.rate)

    def losses(self, step: int) -> Iterator[Tensor]:
        """One loss, of views, half of them mirrored."""
        rows = self._batches(self.settings.batch_size, self.rng)
        seen = self.views.select(rows)
        mirrored = self.rng.random(len(rows)) < 0.5
        seen.pictures[mirrored] = seen.pictures[mirrored, :, ::-1]
        codes = self.model(as_input(seen.pictures))
        crops = self.crops.select(seen.crop)
        person = torch.from_numpy(np.where(crops.track < 0, -1 - seen.crop, crops.track))
        moment, scene = torch.from_numpy(crops.moment), torch.from_numpy(crops.scene)
        apart = surely_apart(person, moment, scene, torch.from_numpy(seen.codes))
        yield (
            distance(codes, self._targets(seen.codes))
            + self.settings.relation_weight
            * relations(codes, F.normalize(torch.from_numpy(seen.codes - self._centre)))
            + self.settings.person_weight * same_person(codes, person, apart)
        )

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Of people who were held out: mean distance to the teacher, and of their crops the share
        whose likest crop is of the same track."""
        self.model.eval()
        pictures = self.measured.pictures
        parts = [
            self.model(as_input(pictures[i : i + PART])) for i in range(0, len(pictures), PART)
        ]
        self.model.train()
        codes = torch.cat(parts)
        return {
            "validation": round(float(distance(codes, self._targets(self.measured.codes))), 5),
            "rank_1": round(_rank_1(codes.numpy(), self.held_out), 5),
        }

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        weights = folded_weights(self.model)
        architecture = self.card["architecture"] | {
            "parameters": sum(each.numel() for each in weights.values())
        }
        training = self.card["training"] | {"step": step}
        said = {"architecture": architecture, "training": training, "validation": measured}
        return {name: each.half() for name, each in weights.items()}, self.card | said

    def _targets(self, codes: NDArray[np.float32]) -> Tensor:
        """[B, code], the teacher's codes along their main axes, of length 1."""
        return F.normalize(torch.from_numpy((codes - self._centre) @ self._axes))


def main_axes(codes: NDArray, count: int) -> NDArray[np.float64]:
    """The ``count`` axes [E, count] along which codes [N, E] vary most; zeros where there are
    fewer."""
    axes = np.linalg.eigh(np.cov(codes.T))[1][:, ::-1][:, :count]
    return np.pad(axes, ((0, 0), (0, count - axes.shape[1])))


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
    teacher = recipe["teacher"] = Path(settings.teacher).name
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
        "command": " ".join(
            ["mambatrack train-embedder --crops", *names, "--embedder.teacher", teacher]
            + ["--out run/"]
        ),
        "training": {
            **recipe, "crops": len(learnt.track), "validation_crops": len(held_out.track),
            "torch": torch.__version__,
        },
    }  # fmt: skip
