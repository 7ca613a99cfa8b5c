"""``mambatrack simulate``: a detector's errors on data that has only ground truth."""

import argparse
import tempfile

from mambatrack.cli.arguments import Command, add_classes, add_overwrite, whole
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import DatasetPath, WrittenFolder
from mambatrack.cli.shared import OK, scored_of
from mambatrack.config import Config
from mambatrack.errors import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--dataset", type=DatasetPath, metavar="DIR",
        help="sequences with ground truth")  # fmt: skip
    source.add_argument("--walkers", type=whole(0), metavar="N", help="N made-up sequences of "
        "people who walk, under still and moving cameras")  # fmt: skip
    add(
        "--split",
        metavar="NAME",
        needs=("--dataset",),
        help="only sequences below a folder of this name, as val",
    )
    add_classes(parser, needs=("--dataset",))
    add("--every", type=whole(0), default=1, metavar="N", help="play every N-th frame")
    add("--backwards", action="store_true", help="play from the last frame to the first")
    add("--like", type=DatasetPath, required=True, metavar="DIR",
        help="other sequences, with gt and det, whose "
        "detector's errors are copied")  # fmt: skip
    add("--out", type=WrittenFolder, form=FOLDER, required=True, metavar="DIR",
        help="gets each sequence with its det/det.txt")  # fmt: skip
    add("--seed", type=whole(0), default=0, metavar="N", help="of the errors, and of walkers (0)")
    add_overwrite(parser, "write over sequences that exist")


def run(options: argparse.Namespace, config: Config) -> int:
    """Puts a detector's errors on data that has only ground truth."""
    from mambatrack.simulation.error_runs import measure_runs
    from mambatrack.simulation.simulate import Playback, measurable_sequences, write_simulated
    from mambatrack.simulation.walkers import walking_sequences

    bank = measure_runs(measurable_sequences(options.like))
    with tempfile.TemporaryDirectory() as made:
        made_up = options.walkers is not None
        if made_up:
            sequences = walking_sequences(made, options.walkers, options.seed)
        else:
            sequences, config = scored_of(options, config)
        playback = Playback(options.every, options.backwards)
        read = [each for each in (options.dataset, options.like) if each is not None]
        folders = write_simulated(
            sequences, bank, options.out, options.seed, options.overwrite, playback, made_up, read
        )
    if not options.quiet:
        made = counted(len(folders), "sequence")
        print(f"wrote {made} with simulated detections to {options.out}")
    return OK


SIMULATE = Command(
    "simulate", "put a detector's errors on data without detections", add_arguments, run
)
