"""``mambatrack tune``: a search for settings on some sequences, reported on others."""

import argparse
from pathlib import Path

from mambatrack.cli.arguments import (
    MOTION_MODEL,
    SCORED,
    Command,
    add_appearance,
    add_camera,
    add_dataset,
    add_detector,
    add_device,
    add_engine,
    add_tracker,
    engine_extras,
    names,
    whole,
)
from mambatrack.cli.effects import model_facts
from mambatrack.cli.file_forms import FOLDER
from mambatrack.cli.named_files import WrittenFolder
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK, engine_of, scored_of
from mambatrack.cli.signals import resumable
from mambatrack.config import Config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_dataset(parser)
    add("--out", type=WrittenFolder, form=FOLDER, required=True, metavar="DIR",
        help="of the study; the same command goes on")  # fmt: skip
    add("--trials", type=whole(1), required=True, metavar="N", help="in all, earlier ones included")
    add("--param", action="append", metavar="NAME=LOW:HIGH",
        help="setting to search, as tracker.iou_gate=0.05:0.5; several times (default: the gates, "
        "scores and max_age)")  # fmt: skip
    add("--tune-on", type=names, default=(), metavar="A,B", help="sequences (default: a half)")
    add("--report-on", type=names, default=(), metavar="C,D", help="sequences (default: others)")
    add("--same-sequences", action="store_true", help="report on those tuned on, and say so")
    add("--seed", type=whole(0), default=0, metavar="N", help="of the halves and the search (0)")
    add_tracker(parser)
    add_camera(parser)
    add_appearance(parser)
    add_detector(parser, SCORED)
    add_device(parser, MOTION_MODEL)
    add_engine(parser)
    parser.set_defaults(check=_check, facts=model_facts)


def _check(options: argparse.Namespace) -> None:
    if options.same_sequences and options.tune_on and options.report_on:
        options.parser.error("--same-sequences has no effect with --report-on: leave it out")


def run(options: argparse.Namespace, config: Config) -> int:
    """Searches settings on some sequences and reports them on others."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.tuning.parameters import parse_parameters, usual_parameters
    from mambatrack.evaluation.tuning.report import tuning_tables, write_tuned
    from mambatrack.evaluation.tuning.search import split_sequences, tune

    parameters = parse_parameters(options.param or usual_parameters(config))
    sequences, config = scored_of(options, config)
    seed, same = options.seed, options.same_sequences
    first, second = split_sequences(sequences, options.tune_on, options.report_on, seed, same)
    with (
        resumable("tune", options.quiet),
        Progress("trials", options.trials, options.quiet, "tuning") as progress,
    ):
        tuned = tune(
            first, second, config, parameters, options.trials, options.out,
            engine_of(options, config), seed, same, progress.update,
        )  # fmt: skip
    write_tuned(tuned, options.out)
    if not options.quiet:
        for table in tuning_tables(tuned):
            tables.show(table)
        print(f"wrote {Path(options.out) / 'best.yaml'}, for --config")
    return OK


def _extras(options: argparse.Namespace) -> list[str]:
    return ["tune", "eval", *engine_extras(options)]


TUNE = Command("tune", "search settings of the tracker", add_arguments, run, extras=_extras)
