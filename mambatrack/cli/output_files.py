"""The output files of a command: checked before the work, opened for it."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from mambatrack.runs.run_outputs import Output


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
