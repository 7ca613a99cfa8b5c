"""Training of the learned association on sequences whose detections and truth are known.

In each iteration the sequences are tracked and what the tracker met is written down; then a network
learns from the recordings of the newest iterations, and decides in the next one.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from mambatrack.association.loading import KIND, load_learned
from mambatrack.config import AssociationConfig, Config
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.errors import MambatrackError
from mambatrack.files import remove_temporaries, write_text
from mambatrack.learning.association_learner import PairLearner, Recordings
from mambatrack.learning.association_pieces import IndexedRecording
from mambatrack.learning.association_recording import Recording, record
from mambatrack.learning.association_teacher import AssociationTeacher
from mambatrack.learning.checkpoints import (
    Recipe,
    check_recipe,
    names_of,
    recipe_of,
    writing,
)
from mambatrack.learning.loop import Report, Reporter, Run, is_finished, silent, train
from mambatrack.learning.processes import refuse_several
from mambatrack.networks.model_files import fitting, read_card, write_model
from mambatrack.renamed import as_named_today

WEIGHTS = "association.safetensors"
HELD_OUT = 10  # every so many sequences one is kept for validation
SEED_STEP = 1000  # between the members of a committee
CHECKPOINT_EVERY = 500  # steps
FREE = ("threads", "licence")  # may differ in a continued training


def train_association(
    data: Iterable[str | Path],
    config: Config,
    out: str | Path,
    report: Reporter = silent,
) -> Path:
    """Trains a learned association and returns the path of its weights.

    data: folders of sequences with gt/gt.txt and det/det.txt; every tenth sequence validates
    config: ``association`` is the recipe, ``tracker`` the tracker that it is trained for
    out: gets association.safetensors with its model card association.json and, for each iteration,
    a folder with its recordings, network, log.csv, curve.png (with matplotlib) and checkpoint; the
    last iteration's lie in ``out``, or in a folder for each member. With some of them there,
    training goes on after them.
    report: called after each sequence that is tracked and each step of a network
    Raises MambatrackError for unusable data or a folder of another training.
    """
    refuse_several("the association")
    roots = [str(Path(root)) for root in data]
    training = _Training(Path(out), find_detected_sequences(roots), config, roots, report)
    torch.set_num_threads(config.association.threads)
    training.claim()
    for number in range(config.association.iterations):
        training.record(number)
        training.learn(number)
    return training.network(config.association.iterations - 1)


def join_members(members: list[Path], target: Path, seed: int) -> None:
    """Makes one association of several, whose log-odds are averaged."""
    cards = [read_card(each, (KIND,)) for each in members]
    weights: dict[str, torch.Tensor] = {}
    for number, each in enumerate(members):
        with fitting(each):
            weights |= {f"{number}.{name}": array for name, array in load_file(each).items()}
    card = cards[0]
    architecture, training = card["architecture"], card["training"]
    architecture["members"] = len(members)
    architecture["parameters"] = sum(each["architecture"]["parameters"] for each in cards)
    training |= {"seed": seed, "members": len(members)}
    losses = [each["validation"]["loss"] for each in cards]
    card["validation"] = {"loss": round(float(np.mean(losses)), 5)}
    write_model(target, weights, card)


def read_recordings(pool: list[Path], sequences: list[Sequence], teacher: str = "") -> Recordings:
    """The recordings of ``sequences`` in the folders of some iterations, and what ``teacher`` says
    of those that are learnt from (see AssociationTeacher)."""
    held = {*sorted({each.name for each in sequences})[::HELD_OUT]}
    taught = AssociationTeacher(teacher) if teacher else None
    recordings = Recordings([], [])
    for folder in pool:
        for sequence in sequences:
            each = IndexedRecording.of(_load(_recorded(folder, sequence)))
            if sequence.name in held:
                recordings.held_out.append(each)
            else:
                recordings.learnt.append(taught.teach(each) if taught else each)
    return recordings


@dataclass(frozen=True)
class _Training:
    """One training: its folder, and what it is made with."""

    folder: Path
    sequences: list[Sequence]
    config: Config
    data: list[str]
    report: Reporter

    def claim(self) -> None:
        """Refuses a folder that another training has begun."""
        names = [_recorded(self.folder, each).name for each in self.sequences]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise MambatrackError(
                f"two sequences would be kept as {twice[0]}; give the data folders different names"
            )
        said = _said(self.config, self.sequences)
        made_with = self.folder / "run.json"
        if made_with.exists():
            recipe = Recipe("", _flat(said), _flat(_said(Config(), self.sequences)))
            check_recipe(made_with, _flat(_read(made_with)), recipe)
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            remove_temporaries(self.folder)
            write_text(made_with, json.dumps(said, indent=1))
            for old in list(self.folder.glob("round-*")):  # as iterations were called
                old.rename(old.with_name(old.name.replace("round-", "iteration-")))

    def network(self, number: int) -> Path:
        """What iteration ``number`` ends with."""
        last = number == self.config.association.iterations - 1
        return (self.folder if last else self._iteration(number)) / WEIGHTS

    def record(self, number: int) -> None:
        """Tracks the sequences that are not recorded yet; the truth decides in iteration 0, later
        the network of the one before."""
        folder = self._iteration(number)
        with writing(folder):
            folder.mkdir(exist_ok=True)
            remove_temporaries(folder)
        missing = [each for each in self.sequences if not _recorded(folder, each).exists()]
        if not missing:
            return
        policy = load_learned(self.network(number - 1), self.config.tracker) if number else None
        for each in missing:
            recording = record(each, policy, self.config.tracker)
            with writing(folder):
                recording.save(_recorded(folder, each))
            done = sum(_recorded(folder, each).exists() for each in self.sequences)
            stage = f"tracking {self._of_all(number)}"
            self.report(Report(stage, "sequences", done, len(self.sequences)))

    def learn(self, number: int) -> None:
        """Trains the network, or the members, of an iteration."""
        settings, target = self.config.association, self.network(number)
        last = number == settings.iterations - 1
        steps = settings.steps if last else max(settings.steps // 3, 1)
        if is_finished(target, KIND, steps):
            return
        pool = [self._iteration(past) for past in range(number + 1)[-settings.recent :]]
        recordings = read_recordings(pool, self.sequences, settings.teacher if last else "")
        learn = partial(fit, recordings, self.sequences, data=self.data, report=self.report)
        stage = f"iteration {self._of_all(number)}"
        if not last or settings.members == 1:
            learn(settings, steps, target, stage=stage)
            return
        members = [self.folder / f"member-{each}" / WEIGHTS for each in range(settings.members)]
        for each, member in enumerate(members):
            own = replace(settings, seed=settings.seed + SEED_STEP * each)
            learn(own, steps, member, stage=f"{stage}, network {each + 1} of {settings.members}")
        with writing(self.folder):
            join_members(members, target, settings.seed)

    def _iteration(self, number: int) -> Path:
        return self.folder / f"iteration-{number}"

    def _of_all(self, number: int) -> str:
        return f"{number + 1} of {self.config.association.iterations}"


def fit(
    recordings: Recordings,
    sequences: list[Sequence],
    settings: AssociationConfig,
    steps: int,
    target: Path,
    data: list[str],
    report: Reporter = silent,
    stage: str = "training",
    unseen: Collection[str] = (),
) -> None:
    """Trains one network on the recordings of ``sequences``, if it is not trained yet.

    target: its weights, in a folder of its own;  data, unseen: see PairLearner
    """
    if is_finished(target, KIND, steps):
        return
    learner = PairLearner(recordings, settings, steps, data, unseen)
    recipe = recipe_of("association", replace(settings, steps=steps), names_of(sequences), FREE)
    train(learner, Run(target, KIND, recipe, steps, CHECKPOINT_EVERY, stage, report))


def _recorded(folder: Path, sequence: Sequence) -> Path:
    return folder / f"{sequence.folder.parent.name}-{sequence.name}.npz"


def _load(path: Path) -> Recording:
    try:
        return Recording.load(path)
    except (OSError, MambatrackError) as error:
        raise MambatrackError(
            f"{error}; delete it, and the same training records it again"
        ) from None


def _said(config: Config, sequences: list[Sequence]) -> dict[str, Any]:
    """What run.json holds: all that a training is made with."""
    said = {"association": asdict(config.association), "tracker": asdict(config.tracker)}
    return {**said, "sequences": names_of(sequences)}


def _read(path: Path) -> dict[str, Any]:
    try:
        said = as_named_today(json.loads(path.read_text(encoding="utf-8")))
        _flat(said)
        return said
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise MambatrackError(
            f"{path} does not tell what the training was made with ({error}); name another output "
            "folder"
        ) from None


def _flat(said: dict[str, Any]) -> dict[str, Any]:
    """Settings by their dotted names, but for those that may change, and the data."""
    sections = ((name, said[name]) for name in ("association", "tracker"))
    settings = {
        f"{name}.{key}": value
        for name, section in sections
        for key, value in section.items()
        if key not in FREE
    }
    return settings | {"data": said["sequences"]}
