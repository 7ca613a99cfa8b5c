"""Training of a detector of people, from labelled pictures."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor, nn

from mambatrack.config import DetectorTrainingConfig
from mambatrack.datasets.average_precision import Boxes, average_precision, judged
from mambatrack.detections import as_detections
from mambatrack.detectors.images import MULTIPLE, input_size, place
from mambatrack.detectors.nms import suppress
from mambatrack.detectors.own import KIND
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import begin_with, recipe_of
from mambatrack.learning.detector_data import Picture, Scenes, read_scenes
from mambatrack.learning.detector_losses import Targets, disagreement, loss
from mambatrack.learning.detector_network import DetectorNetwork, places
from mambatrack.learning.detector_pictures import Shown, Size, shown
from mambatrack.learning.detector_scores import Curve, fitted, rescored
from mambatrack.learning.detector_teacher import Hints, Teacher
from mambatrack.learning.loop import Learner, Reporter, Run, silent, train
from mambatrack.learning.processes import refuse_several
from mambatrack.networks.backbone import Shape, as_input, folded_weights
from mambatrack.version import VERSION

STEM = 16, 32  # channels
BLOCKS = 1, 2, 2  # of the stages
SHAPES = 0.6, 0.8, 1.0  # rows of a picture that is learnt from, as shares of its columns
LARGER = 2  # times larger than the network sees them, pictures are held at most
VALIDATION = 60  # pictures, at most
LOWEST, OVERLAP = 0.02, 0.65  # score, and IoU above which the weaker box goes, in validation
FREE = (  # may differ in a continued training
    "threads", "checkpoint_every", "licence", "steps", "coarse_steps", "rate", "cooldown", "start",
)  # fmt: skip


def train_detector(
    folders: Sequence[str | Path],
    settings: DetectorTrainingConfig,
    out: str | Path,
    report: Reporter = silent,
) -> Path:
    """Trains a detector and returns the path of its weights.

    folders: each with images/ and labels/, see datasets/labelled_pictures.py
    out: gets detector.safetensors with its model card detector.json, log.csv, curve.png (with
    matplotlib) and checkpoint.safetensors; with a checkpoint there, training goes on from it
    report: called after each step
    Raises MambatrackError for unusable pictures or a folder of another training.
    """
    refuse_several("the detector")
    torch.set_num_threads(settings.threads)
    cv2.setNumThreads(settings.threads)
    if settings.width % 3:
        raise MambatrackError(
            f"detector_training.width: a multiple of 3 expected, found {settings.width}"
        )
    classes = _classes(settings.classes)
    scenes = read_scenes(folders, LARGER * settings.side, classes, _shares(settings.shares))
    names = ["/".join(Path(each).absolute().parts[-2:]) for each in folders]
    recipe = recipe_of("detector_training", settings, names, FREE)
    learner = DetectorLearner(scenes, settings, _card(settings, names, scenes))
    return train(learner, Run(
        Path(out) / "detector.safetensors", KIND, recipe, settings.steps,
        settings.checkpoint_every, report=report,
    ))  # fmt: skip


class Averaged(nn.Module):
    """A network that learns, and the moving average of its weights, which is what ships; hints: its
    guess at what a teacher says."""

    def __init__(self, network: DetectorNetwork, hints: nn.ModuleList):
        super().__init__()
        self.network, self.hints = network, hints
        self.average = copy.deepcopy(network).requires_grad_(False).eval()

    @torch.no_grad()
    def follow(self, share: float) -> None:
        """Moves the average by ``share`` towards the network."""
        for own, new in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if own.is_floating_point():
                own.lerp_(new, share)
            else:
                own.copy_(new)


class DetectorLearner(Learner):
    """A detector that learns; card: its model card, but for what is measured."""

    model: Averaged
    rng: Generator
    curve = Curve()
    remedy = "lower detector_training.rate"

    def __init__(self, scenes: Scenes, settings: DetectorTrainingConfig, card: dict[str, Any]):
        self.scenes, self.settings, self.card = scenes, settings, card
        self.held_out = scenes.held_out[:: -(-len(scenes.held_out) // VALIDATION)]
        torch.manual_seed(settings.seed)
        width = settings.width
        shape = Shape(STEM, (width, 2 * width, 4 * width), BLOCKS)
        network = DetectorNetwork(shape, settings.neck)
        self.teacher = _teacher(settings, network)
        hints = nn.ModuleList()
        if self.teacher:
            hints = Hints(len(network.strides), settings.neck, self.teacher.usual)
        self.model = Averaged(network, hints)
        if settings.start:
            begin_with(Path(settings.start), self.model)
        learning = [*network.parameters(), *self.model.hints.parameters()]
        self.optimiser = torch.optim.AdamW(learning, weight_decay=settings.weight_decay)
        self.rng = np.random.default_rng(settings.seed)

    def options(self, step: int) -> dict[str, Any]:
        """The rate rises, stays, and falls to 0 over the last part."""
        settings = self.settings
        left = (settings.steps - step + 1) / max(settings.steps * settings.cooldown, 1)
        return {"lr": settings.rate * min(1.0, step / settings.warmup, left)}

    def losses(self, step: int) -> Iterator[Tensor]:
        """One loss, of pictures of one size, from their labels and what the teacher says."""
        if step > 1:
            self.model.follow(max(1 / step, 1 / self.settings.averaged))
        size = self._size(step)
        made = [shown(self.scenes, size, self.rng) for _ in range(self.settings.batch_size)]
        pictures, network = np.stack([each.picture for each in made]), self.model.network
        features = network.features(as_input(pictures))
        centres, strides = map(torch.from_numpy, places(size, network.strides))
        total = loss(network.said(features), _targets(made), centres, strides)
        if self.teacher:
            opinion = self.teacher(pictures)
            apart = disagreement(self.model.hints(features), opinion)
            total = total + self.settings.teacher_weight * apart
        yield total

    def _size(self, step: int) -> Size:
        coarse = step <= self.settings.coarse_steps
        side = self.settings.coarse_side if coarse else self.settings.side
        rows = round(float(self.rng.choice(SHAPES)) * side / MULTIPLE)
        return max(rows, 1) * MULTIPLE, -(-side // MULTIPLE) * MULTIPLE

    def validate(self) -> dict[str, float]:
        """Average precision at an IoU of one half, of pictures that were held out; there the scores
        learn how many of such boxes are right."""
        found = [self._found(each.levels[0]) for each in self.held_out]
        truth = [Boxes(each.boxes, each.sure) for each in self.held_out]
        self.curve = fitted(*judged(found, truth))
        return {"ap50": round(average_precision(found, truth), 5)}

    @torch.no_grad()
    def _found(self, picture: Picture) -> Boxes:
        size = input_size((1, 3, None, None), picture.shape[1::-1], self.settings.side)
        placed = place(picture, size)
        said = self.model.average(as_input(placed.canvas[None]))
        scores = said.scores[0].sigmoid().numpy()
        kept = scores >= LOWEST
        boxes = placed.back(said.boxes[0].numpy()[kept])
        rows = as_detections(np.column_stack([boxes, scores[kept], np.zeros(kept.sum())]))
        rows = rows.select(suppress(rows, OVERLAP))
        return Boxes(rows.boxes, rows.scores)

    def export(self, step: int, measured: dict[str, float]) -> tuple[dict[str, Tensor], dict]:
        weights = rescored(folded_weights(self.model.average), self.curve)
        architecture = self.card["architecture"] | {
            "parameters": sum(each.numel() for each in weights.values())
        }
        training = self.card["training"] | {"step": step}
        said = {
            "architecture": architecture, "training": training, "validation": measured,
            "scores": self.curve._asdict(),
        }  # fmt: skip
        return {name: each.half() for name, each in weights.items()}, self.card | said


def _targets(made: list[Shown]) -> Targets:
    """Rows are filled up with boxes of no person."""
    most = max(1, *(len(each.sure) for each in made))
    boxes, sure = (
        np.zeros((len(made), most, 4), np.float32),
        np.zeros((len(made), most), np.float32),
    )
    for at, each in enumerate(made):
        boxes[at, : len(each.sure)], sure[at, : len(each.sure)] = each.boxes, each.sure
    return Targets(torch.from_numpy(boxes), torch.from_numpy(sure))


def _teacher(settings: DetectorTrainingConfig, network: DetectorNetwork) -> Teacher | None:
    """Raises MambatrackError where it cannot see the pictures that are learnt from."""
    if not settings.teacher:
        return None
    side = max(settings.side, settings.coarse_side)
    return Teacher(settings.teacher, network.strides, side, settings.threads)


def _shares(given: tuple[str, ...]) -> list[float]:
    try:
        return [float(each) for each in given]
    except ValueError:
        raise MambatrackError(
            f"detector_training.shares: numbers expected, found {', '.join(given)}"
        ) from None


def _classes(given: tuple[str, ...]) -> list[int]:
    wrong = [each for each in given if not each.isdecimal()]
    if wrong or not given:
        raise MambatrackError(
            f"detector_training.classes: numbers of classes expected, as 0 or 1,2, found "
            f"{', '.join(wrong) or 'none'}"
        )
    return [int(each) for each in given]


def _card(settings: DetectorTrainingConfig, names: list[str], scenes: Scenes) -> dict[str, Any]:
    recipe = asdict(settings)
    recipe |= {name: Path(recipe[name]).name for name in ("start", "teacher")}
    pictures, people = scenes.counts()
    size = {name: recipe.pop(name) for name in ("width", "neck", "side")}
    return {
        "format": 1,
        "mambatrack": VERSION,
        "architecture": {"kind": KIND, **size, "stem": list(STEM), "blocks": list(BLOCKS)},
        "data": names,
        "licence": recipe.pop("licence"),
        "command": " ".join(["mambatrack train-detector --dataset", *names, "--out run/"]),
        "training": {
            **recipe, "pictures": pictures, "people": people,
            "validation_pictures": len(scenes.held_out), "torch": torch.__version__,
        },
    }  # fmt: skip
