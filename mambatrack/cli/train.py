"""The commands that train: train, train-association, train-gap-filling,
train-embedder, train-detector.

Each says in its first line what it learns, and which of them matters for what.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import Command, add_device
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import DatasetPath, ReadPath, WrittenFolder
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK
from mambatrack.cli.signals import resumable
from mambatrack.config import Config

if TYPE_CHECKING:
    from mambatrack.learning.loop import Report

MOTION = (
    "learns the motion model: where hidden people are, and how sure that is. Who is who in a "
    "crossing is learnt by 'mambatrack train-association', which is worth more: begin there"
)
ASSOCIATION = (
    "learns the association: who is who in a crossing, which is worth most. Where hidden people "
    "are is learnt by 'mambatrack train'"
)
GAP_FILLING = (
    "learns the boxes between two sightings, which change no identity; 'mambatrack "
    "train-association' does"
)

EMBEDDER = (
    "learns what people look like, from crops and a teacher's codes of them; who is who by boxes "
    "alone is learnt by 'mambatrack train-association'"
)


DETECTOR = (
    "learns to find people in pictures, from labelled ones; where '--weights FILE.onnx' of another "
    "detector is at hand, nothing has to be trained"
)


def add_train(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders with gt and det", "weights, model card, log and checkpoint")
    add_device(parser, "where the network is trained", needs=())


def add_train_association(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders with gt and det", "weights, model card, log, and each iteration")


def add_train_gap_filling(parser: argparse.ArgumentParser) -> None:
    _add_folders(parser, "folders with gt and det", "weights, model card, log and checkpoint")


def add_train_embedder(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--crops", type=ReadPath, nargs="+", required=True, metavar="FILE.npz",
        help="crops of people (docs/training.md)")  # fmt: skip
    _add_out(parser, "weights, model card, log, checkpoint, and what the teacher says of views")


def add_train_detector(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--dataset", type=ReadPath, nargs="+", required=True, metavar="DIR",
        help="folders with images/ and labels/, as YOLO has them (docs/training.md)")  # fmt: skip
    _add_out(parser, "weights, model card, log and checkpoint")


def _add_folders(parser: argparse.ArgumentParser, read: str, written: str) -> None:
    add = parser.add_argument
    add("--dataset", type=DatasetPath, nargs="+", required=True, metavar="DIR", help=read)
    _add_out(parser, written)


def _add_out(parser: argparse.ArgumentParser, written: str) -> None:
    add = parser.add_argument
    add("--out", type=WrittenFolder, form=FOLDER, required=True, metavar="DIR", help=written)


def train(options: argparse.Namespace, config: Config) -> int:
    """Trains a motion predictor, in one process or in those of torchrun."""
    from mambatrack.learning.motion_training import train as run_training
    from mambatrack.learning.processes import is_first_process

    quiet = options.quiet or not is_first_process()
    with _shown("train", MOTION, quiet) as shown:
        path = run_training(options.dataset, config, options.out, shown)
    return shown.tell(path)


def train_association(options: argparse.Namespace, config: Config) -> int:
    """Trains the learned association."""
    from mambatrack.learning.association_training import train_association as run_training

    with _shown("train-association", ASSOCIATION, options.quiet) as shown:
        path = run_training(options.dataset, config, options.out, shown)
    return shown.tell(path)


def train_gap_filling(options: argparse.Namespace, config: Config) -> int:
    """Trains the network that fills the gaps of tracks."""
    from mambatrack.learning.gap_training import train_gap_filling as run_training

    with _shown("train-gap-filling", GAP_FILLING, options.quiet) as shown:
        path = run_training(options.dataset, config.gap_filling, options.out, shown)
    return shown.tell(path)


def train_embedder(options: argparse.Namespace, config: Config) -> int:
    """Trains the embedder."""
    from mambatrack.learning.embedder_training import train_embedder as run_training

    with _shown("train-embedder", EMBEDDER, options.quiet) as shown:
        path = run_training(options.crops, config.embedder, options.out, shown)
    return shown.tell(path)


def train_detector(options: argparse.Namespace, config: Config) -> int:
    """Trains a detector of people."""
    from mambatrack.learning.detector_training import train_detector as run_training

    with _shown("train-detector", DETECTOR, options.quiet) as shown:
        path = run_training(options.dataset, config.detector_training, options.out, shown)
    return shown.tell(path)


@contextmanager
def _shown(command: str, purpose: str, quiet: bool) -> Iterator["_Shown"]:
    """Says what is learnt and shows how far it is; a signal says that the same command goes on."""
    if not quiet:
        print(f"{command} {purpose}", file=sys.stderr, flush=True)
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


TRAIN = Command(
    "train", "train the motion model: where hidden people are", add_train, train, "train-causal"
)
TRAIN_ASSOCIATION = Command(
    "train-association", "train who is who in a crossing, which is worth most; needs gt and det",
    add_train_association, train_association, "train-association",
)  # fmt: skip
TRAIN_GAP_FILLING = Command(
    "train-gap-filling", "train how gaps of a track are filled; needs gt and det",
    add_train_gap_filling, train_gap_filling,
)  # fmt: skip
TRAIN_EMBEDDER = Command(
    "train-embedder", "train what people look like, from a teacher's codes of crops",
    add_train_embedder, train_embedder,
)  # fmt: skip
TRAIN_DETECTOR = Command(
    "train-detector", "train a detector of people, from labelled pictures",
    add_train_detector, train_detector, "train-detector",
)  # fmt: skip
