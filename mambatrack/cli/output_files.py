"""The output files of ``track`` and ``live``: their options, and what is checked of them."""

import argparse
from pathlib import Path

from mambatrack.cli.arguments import add_overwrite, whole
from mambatrack.cli.named_files import TracksFile
from mambatrack.files import check_output
from mambatrack.runs.output_files import OutputFiles

LONGEST_FORECAST = 1000  # frames


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """What becomes of the tracks of a source, in ``track`` and ``live``."""
    add = parser.add_argument
    add("--output", type=TracksFile, metavar="FILE.mp4", help="annotated video")
    add("--mot", type=TracksFile, metavar="FILE", help="MOTChallenge text: what was seen")
    add("--mot-predicted", action="store_true", help="also predicted boxes into --mot")
    add("--jsonl", type=TracksFile, metavar="FILE",
        help="JSON Lines: all tracks with state, gap and spread")  # fmt: skip
    add("--csv", type=TracksFile, metavar="FILE", help="CSV with supervision's column names")
    add("--revise", action="store_true", help="with --jsonl: a line for each gap, filled from both "
        "ends once its track is found again")  # fmt: skip
    add("--forecast", type=whole(1, LONGEST_FORECAST), nargs="?", const=30, default=0, metavar="N",
        help="draw where the tracks will be in the next N frames (30)")  # fmt: skip
    add("--show", action="store_true", help="live window; q or ESC quits, space pauses")
    add_overwrite(parser)


def files_of(options: argparse.Namespace) -> OutputFiles:
    """The files that the options name."""
    return OutputFiles(
        options.mot, options.csv, options.jsonl, options.output, options.mot_predicted,
        options.revise, options.overwrite,
    )  # fmt: skip


def check_files(files: OutputFiles) -> list[Path]:
    """The files that will be written; refuses what cannot be before the work starts."""
    from mambatrack.outputs.video import check_video

    paths = [] if files.video is None else [check_video(files.video, files.overwrite)]
    for text in (files.mot, files.jsonl, files.csv):
        if text is not None:
            paths.append(check_output(text, files.overwrite))
    return paths


def default_output(source: str) -> TracksFile:
    """A video in the current folder, named after the source."""
    path = Path(source)
    return TracksFile(f"{path.resolve().stem}-tracked.mp4" if path.exists() else "tracked.mp4")
