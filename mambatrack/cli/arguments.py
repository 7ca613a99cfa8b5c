"""What the options of several commands have in common: groups of options, types, refusals."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mambatrack.cli.effects import BOXES, NETWORK, VIDEO, Parser, no_facts
from mambatrack.cli.examples import epilog
from mambatrack.cli.named_files import DatasetPath, ReadPath, named
from mambatrack.config import Config, check_setting
from mambatrack.errors import MambatrackError, shown
from mambatrack.settings import ASSOCIATIONS, PREDICTORS

LARGEST = 2**31 - 1  # of a count on the command line
Crop = tuple[int, int, int, int]
Part = tuple[Crop | None, int, int | None, int]
SCORED = "classes of the ground truth that count, by name or number; those a network keeps too"
READY = "--results", "--trackers", "--peers"  # with them, nothing is tracked by these options
DEVICES = ("auto", "cpu", "cuda")
MOTION_MODEL = "where the motion model runs"
MODELS = f"{', '.join(PREDICTORS)}, or a trained .safetensors file"


@dataclass(frozen=True)
class Command:
    """A sub-command: what the user types, what it is for, its options, and what carries it out.

    recipe: the shipped configuration that holds where the user names none
    extras: of the installation, that it needs with these options
    """

    name: str
    purpose: str
    add_arguments: Callable[[Parser], None]
    run: Callable[[argparse.Namespace, Config], int]
    recipe: str | None = None
    extras: Callable[[argparse.Namespace], Iterable[str]] = lambda options: ()

    def add_to(self, choices: Any) -> None:
        """Makes its parser, with the options that every command takes, among ``choices``."""
        parser = choices.add_parser(
            self.name,
            help=self.purpose,
            description=f"{self.purpose[0].upper()}{self.purpose[1:]}.",
            epilog=epilog(self.name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.set_defaults(run=self.run, parser=parser, check=_anything, facts=no_facts)
        parser.set_defaults(recipe=self.recipe, extras=self.extras)
        usual = f" (default: {self.recipe}, of what ships)" if self.recipe else ""
        parser.add_argument(
            "--config", type=named, metavar="YAML",
            help=f"YAML file, or the name of a shipped configuration{usual}",
        )  # fmt: skip
        parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
        self.add_arguments(parser)


def _anything(options: argparse.Namespace) -> None:
    """The check of a command whose options all go together."""


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Sequences to score."""
    add = parser.add_argument
    add("--dataset", type=DatasetPath, required=True, metavar="DIR",
        help="DanceTrack, SportsMOT, MOT17, MOT20, ...")  # fmt: skip
    add_split(parser)
    add("--half", choices=("second",), help="only the second half of each sequence")


def add_split(parser: argparse.ArgumentParser, needs: tuple[str, ...] = ()) -> None:
    parser.add_argument(
        "--split", metavar="NAME", needs=needs,
        help="only sequences below a folder of this name, as val",
    )  # fmt: skip


def add_tracker(parser: argparse.ArgumentParser) -> None:
    """The two models of a tracker; their values are checked as the settings that they stand for."""
    add = parser.add_argument
    add("--predictor", metavar="P", help=f"motion model: {MODELS}")
    add_association(parser)


def add_predictors(
    parser: argparse.ArgumentParser, purpose: str, default: Sequence[str] | None = None
) -> None:
    """Several predictors, by the names and files that --predictor takes elsewhere."""
    usual = f" (default: {' '.join(default)})" if default else ""
    parser.add_argument(
        "--predictor", nargs="+", dest="predictors", metavar="P", default=default,
        type=_predictor, unless=("--peers",), help=f"{purpose}: {MODELS}{usual}",
    )  # fmt: skip


def add_association(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--association", metavar="A", unless=READY,
        help=f"who is who: {', '.join(ASSOCIATIONS)}, or a trained .safetensors file",
    )  # fmt: skip


def add_camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--camera", metavar="C", unless=READY,
        help="what tells how the camera moves: off (the default), pictures, boxes, auto, "
        "or transforms: a file, of a data set a folder of them",
    )  # fmt: skip


def add_appearance(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--appearance", metavar="A", unless=(BOXES, *READY),
        help="what looks at the picture inside of boxes, as a further cue of who is who: auto (the "
        "default: colour where track and live find boxes in pictures), off, colour, own, a named "
        "embedder, or an ONNX or OpenVINO file",
    )  # fmt: skip


def add_offline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offline", action="store_true", default=None, unless=READY,
        help="decide after the last frame, looking both ways: better, and no online result",
    )  # fmt: skip


def add_classes(
    parser: argparse.ArgumentParser, purpose: str = "of the ground truth, by name or number",
    needs: tuple[str, ...] = (),
) -> None:  # fmt: skip
    parser.add_argument("--classes", metavar="A,B", needs=needs, help=purpose)


