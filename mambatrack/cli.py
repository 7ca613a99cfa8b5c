"""The command line: ``mambatrack track``, ``train`` and ``config``.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted with all files closed and readable.
"""

import argparse
import difflib
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from mambatrack import commands
from mambatrack.config import Config, load_config
from mambatrack.errors import MambatrackError
from mambatrack.version import VERSION

DOTTED = re.compile(r"--([a-z_]+\.[\w.]+)(?:=(.*))?", re.DOTALL)
SHORTCUTS = {  # option -> setting that it stands for
    "detector": "detector.name", "weights": "detector.weights", "conf": "detector.conf",
    "classes": "detector.classes", "predictor": "tracker.predictor", "device": "tracker.device",
}  # fmt: skip
SOURCE_ONLY = (  # options that a data set would ignore
    "detector", "weights", "crop", "start", "stop", "stride",
    "output", "mot", "jsonl", "csv", "show",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command -> exit code. A user's mistake is one line on stderr, never a traceback."""
    warnings.showwarning = _show_warning
    try:
        command, options, config = _parse(list(sys.argv[1:] if arguments is None else arguments))
        return command(options, config)
    except BrokenPipeError:  # whoever read the output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return commands.FAILED
    except (MambatrackError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return commands.FAILED
    except KeyboardInterrupt:
        return commands.INTERRUPTED


def _parse(arguments: list[str]) -> tuple[Any, argparse.Namespace, Config]:
    """(command, options, configuration); wrong usage ends the program with code 2."""
    parser = _parser()
    dotted, rest = _take_dotted(parser, arguments)
    options, unknown = parser.parse_known_args(rest)
    if unknown:
        parser.error(_unknown(unknown[0], options.parser))
    if options.command == "track":
        _check_track(options)
    given = {key: getattr(options, name, None) for name, key in SHORTCUTS.items()}
    overrides = {key: value for key, value in given.items() if value is not None} | dotted
    try:
        return options.run, options, load_config(options.config, overrides)
    except MambatrackError as error:
        parser.exit(2, f"error: {error}\n")


def _check_track(options: argparse.Namespace) -> None:
    """Refuses combinations of which one part would be ignored."""
    if (options.source is None) == (options.dataset is None):
        options.parser.error("give a SOURCE, or a folder of sequences with --dataset")
    if (options.dataset is None) != (options.out is None):
        options.parser.error("--dataset DIR and --out DIR go together")
    for name in SOURCE_ONLY if options.dataset is not None else ():
        if getattr(options, name) != options.parser.get_default(name):
            options.parser.error(
                f"--{name} goes with a SOURCE; --dataset takes the boxes of each det/det.txt and "
                "writes one MOT file for each sequence into --out"
            )


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
        dotted[match[1]] = value
    return dotted, rest


def _unknown(argument: str, parser: argparse.ArgumentParser) -> str:
    known = [text for action in parser._actions for text in action.option_strings]
    close = difflib.get_close_matches(argument.split("=")[0], known, 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown argument {argument}{hint}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mambatrack", description="Online multi-object tracking from boxes.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"mambatrack {VERSION}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    track = _command(choices, "track", commands.track, "track a video, images, webcam or stream")
    train = _command(choices, "train", commands.train, "train a motion model on MOT folders")
    _add_track(track)
    _add_train(train)
    _command(choices, "config", commands.show_config, "print every setting, as YAML")
    return parser


def _command(choices: Any, name: str, run: Any, purpose: str) -> argparse.ArgumentParser:
    parser = choices.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="Any setting can be given by its dotted name, as --tracker.max_age 60; "
        "'mambatrack config' lists them.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=run, parser=parser)
    parser.add_argument("--config", help="YAML file, or the name of a shipped configuration")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def _add_track(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="video file, folder or glob of images, webcam index, RTSP or HTTP address",
    )
    add("--dataset", metavar="DIR", help="track every sequence below DIR that has a det/det.txt")
    add("--out", metavar="DIR", help="folder for the MOT files of --dataset")
    add("--detector", help="motion (default), yolox, rtmdet, file, or a named model as yolox_s")
    add("--weights", help="ONNX file of yolox and rtmdet, det.txt of file")
    add("--predictor", choices=("mamba", "kalman", "still"), help="shipped motion model")
    add("--classes", help="names or numbers to keep, as person,car")
    add("--conf", help="lowest detection score")
    add("--device", choices=("auto", "cpu", "cuda"), help="where the motion model runs")
    add("--crop", metavar="X0:Y0:X1:Y1", help="part of the picture, in pixels")
    add("--start", type=int, default=0, metavar="N", help="first frame, from 0")
    add("--stop", type=int, metavar="N", help="frame to stop before")
    add("--stride", type=int, default=1, metavar="N", help="take every Nth frame")
    add("--output", metavar="FILE.mp4", help="annotated video; the default without other outputs")
    add("--mot", metavar="FILE", help="MOTChallenge text: what was seen")
    add("--mot-predicted", action="store_true", help="also predicted boxes into --mot")
    add("--jsonl", metavar="FILE", help="JSON Lines: all tracks with state, gap and spread")
    add("--csv", metavar="FILE", help="CSV with supervision's column names")
    add("--show", action="store_true", help="live window; q or ESC quits, space pauses")
    add("--overwrite", action="store_true", help="write over files that exist")


def _add_train(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", nargs="+", required=True, metavar="DIR", help="folders in MOT layout")
    add("--out", required=True, metavar="DIR", help="weights, model card, log and checkpoint")


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"warning: {message}", file=sys.stderr)
