r"""An association whose networks go on learning from trained weights, on other data, and what lies
between the two (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    python docs/experiments/association_from.py tune --run run/ --dataset simulated-0 ... \
      --weights mambatrack/weights/mambatrack-association.safetensors --out tuned/ \
      --set association.steps=2500 association.rate=0.0005 tracker.predictor=P
    python docs/experiments/association_from.py between --weights A B --share 0.5 --out between/

``run/`` gets one iteration of recordings, tracked with ``--weights``. With --keep the trained
weights also teach what is learnt from folders whose names begin so.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file

from mambatrack.association.loading import split_members
from mambatrack.config import load_config
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.learning.association_learner import PairLearner, Recordings
from mambatrack.learning.association_network import pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, join, join_taught
from mambatrack.learning.association_recording import Recording, record
from mambatrack.learning.association_teacher import AssociationTeacher
from mambatrack.learning.association_training import FREE, WEIGHTS, join_members
from mambatrack.learning.checkpoints import recipe_of
from mambatrack.learning.loop import Run, silent, train
from mambatrack.networks.model_files import write_model


class Learner(PairLearner):
    """Learns from the truth where nobody teaches."""

    def losses(self, step: int) -> Iterator[torch.Tensor]:
        learnt, settings = self.recordings.learnt, self.settings
        drawn = self.rng.choice(len(learnt), size=settings.pieces, p=self.share)
        pieces = [learnt[i].piece(self.rng, settings.frames) for i in drawn]
        total = torch.zeros(())
        for own in ([p for p in pieces if p.taught], [p for p in pieces if not p.taught]):
            batch = join(own) if own else None
            if batch and len(batch.tracks):
                said = self.model(batch), batch, join_taught(own), settings.teacher_weight
                total = total + pair_loss(*said) * (len(own) / len(pieces))
        yield total


def tune(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    config = load_config("train-association", dict(each.split("=", 1) for each in options.set))
    settings = config.association
    sequences = find_detected_sequences(options.dataset)
    recordings = recorded(options, config, sequences)
    members = split_members(load_file(options.weights[0]))
    targets = []
    for number, weights in enumerate(members):
        own = replace(settings, seed=settings.seed + number)
        learner = Learner(recordings, own, settings.steps, options.dataset)
        learner.model.load_state_dict(weights)
        targets.append(options.out / f"member-{number}" / WEIGHTS)
        recipe = recipe_of("association", own, sequences, FREE)
        train(learner, Run(
            targets[-1], "association", recipe, settings.steps, 500, "training", silent
        ))  # fmt: skip
        print(targets[-1], flush=True)
    join_members(targets, options.out / WEIGHTS, settings.seed)


def recorded(options: argparse.Namespace, config, sequences) -> Recordings:
    """What the tracker with the trained weights meets; every tenth sequence validates."""
    from mambatrack.association.loading import load_learned

    policy = load_learned(options.weights[0], config.tracker)
    teacher = AssociationTeacher(str(options.weights[0]))
    recordings = Recordings([], [])
    options.run.mkdir(parents=True, exist_ok=True)
    held = {*sorted({each.name for each in sequences})[::10]}
    for sequence in sequences:
        folder = sequence.folder.parent
        path = options.run / f"{folder.parent.name}-{folder.name}-{sequence.name}.npz"
        if not path.exists():
            record(sequence, policy, config.tracker).save(path)
        each = IndexedRecording.of(Recording.load(path))
        kept = options.keep and any(str(folder).startswith(name) for name in options.keep)
        if sequence.name in held:
            recordings.held_out.append(each)
        else:
            recordings.learnt.append(teacher.teach(each) if kept else each)
    return recordings


def between(options: argparse.Namespace) -> None:
    """Weights at ``share`` of the way from the first to the second."""
    first, second = (load_file(each) for each in options.weights)
    mixed = {name: torch.lerp(first[name], second[name], options.share) for name in first}
    card = json.loads(options.weights[1].with_suffix(".json").read_text())
    options.out.mkdir(parents=True, exist_ok=True)
    write_model(options.out / options.weights[1].name, mixed, card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=("tune", "between"))
    parser.add_argument("--run", type=Path)
    parser.add_argument("--dataset", nargs="+", default=[])
    parser.add_argument("--weights", required=True, nargs="+", type=Path)
    parser.add_argument("--keep", nargs="*", default=[])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    options = parser.parse_args()
    (tune if options.task == "tune" else between)(options)


if __name__ == "__main__":
    main()
