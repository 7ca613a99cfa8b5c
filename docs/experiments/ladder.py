r"""A ladder of associations: networks of several sizes that learn from the shipped one, what each
computes, and how it tracks.

    python docs/experiments/ladder.py train --out ladder/ --size 4 8 12 20 --seed 0 \
      --dataset simulated-0 simulated-1 walkers-0 \
      --set association.steps=6000 association.teacher=learned association.teacher_weight=0.8
    python docs/experiments/ladder.py work learned ladder/width-8-seed-0/association.safetensors

``train`` tracks the sequences once with the shipped networks, to ladder/recordings, and trains a
network of each width from scratch on the odds of the shipped ones; a folder each. ``work`` counts
operations as `mambatrack bench --page` does, of one pair and of a frame of real boxes (FRAME).
every_scene.py and `mambatrack bench --association` take the weights.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from mambatrack.association.loading import load_association, path_of
from mambatrack.config import Config, load_config
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.evaluation.arithmetic import association_work
from mambatrack.evaluation.stage_profile import Counts
from mambatrack.learning.association_learner import Recordings
from mambatrack.learning.association_recording import record
from mambatrack.learning.association_training import WEIGHTS, fit, read_recordings

PAIR = Counts(0, 1, 0, 0, 0, 1, contested_pairs=1, contested_tracks=0, contested_detections=0)
FRAME = Counts(9.8, 56, 9.8, 10, 9.5, 1, 56, contested_tracks=9.8, contested_detections=10)


def train(options: argparse.Namespace) -> None:
    """A network of each width and seed, smallest first; one that is trained is left as it is."""
    torch.set_num_threads(1)
    config = load_config("train-association", dict(each.split("=", 1) for each in options.set))
    sequences = find_detected_sequences(options.dataset)
    recordings = recorded(options.out / "recordings", sequences, config)
    for width in options.size:
        for seed in options.seed:
            own = replace(config.association, d_model=width, seed=seed, members=1)
            target = options.out / f"width-{width}-seed-{seed}" / WEIGHTS
            fit(recordings, sequences, own, own.steps, target, options.dataset)
            print(target, flush=True)


def recorded(folder: Path, sequences: list[Sequence], config: Config) -> Recordings:
    """What the tracker with the shipped networks meets, and what they say of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in sequences:
        path = folder / f"{each.folder.parent.name}-{each.name}.npz"
        if not path.exists():
            record(each, load_association(config.tracker), config.tracker).save(path)
    return read_recordings([folder], sequences, config.association.teacher)


def work(options: argparse.Namespace) -> None:
    """Operations of one pair, and of a frame, in all networks of each association."""
    for name in options.weights:
        of_pair = sum(each.operations for each in association_work(path_of(name), PAIR).values())
        frame = association_work(path_of(name), FRAME)
        of_frame = sum(each.operations for each in frame.values())
        print(f"{name}: {of_pair:,.0f} of a pair, {of_frame / 1e6:.3f} million of a frame")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tasks = parser.add_subparsers(required=True)
    training = tasks.add_parser("train")
    training.add_argument("--out", required=True, type=Path)
    training.add_argument("--dataset", required=True, nargs="+")
    training.add_argument("--size", nargs="+", type=int, required=True)
    training.add_argument("--seed", nargs="+", type=int, default=[0])
    training.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    training.set_defaults(task=train)
    counting = tasks.add_parser("work")
    counting.add_argument("weights", nargs="+")
    counting.set_defaults(task=work)
    options = parser.parse_args()
    options.task(options)


if __name__ == "__main__":
    main()
