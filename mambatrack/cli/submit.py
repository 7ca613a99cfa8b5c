"""``mambatrack submit``: results checked and zipped for an evaluation server."""

import argparse

from mambatrack.cli.arguments import Command, add_overwrite
from mambatrack.cli.file_forms import ZIP
from mambatrack.cli.named_files import DatasetPath, ResultsPath, WrittenFile
from mambatrack.cli.shared import OK
from mambatrack.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--server", required=True, choices=("dancetrack", "sportsmot"), help="whose archive")
    add("--results", type=ResultsPath, required=True, metavar="DIR",
        help="MOT files NAME.txt of its test sequences")  # fmt: skip
    add("--dataset", type=DatasetPath, metavar="DIR",
        help="folder of the test set, for its names and lengths; "
        "needed for sportsmot")  # fmt: skip
    add("--out", type=WrittenFile, form=ZIP, metavar="FILE",
        help="the archive (default: tracker.zip or sportsmot.zip)")  # fmt: skip
    add_overwrite(parser, "write over an archive that exists")


def run(options: argparse.Namespace, config: Config) -> int:
    """Checks results and zips them for an evaluation server."""
    from mambatrack.evaluation.submission import make_submission

    path = make_submission(
        options.server, options.results, options.out, options.dataset, options.overwrite
    )
    if not options.quiet:
        print(f"wrote {path}; every file in it was checked")
    return OK


SUBMIT = Command("submit", "check and zip results for a server", add_arguments, run)
