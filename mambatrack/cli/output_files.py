"""The output files of a command: checked before the work, opened for it."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import add_overwrite, whole
from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from mambatrack.runs.run_outputs import Output

LONGEST_FORECAST = 1000  # frames


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """What becomes of the tracks of a source, in ``track`` and ``live``."""
    add = parser.add_argument
    add("--output", metavar="FILE.mp4", help="annotated video")
    add("--mot", metavar="FILE", help="MOTChallenge text: what was seen")
    add("--mot-predicted", action="store_true", help="also predicted boxes into --mot")
    add("--jsonl", metavar="FILE", help="JSON Lines: all tracks with state, gap and spread")
    add("--csv", metavar="FILE", help="CSV with supervision's column names")
    add("--revise", action="store_true", help="with --jsonl: a line for each gap, filled from both "
        "ends once its track is found again")  # fmt: skip
    add("--forecast", type=whole(1, LONGEST_FORECAST), nargs="?", const=30, default=0, metavar="N",
        help="draw where the tracks will be in the next N frames (30)")  # fmt: skip
    add("--show", action="store_true", help="live window; q or ESC quits, space pauses")
    add_overwrite(parser)


def text_outputs(
    options: argparse.Namespace, names: Sequence[str], stack: ExitStack
) -> "list[Output]":
    """The text files that were asked for, closed by the stack; names: of the classes."""
    from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
    from mambatrack.runs.run_outputs import RevisedOutput, TextOutput

    writers, overwrite = [], options.overwrite
    if options.mot:
        writers.append(mot_writer(options.mot, overwrite, predicted=options.mot_predicted))
    if options.csv:
        writers.append(csv_writer(options.csv, overwrite))
    outputs: list[Output] = [TextOutput(stack.enter_context(each)) for each in writers]
    if options.jsonl:
        lines = stack.enter_context(jsonl_writer(options.jsonl, overwrite, names))
        if getattr(options, "revise", False):
            from mambatrack.gaps.revisions import Reviser

            revised = RevisedOutput(lines, Reviser())
            return [*outputs, stack.enter_context(closing(revised))]
        outputs.append(TextOutput(lines))
    return outputs


def check_outputs(options: argparse.Namespace) -> list[Path]:
    """The files that will be written; refuses what cannot be before the work starts."""
    from mambatrack.files import check_output
    from mambatrack.outputs.video import check_video

    paths = [check_video(options.output, options.overwrite)] if options.output else []
    for text in (options.mot, options.jsonl, options.csv):
        if text:
            paths.append(check_output(text, options.overwrite))
    places = [path.resolve() for path in paths]
    for path, place in zip(paths, places, strict=True):
        if places.count(place) > 1:
            raise MambatrackError(f"{path} is named for two outputs; give each its own file")
        if place == Path(options.source).resolve():
            raise MambatrackError(f"{path} is the source itself; name another file")
    return paths


def default_output(source: str) -> str:
    """A video in the current folder, named after the source."""
    path = Path(source)
    return f"{path.resolve().stem}-tracked.mp4" if path.exists() else "tracked.mp4"
