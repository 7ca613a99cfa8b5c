"""The output files of ``track`` and ``live``: their options, and what is checked of them."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from mambatrack.cli.arguments import add_overwrite, names, whole
from mambatrack.cli.effects import BOXES, VIDEO
from mambatrack.cli.file_forms import ARRAY, CSV, JSON_LINES, MOT, PICTURE, VIDEO_FILE
from mambatrack.cli.named_files import DatedFile, TracksFile
from mambatrack.config import Config
from mambatrack.files import check_output
from mambatrack.runs.output_files import OutputFiles
from mambatrack.settings import LAYERS, DrawingConfig

LONGEST_FORECAST, FORECAST = 1000, 30  # frames
DRAWN = ("--output", "--show", "--serve")
FILES = ("--output", "--mot", "--jsonl", "--csv", "--events", "--heat-map", "--out")


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """What becomes of the tracks of a source, in ``track`` and ``live``."""
    add = partial(parser.add_argument, needs=(VIDEO,))
    text = partial(parser.add_argument, needs=(VIDEO, BOXES))
    add("--output", type=DatedFile, form=VIDEO_FILE, metavar="FILE.mp4", help="annotated video")
    text("--mot", type=DatedFile, form=MOT, metavar="FILE", help="MOTChallenge text: what was seen")
    add("--mot-predicted", action="store_true", needs=("--mot", "--emit"),
        help="also predicted boxes into --mot")  # fmt: skip
    text("--jsonl", type=DatedFile, form=JSON_LINES, metavar="FILE",
        help="JSON Lines: all tracks with state, gap and spread")  # fmt: skip
    text("--csv", type=DatedFile, form=CSV, metavar="FILE",
        help="CSV with supervision's column names")  # fmt: skip
    add("--revise", action="store_true", needs=("--jsonl",), unless=("--offline", "--lag", BOXES),
        help="with --jsonl: a line for each gap, filled from both "
        "ends once its track is found again")  # fmt: skip
    add("--embeddings", action="store_true", needs=("--jsonl",), unless=("--lag", BOXES),
        help="with --jsonl: a line for each track that ends, of what it looked like to "
        "--appearance, by which mambatrack link finds it in other results")  # fmt: skip
    add("--draw", type=_layers, metavar="A,B", needs=(*DRAWN, "--output-video"),
        help=f"layers of the picture: {', '.join(LAYERS)}; none for none; default: "
        f"{','.join(DrawingConfig().layers)}")  # fmt: skip
    add("--forecast", type=whole(1, LONGEST_FORECAST), nargs="?", const=FORECAST, default=0,
        metavar="N", needs=DRAWN, unless=("--offline",),
        help="draw where the tracks will be in the next N frames (30)")  # fmt: skip
    add("--show", action="store_true", help="live window; q or ESC quits, space pauses")
    add_overwrite(parser, needs=FILES)


def add_counting(parser: argparse.ArgumentParser) -> None:
    """Lines and zones of a source, and the files that tell of them."""
    add = partial(parser.add_argument, needs=(VIDEO,))
    add("--line", action="append", default=[], metavar="NAME:X0,Y0,X1,Y1",
        help="count who crosses it; may be given several times, as may --zone")  # fmt: skip
    add("--zone", action="append", default=[], metavar="NAME:X,Y;X,Y;X,Y",
        help="count who enters it, and how long they stay")  # fmt: skip
    add("--events", type=DatedFile, form=(JSON_LINES, CSV), metavar="FILE",
        needs=("--line", "--zone"),
        help="crossings, entries and dwell times, one a line: JSON Lines, or CSV where the name "
        "ends in .csv")  # fmt: skip
    add("--heat-map", type=DatedFile, form=(PICTURE, ARRAY), metavar="FILE",
        help="where people were: a picture, or an array in .npy")  # fmt: skip


def _layers(text: str) -> tuple[str, ...]:
    return () if text == "none" else names(text)


def horizon_of(options: argparse.Namespace, config: Config) -> int:
    """Frames of the forecasts that are drawn, 0 for none."""
    drawn = FORECAST if "forecast" in config.drawing.layers else 0
    return int(options.forecast or drawn)


def files_of(options: argparse.Namespace) -> OutputFiles:
    """The files that the options name."""
    return OutputFiles(
        options.mot, options.csv, options.jsonl, options.output, options.mot_predicted,
        options.revise, options.overwrite, options.events, options.heat_map,
        embeddings=options.embeddings,
    )  # fmt: skip


def with_places(options: argparse.Namespace, config: Config) -> Config:
    """The settings with the lines and zones of the options too, all checked."""
    from mambatrack.counting.places import parse_places

    lines = (*config.counting.lines, *options.line)
    zones = (*config.counting.zones, *options.zone)
    parse_places(lines, zones)
    return replace(config, counting=replace(config.counting, lines=lines, zones=zones))


def check_files(files: OutputFiles) -> list[Path]:
    """The files that will be written; refuses what cannot be before the work starts."""
    from mambatrack.counting.heat import check_heat_map
    from mambatrack.outputs.video import check_video

    paths = [] if files.video is None else [check_video(files.video, files.overwrite)]
    for text in (files.mot, files.jsonl, files.csv, files.events):
        if text is not None:
            paths.append(check_output(text, files.overwrite))
    if files.heat_map is not None:
        paths.append(check_output(check_heat_map(files.heat_map), files.overwrite))
    return paths


def default_output(source: str) -> TracksFile:
    """A video in the current folder, named after the source."""
    path = Path(source)
    return TracksFile(f"{path.resolve().stem}-tracked.mp4" if path.exists() else "tracked.mp4")
