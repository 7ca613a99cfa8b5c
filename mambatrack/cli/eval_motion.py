"""``mambatrack eval-motion``: errors of motion models on the tracks of the ground truth."""

import argparse
from pathlib import Path

from mambatrack.cli.arguments import (
    Command,
    add_classes,
    add_dataset,
    add_device,
    add_overwrite,
    add_predictors,
    whole,
)
from mambatrack.cli.effects import model_facts
from mambatrack.cli.file_forms import CSV, JSON
from mambatrack.cli.named_files import WrittenFile
from mambatrack.cli.shared import OK, scored_of
from mambatrack.config import Config

PREDICTORS = ("mamba-window", "mamba", "kalman", "velocity", "still")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_dataset(parser)
    add_classes(parser)
    add_predictors(parser, "motion models", PREDICTORS)
    add("--source", choices=("truth", "detections"), default="truth", help="what they are fed")
    add("--horizons", nargs="+", type=whole(1), default=[1, 5, 10, 20, 30], metavar="N",
        help="frames ahead (1 5 10 20 30)")  # fmt: skip
    add("--warmup", type=whole(1), default=11, metavar="N", help="boxes before a forecast")
    add("--stride", type=whole(1), default=30, metavar="N", help="frames between forecasts")
    add_device(parser, "where the networks run")
    add("--csv", type=WrittenFile, form=CSV, metavar="FILE", help="all errors, with full precision")
    add("--json", type=WrittenFile, form=JSON, metavar="FILE",
        help="all errors, with full precision")  # fmt: skip
    add_overwrite(parser, needs=("--csv", "--json"))
    parser.set_defaults(facts=model_facts)


def run(options: argparse.Namespace, config: Config) -> int:
    """Errors of predictors on the tracks of the ground truth."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.motion_errors import evaluate_motion, named_predictors
    from mambatrack.files import check_output

    for path in (options.csv, options.json):
        if path:
            check_output(path, options.overwrite)
    predictors = named_predictors(options.predictors, config.tracker.device)
    sequences, config = scored_of(options, config)
    report = evaluate_motion(
        sequences, predictors, tuple(options.horizons), options.source, options.warmup,
        options.stride,
    )  # fmt: skip
    if options.csv:
        tables.write_rows_csv(Path(options.csv), report.rows(), options.overwrite)
    if options.json:
        tables.write_json(Path(options.json), {"motion": report.rows()}, options.overwrite)
    if not options.quiet:
        for where in ("all", "crossings"):
            tables.show(report.table(where))
    return OK


EVAL_MOTION = Command("eval-motion", "measure motion models on true tracks", add_arguments, run)
