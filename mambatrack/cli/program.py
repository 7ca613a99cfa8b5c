"""The command line: arguments and settings in, one command run, an exit code out.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted with all files closed and readable.
"""

import argparse
import io
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from mambatrack import renamed
from mambatrack.cli import (
    bench,
    camera,
    detect,
    eval_motion,
    evaluate,
    export,
    export_tracks,
    gallery,
    ids,
    info,
    link,
    live,
    other_trackers,
    quantize,
    show_config,
    simulate,
    submit,
    track,
    train,
    tune,
)
from mambatrack.cli.effects import SHORTCUTS, Parser, refuse_without_effect
from mambatrack.cli.named_files import check_named_files, written_by
from mambatrack.cli.one_writer import one_writer
from mambatrack.cli.shared import FAILED, INTERRUPTED, as_message
from mambatrack.cli.signals import Interruption
from mambatrack.config import Config, load_config
from mambatrack.errors import MambatrackError, check_extras
from mambatrack.nearest import did_you_mean
from mambatrack.sources.addresses import without_secrets
from mambatrack.version import VERSION

COMMANDS = (
    track.TRACK, live.LIVE, detect.DETECT, camera.CAMERA, train.TRAIN, train.TRAIN_ASSOCIATION,
    train.TRAIN_GAP_FILLING, train.TRAIN_EMBEDDER, train.TRAIN_DETECTOR,
    evaluate.EVAL, eval_motion.EVAL_MOTION,
    tune.TUNE, bench.BENCH, simulate.SIMULATE, submit.SUBMIT, ids.IDS, link.LINK, gallery.GALLERY,
    export_tracks.EXPORT_TRACKS, show_config.CONFIG, info.INFO, export.EXPORT,
    quantize.QUANTIZE,
)  # fmt: skip

DOTTED = re.compile(r"--([a-zA-Z_-]+\.[\w.-]+)(?:=(.*))?", re.DOTALL)
LEFT_OUT = ("torch", "triton", "motmetrics", "scipy", "networkx")  # of a light installation


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command -> exit code. A user's mistake is one line on stderr, never a traceback."""
    warnings.showwarning = _show_warning
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names are not always text
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with Interruption() as interruption, interruption.at_once():
            command, options, config = parse(given)
            check_named_files(options, config)
            check_extras(options.extras(options))
            with one_writer(written_by(options)):
                return command(options, config)
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (MambatrackError, OSError) as error:
        print(f"error: {as_message(error)}", file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in LEFT_OUT:
            raise
        print(f"error: this needs the package {package}: pip install {package}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets ``run``, the function that carries it out."""
    parser = Parser(
        "mambatrack", description="Online multi-object tracking from boxes.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"mambatrack {VERSION}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(choices)
    return parser


def parse(arguments: list[str]) -> tuple[Any, argparse.Namespace, Config]:
    """(command, options, configuration); wrong usage ends the program with code 2."""
    parser = build_parser()
    dotted, rest = _take_dotted(parser, _with_new_names(arguments))
    options, unknown = parser.parse_known_args(rest)
    options.arguments = arguments
    if unknown:
        behind = "--" in rest and unknown[0] in rest[rest.index("--") :]
        options.parser.error(_unknown(without_secrets(unknown[0]), options.parser, behind))
    _refuse_assigned(options)
    options.check(options)
    given = {key: getattr(options, name, None) for name, key in SHORTCUTS.items()}
    overrides = {key: value for key, value in given.items() if value is not None} | dotted
    try:
        config = load_config(options.config or options.recipe, overrides)
    except MambatrackError as error:
        parser.exit(2, f"error: {as_message(error)}\n")
    refuse_without_effect(options, config)
    return options.run, options, config


def _refuse_assigned(options: argparse.Namespace) -> None:
    """Ends the program where a source is source=NAME or such."""
    given = getattr(options, "source", None) or getattr(options, "sources", None) or []
    for each in [given] if isinstance(given, str) else given:
        if other_trackers.is_assigned(each) and not os.path.exists(each):
            options.parser.error(other_trackers.NOT_ASSIGNED.format(each.partition("=")[0]))


def _with_new_names(arguments: list[str]) -> list[str]:
    """The arguments with today's name of a command and its options, and a warning for each."""
    if not arguments:
        return arguments
    command = renamed.COMMANDS.get(arguments[0], arguments[0])
    if command != arguments[0]:
        renamed.tell(arguments[0], command)
    given = [argument.partition("=") for argument in arguments[1:]]
    options = renamed.OPTIONS.get(command, {})
    if any(name == next(iter(options.values()), None) for name, _, _ in given):
        options = {}
    for name in dict.fromkeys(name for name, _, _ in given if name in options):
        renamed.tell(name, options[name])
    return [command, *("".join([options.get(name, name), *rest]) for name, *rest in given)]


def _take_dotted(
    parser: argparse.ArgumentParser, arguments: list[str]
) -> tuple[dict[str, str], list[str]]:
    """Settings such as ``--tracker.max_age 60``, and the other arguments in their order."""
    dotted, rest, waiting = {}, [], iter(arguments)
    for argument in waiting:
        match = DOTTED.fullmatch(argument)
        if match is None:
            rest.append(argument)
            continue
        value = match[2] if match[2] is not None else next(waiting, None)
        if value is None or (match[2] is None and value.startswith("--")):
            parser.error(f"--{match[1]} needs a value, as --{match[1]} VALUE")
        dotted[match[1].replace("-", "_")] = value
    return dotted, rest


def _unknown(argument: str, parser: argparse.ArgumentParser, behind: bool) -> str:
    """What is wrong with an argument. behind: it stands behind ``--``, where only names do."""
    if behind and argument.startswith("-"):
        return f"unknown argument {argument} behind --, where names stand; put options before --"
    if argument.startswith("-") and os.path.exists(argument):
        return f"unknown argument {argument}; the file of this name is ./{argument}"
    known = [text for action in parser._actions for text in action.option_strings]
    meant = other_trackers.hint(argument, known)
    hint = f"; {meant}" if meant else did_you_mean(argument.split("=")[0], known, 0.7)
    if other_trackers.is_assigned(argument):
        return other_trackers.NOT_ASSIGNED.format(argument.partition("=")[0])
    if not argument.startswith("-") and any(each.dest == "source" for each in parser._actions):
        hint = "; expected one SOURCE: of several videos or pictures name the folder"
    return f"unknown argument {argument}{hint}"


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"warning: {as_message(message)}", file=sys.stderr)
