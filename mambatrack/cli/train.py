"""The commands that train: train, train-association, train-gap-filling."""

import argparse

from mambatrack.cli.arguments import Command, add_device
from mambatrack.cli.shared import OK
from mambatrack.cli.signals import resumable
from mambatrack.config import Config


def add_train(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders in MOT layout", "weights, model card, log and checkpoint")
    add_device(parser, "where the network is trained")


def add_train_association(parser: argparse.ArgumentParser) -> None:
    _add_folders(
        parser, "as 'mambatrack simulate' writes", "weights, model card, log, and each iteration"
    )


def add_train_gap_filling(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders with gt and det", "weights, model card and log")


def _add_folders(parser: argparse.ArgumentParser, read: str, written: str) -> None:
    add = parser.add_argument
    add("--dataset", nargs="+", required=True, metavar="DIR", help=read)
    add("--out", required=True, metavar="DIR", help=written)


def train(options: argparse.Namespace, config: Config) -> int:
    """Trains a motion predictor, in one process or in those of torchrun."""
    from mambatrack.cli.progress import Progress
    from mambatrack.learning.motion_training import train as run_training
    from mambatrack.learning.processes import is_first_process

    quiet = options.quiet or not is_first_process()
    steps = config.training.steps
    with resumable("train", quiet), Progress("steps", steps, quiet, "training") as progress:
        path = run_training(
            options.dataset, config, options.out, lambda step, steps, loss: progress.update(step)
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
        path = run_training(options.dataset, config, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK


def train_gap_filling(options: argparse.Namespace, config: Config) -> int:
    """Trains the network that fills the gaps of tracks."""
    from mambatrack.learning.gap_training import train_refill as run_training

    def say(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    path = run_training(options.dataset, config.gap_filling, options.out, say)
    say(f"wrote {path}, its model card and log.csv")
    return OK


TRAIN = Command("train", "train a motion model on MOT folders", add_train, train)
TRAIN_ASSOCIATION = Command(
    "train-association", "train who belongs to whom, on sequences with gt and det",
    add_train_association, train_association,
)  # fmt: skip
TRAIN_GAP_FILLING = Command(
    "train-gap-filling", "train what fills the gaps of tracks", add_train_gap_filling,
    train_gap_filling,
)  # fmt: skip
