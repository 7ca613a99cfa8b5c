r"""Networks of the last iteration on the recordings of one training, to compare variants.

    python docs/experiments/last_networks.py --run run/ --dataset simulated-0 ... --out variants/ \
      --seed 0 1 2 [--set association.d_state=1]

Their recordings are the same, so what differs is the variant and the seed. A folder for each seed.
Sequences that the training did not know are recorded first, as it would have; --members joins
networks to an association.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from mambatrack.config import load_config
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.learning.association_training import (
    WEIGHTS,
    _Training,
    fit,
    join_members,
    read_recordings,
)
from mambatrack.learning.loop import silent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, type=Path)
    parser.add_argument("--dataset", required=True, nargs="+")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--members", type=Path, nargs="+", help="weights that are joined, to --out")
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    options = parser.parse_args()
    if options.members:
        options.out.mkdir(parents=True, exist_ok=True)
        join_members(options.members, options.out / WEIGHTS, options.seed[0])
        return
    torch.set_num_threads(1)
    given = dict(each.split("=", 1) for each in options.set)
    config = load_config("train-association", given)
    settings, sequences = config.association, find_detected_sequences(options.dataset)
    training = _Training(options.run, sequences, config, options.dataset, silent)
    newest = range(settings.iterations)[-settings.recent :]
    for number in newest:
        training.record(number)
    pool = [options.run / f"iteration-{number}" for number in newest]
    recordings = read_recordings(pool, sequences, settings.teacher)
    for seed in options.seed:
        own, target = (
            replace(settings, seed=seed, members=1),
            options.out / f"seed-{seed}" / WEIGHTS,
        )
        fit(recordings, sequences, own, settings.steps, target, options.dataset)
        print(target, flush=True)


if __name__ == "__main__":
    main()
