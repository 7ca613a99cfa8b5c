"""``mambatrack ids``: identities of a result repaired, and the repair undone."""

import argparse
import sys

from mambatrack.cli.arguments import Command, whole
from mambatrack.cli.named_files import named
from mambatrack.cli.one_writer import one_writer
from mambatrack.config import Config

LARGEST = 2**63 - 1  # of an id


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``ids swap A B RESULT``, ``ids merge A B RESULT``, ``ids split A FRAME RESULT``, ``ids undo
    RESULT``; frames are numbered as in RESULT."""
    edits = parser.add_subparsers(dest="edit", required=True, metavar="EDIT")

    def edit(name: str, purpose: str, *numbers: str) -> argparse.ArgumentParser:
        added = edits.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
        for number in numbers:
            added.add_argument(number.lower(), type=whole(0, LARGEST), metavar=number)
        added.add_argument(
            "result", type=named, metavar="RESULT", help="MOT text, JSON Lines or CSV; is replaced"
        )
        added.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS,
            help="print nothing but errors")  # fmt: skip
        return added

    swap = edit("swap", "A is called B and B is called A", "A", "B")
    swap.add_argument("--from", dest="first", type=whole(0), metavar="FRAME",
        help="as numbered in RESULT (default: the first)")  # fmt: skip
    edit("merge", "B is called A", "A", "B")
    edit("split", "A has a new id from FRAME on", "A", "FRAME")
    edit("undo", "takes back the last edit")


def run(options: argparse.Namespace, config: Config) -> int:
    """Carries the edit out and says what changed."""
    from mambatrack.result_files.identities import EDITS, ResultFile

    with one_writer([options.result]):
        file = ResultFile(options.result)
        said = EDITS[options.edit](file, options)
    if not options.quiet:
        print(f"{options.result}: {said}")
        others = [file.path.with_suffix(each) for each in (".txt", ".jsonl", ".csv")]
        for other in others:
            if other != file.path and other.exists():
                first = 1 if other.suffix == ".txt" else 0
                print(f"note: {other.name} beside it is as it was; its frames count from {first}",
                      file=sys.stderr)  # fmt: skip
    return 0


IDS = Command("ids", "repair identities of a result, and undo it", add_arguments, run)