def add_detector(
    parser: argparse.ArgumentParser,
    classes: str = "names or numbers to keep, as person,car; all for all",
    sets: bool = True,
) -> None:
    """Who finds the boxes; sets: of data sets too."""
    of_a_set = "; of a data set each det/det.txt" if sets else ""
    add = partial(parser.add_argument, unless=(BOXES, *READY))
    add("--detector", metavar="D", help="motion, onnx, own, yolox, rtmdet, file, or a named model "
        "as yolox_s; default: what --weights is for, else a model that is here or can be fetched, "
        f"else own{of_a_set}")  # fmt: skip
    add(
        "--weights",
        type=named,
        metavar="W",
        help="ONNX file of a detector, which is recognised; .safetensors file of train-detector; "
        "boxes of file: det.txt, .csv, .json, .jsonl or a folder of YOLO labels",
    )
    add_classes(parser, classes)
    parser.add_argument("--conf", metavar="SCORE", unless=READY, help="lowest detection score")
    add("--class-names", metavar="A,B", help="of a network, where its file has none")
    add("--slice", metavar="PIXELS", help="side of slices of the picture that a network sees one "
        "by one, for small objects, as 640")  # fmt: skip
    add(
        "--overlap",
        metavar="SHARE",
        needs=("--slice",),
        help="of a slice, with its neighbour",
    )


def add_crop(parser: argparse.ArgumentParser, needs: tuple[str, ...] = ()) -> None:
    parser.add_argument(
        "--crop", metavar="X0:Y0:X1:Y1", needs=needs, help="part of the picture, in pixels"
    )


def crop_of(options: argparse.Namespace) -> Crop | None:
    """What add_crop() was told."""
    from mambatrack.sources.frames import parse_crop

    return parse_crop(options.crop) if options.crop else None


def add_part(parser: Parser, needs: tuple[str, ...] = (), every: bool = False) -> None:
    """Which part of a source counts; every: frame of it does."""
    add = partial(parser.add_argument, needs=needs)
    add_crop(parser, needs)
    add("--start", type=whole(0), default=0, metavar="N", help="first frame, from 0")
    add("--stop", type=whole(1), metavar="N", help="frame to stop before")
    if every:
        parser.set_defaults(stride=1)
    else:
        add("--stride", type=whole(1), default=1, metavar="N", help="take every Nth frame")


def part_of(options: argparse.Namespace) -> Part:
    """What add_part() was told, in the order of open_frames()."""
    return crop_of(options), options.start, options.stop, options.stride


def add_device(
    parser: argparse.ArgumentParser, purpose: str, needs: tuple[str, ...] = (NETWORK,)
) -> None:
    parser.add_argument("--device", choices=DEVICES, needs=needs, unless=READY, help=purpose)


def engine_extras(options: argparse.Namespace) -> list[str]:
    """Of the installation, that --engine needs."""
    return ["ray"] if options.engine == "ray" else []


def add_engine(parser: argparse.ArgumentParser) -> None:
    """What works on several sequences at a time."""
    add = partial(parser.add_argument, unless=(VIDEO, BOXES))
    add("--workers", type=whole(1), default=1, metavar="N", help="sequences at the same time")
    add("--engine", choices=("processes", "ray"), default="processes", help="what runs them")
    add("--address", metavar="ADDR", needs=("--engine",),
        help="of a running Ray cluster, or auto")  # fmt: skip


def add_overwrite(
    parser: argparse.ArgumentParser, purpose: str = "write over files that exist",
    needs: tuple[str, ...] = (),
) -> None:  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", needs=needs, help=purpose)


def _predictor(text: str) -> ReadPath:
    try:
        check_setting("tracker.predictor", text)
    except MambatrackError as error:
        raise argparse.ArgumentTypeError(str(error).partition(": ")[2]) from None
    return ReadPath(text)


def whole(low: int, high: int = LARGEST) -> Callable[[str], int]:
    """The type of an option that takes a whole number within these limits, both included."""
    limits = f"from {low} on" if high == LARGEST else f"from {low} to {high}"

    def parse(text: str) -> int:
        digits = text.removeprefix("-")
        if digits.isdecimal() and len(digits) < len(str(LARGEST)) + 9:
            value = int(text)
            if low <= value <= high:
                return value
        raise argparse.ArgumentTypeError(f"expected a whole number {limits}, found {shown(text)}")

    return parse


def positive(text: str) -> float:
    """The type of an option that takes a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {shown(text)}")
    return value


def names(text: str) -> tuple[str, ...]:
    """The type of an option that takes names with commas between them."""
    if not text.isprintable():
        raise argparse.ArgumentTypeError(f"expected names with commas, found {shown(text)}")
    return tuple(name.strip() for name in text.split(",") if name.strip())
