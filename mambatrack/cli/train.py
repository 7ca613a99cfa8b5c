"""The commands that train: train, train-association, train-gap-filling."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import Command, add_device
from mambatrack.cli.named_files import DatasetPath, WrittenFolder
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK
from mambatrack.cli.signals import resumable
from mambatrack.config import Config

if TYPE_CHECKING:
    from mambatrack.learning.loop import Report


def add_train(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders in MOT layout", "weights, model card, log and checkpoint")
    add_device(parser, "where the network is trained", needs=())


def add_train_association(parser: argparse.ArgumentParser) -> None:
    _add_folders(
        parser, "as 'mambatrack simulate' writes", "weights, model card, log, and each iteration"
    )


def add_train_gap_filling(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders with gt and det", "weights, model card, log and checkpoint")


def _add_folders(parser: argparse.ArgumentParser, read: str, written: str) -> None:
    add = parser.add_argument
    add("--dataset", type=DatasetPath, nargs="+", required=True, metavar="DIR", help=read)
    add("--out", type=WrittenFolder, required=True, metavar="DIR", help=written)


def train(options: argparse.Namespace, config: Config) -> int:
    """Trains a motion predictor, in one process or in those of torchrun."""
    from mambatrack.learning.motion_training import train as run_training
    from mambatrack.learning.processes import is_first_process

    quiet = options.quiet or not is_first_process()
    with _shown("train", quiet) as shown:
        path = run_training(options.dataset, config, options.out, shown)
    return shown.tell(path)


def train_association(options: argparse.Namespace, config: Config) -> int:
    """Trains the learned association."""
    from mambatrack.learning.association_training import train_association as run_training

    with _shown("train-association", options.quiet) as shown:
        path = run_training(options.dataset, config, options.out, shown)
    return shown.tell(path)


def train_gap_filling(options: argparse.Namespace, config: Config) -> int:
    """Trains the network that fills the gaps of tracks."""
    from mambatrack.learning.gap_training import train_gap_filling as run_training

    with _shown("train-gap-filling", options.quiet) as shown:
        path = run_training(options.dataset, config.gap_filling, options.out, shown)
    return shown.tell(path)


@contextmanager
def _shown(command: str, quiet: bool) -> Iterator["_Shown"]:
    """Shows how far a training is; a signal says that the same command goes on."""
    shown = _Shown(quiet)
    with resumable(command, quiet):
        try:
            yield shown
        finally:
            shown.close()


class _Shown:
    """A bar, or lines, for each stage of a training, and a line for each row of its log."""

    def __init__(self, quiet: bool):
        self._quiet = quiet
        self._stage = ""
        self._progress: Progress | None = None

    def __call__(self, report: "Report") -> None:
        if self._progress is None or report.stage != self._stage:
            self.close()
            self._stage = report.stage
            self._progress = Progress(report.unit, report.total, self._quiet, report.stage)
            self._progress.__enter__()
        self._progress.update(report.done)
        if report.logged and not self._quiet:
            values = ", ".join(f"{name} {value:.4g}" for name, value in report.logged.items())
            line = f"{report.stage}: step {report.done} of {report.total}, {values}"
            print(line, file=sys.stderr, flush=True)

    def tell(self, path: Path) -> int:
        """Says where the weights are; returns the exit code."""
        done = "its model card, log.csv and, with matplotlib, curve.png"
        if not self._quiet:
            print(f"wrote {path}, {done}" if self._stage else f"{path} is trained already")
        return OK

    def close(self) -> None:
        if self._progress is not None:
            self._progress.__exit__()
            self._progress = None


TRAIN = Command("train", "train a motion model on MOT folders", add_train, train)
TRAIN_ASSOCIATION = Command(
    "train-association", "train who belongs to whom, on sequences with gt and det",
    add_train_association, train_association,
)  # fmt: skip
TRAIN_GAP_FILLING = Command(
    "train-gap-filling", "train what fills the gaps of tracks", add_train_gap_filling,
    train_gap_filling,
)  # fmt: skip
