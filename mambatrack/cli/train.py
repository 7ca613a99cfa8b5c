"""The commands that train: train, train-association, train-refill."""

import argparse

from mambatrack.cli.shared import OK, resumable
from mambatrack.config import Config


def train(options: argparse.Namespace, config: Config) -> int:
    """Trains a motion predictor, in one process or in those of torchrun."""
    from mambatrack.cli.progress import Progress
    from mambatrack.learning.motion_training import train as run_training
    from mambatrack.learning.processes import is_first_process

    quiet = options.quiet or not is_first_process()
    steps = config.training.steps
    with resumable("train", quiet), Progress("steps", steps, quiet, "training") as progress:
        path = run_training(
            options.data, config, options.out, lambda step, steps, loss: progress.update(step)
        )
    if not quiet:
        print(f"wrote {path}, its model card, log.csv and, with matplotlib, curve.png")
    return OK


def train_association(options: argparse.Namespace, config: Config) -> int:
    """Trains the learned association."""
    from mambatrack.learning.association_training import train_association as run_training

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    with resumable("train-association", options.quiet):
        path = run_training(options.data, config, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK


def train_refill(options: argparse.Namespace, config: Config) -> int:
    """Trains the network that fills the gaps of tracks."""
    from mambatrack.learning.gap_training import train_refill as run_training

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    path = run_training(options.data, config.filler, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK
