r"""An association whose networks go on learning from trained weights, on other data, and what lies
between the two (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    python docs/experiments/association_from.py tune --run run/ --dataset simulated-0 ... \
      --weights mambatrack-association.safetensors --out tuned/ --teacher learned \
      --keep simulated-0 --set association.steps=2500 association.rate=0.0005 tracker.predictor=P
    python docs/experiments/association_from.py between --weights A B --share 0.5 --out between/

``run/`` gets one iteration of recordings, tracked with the shipped networks. --teacher also says
what is right in the folders whose names begin as --keep; elsewhere the truth alone does.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from mambatrack.association.loading import load_association, split_members
from mambatrack.config import Config, load_config
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.learning import association_recording
from mambatrack.learning.association_learner import PairLearner, Recordings
from mambatrack.learning.association_network import pair_loss
from mambatrack.learning.association_pieces import IndexedRecording, join, join_taught
from mambatrack.learning.association_recording import FORGETTING, Recorder, Recording, identities
from mambatrack.learning.association_teacher import AssociationTeacher
from mambatrack.learning.association_training import FREE, WEIGHTS, join_members
from mambatrack.learning.checkpoints import names_of, recipe_of
from mambatrack.learning.loop import Run, silent, train
from mambatrack.networks.model_files import write_model
from mambatrack.tracking.tracker import Tracker


class Switching(Recorder):
    """In a share of the frames two tracks that could be each other's change places."""

    share = 0.0
    rng = np.random.default_rng(0)

    def choose(self, problem, scores):
        chosen = super().choose(problem, scores)
        if self.rng.random() < self.share:
            return switched(problem.candidates, chosen, self.rng)
        return chosen


def switched(given, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The chosen pairs with two tracks in each other's place, where any two can change."""
    pairs = zip(given.tracks.tolist(), given.detections.tolist(), strict=True)
    row = {pair: k for k, pair in enumerate(pairs)}
    matched = [(int(given.tracks[k]), int(given.detections[k])) for k in chosen]
    swaps = [
        (place, other, row[a, d], row[b, c])
        for other, (b, d) in enumerate(matched)
        for place, (a, c) in enumerate(matched[:other])
        if (a, d) in row and (b, c) in row
    ]
    if not swaps:
        return chosen
    place, other, first, second = swaps[int(rng.integers(len(swaps)))]
    after = chosen.copy()
    after[[place, other]] = first, second
    return np.sort(after)


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
        recipe = recipe_of("association", own, names_of(sequences), FREE)
        train(learner, Run(
            targets[-1], "association", recipe, settings.steps, 500, "training", silent
        ))  # fmt: skip
        print(targets[-1], flush=True)
    join_members(targets, options.out / WEIGHTS, settings.seed)


def recorded(options: argparse.Namespace, config: Config, sequences: list[Sequence]) -> Recordings:
    """What the tracker with the shipped networks meets; every tenth sequence validates."""
    teacher = AssociationTeacher(options.teacher)
    recordings = Recordings([], [])
    options.run.mkdir(parents=True, exist_ok=True)
    held = {*sorted({each.name for each in sequences})[::10]}
    for sequence in sequences:
        folder = sequence.folder.parent
        path = options.run / f"{folder.parent.name}-{folder.name}-{sequence.name}.npz"
        if not path.exists():
            tracked(sequence, config, options.switches).save(path)
        each = IndexedRecording.of(Recording.load(path))
        kept = any(str(folder).startswith(name) for name in options.keep)
        if sequence.name in held:
            recordings.held_out.append(each)
        else:
            recordings.learnt.append(teacher.teach(each) if kept else each)
    return recordings


def tracked(sequence: Sequence, config: Config, switches: float) -> Recording:
    """As association_recording.record, with false switches in this share of the frames."""
    found = sequence_detections(sequence)
    rows, who = identities(sequence, found)
    policy = load_association(config.tracker)
    recorder = Switching([who[each] for each in rows], policy, config.tracker.class_aware)
    recorder.share, recorder.rng = switches, np.random.default_rng(len(who))
    tracker = Tracker(config.tracker, sequence.image_size, association=recorder)
    arrays = np.column_stack([found.boxes, found.scores])
    for index, each in enumerate(rows):
        tracker.update(arrays[each], index / sequence.fps)
    return recorder.recording()


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
    parser.add_argument("--teacher", default="learned")
    parser.add_argument("--keep", nargs="*", default=[])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument(
        "--switches", type=float, default=0.0, help="share of frames with a false one"
    )
    parser.add_argument("--forgetting", type=float, default=FORGETTING)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    options = parser.parse_args()
    association_recording.FORGETTING = options.forgetting
    (tune if options.task == "tune" else between)(options)


if __name__ == "__main__":
    main()
