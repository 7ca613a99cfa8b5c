"""``mambatrack bench``: the time of a frame, beside other trackers too."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.cli.arguments import (
    Command,
    add_association,
    add_device,
    add_overwrite,
    add_predictors,
    whole,
)
from mambatrack.cli.effects import model_facts
from mambatrack.cli.file_forms import FOLDER, JSON, MARKDOWN
from mambatrack.cli.named_files import DatasetPath, WrittenFile, WrittenFolder
from mambatrack.cli.shared import OK
from mambatrack.config import Config

if TYPE_CHECKING:
    from mambatrack.evaluation.benchmark_report import BenchReport

PREDICTORS = ("mamba-window", "mamba", "kalman", "still")
SCORES = "scores of other trackers, which come with --peers and --dataset"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_predictors(parser, "motion models", PREDICTORS)
    add_association(parser)
    add("--objects", nargs="+", type=whole(1), metavar="N", default=[10, 30, 100, 300, 1000],
        unless=("--peers",),
        help="objects in a frame (10 30 100 300 1000)")  # fmt: skip
    add("--passes", type=whole(1), default=5, metavar="N", help="of the timing, in turn")
    add_device(parser, "where the networks run")
    add("--out", type=WrittenFile, form=MARKDOWN, metavar="FILE",
        help="the tables as Markdown (with --peers: benchmarks.md)")  # fmt: skip
    add("--json", type=WrittenFile, form=JSON, metavar="FILE", unless=("--peers",),
        help="everything measured")  # fmt: skip
    add_overwrite(parser, needs=("--out", "--json", "--page", "--peers"))
    add("--peers", action="store_true", help="other trackers beside ours, as a page of Markdown")
    add("--dataset", type=DatasetPath, metavar="DIR",
        help="sequences with det/det.txt whose boxes are timed, beside painted ones; with --peers "
        "they are scored as well")  # fmt: skip
    add("--peer", action="append", default=[], metavar="NAME=PYTHON",
        needs=("--peers", "--page"),
        help="interpreter that has the package NAME of other trackers, as trackforge")  # fmt: skip
    add("--profile", action="store_true", unless=("--peers",),
        help="also what a frame costs by stage, how far the networks are from the limit of the "
        "machine, and many cameras in one group")  # fmt: skip
    add("--results", type=WrittenFolder, form=FOLDER, metavar="DIR", needs=(SCORES,),
        help="with --peers and --dataset: keep everybody's MOT files")  # fmt: skip
    add("--page", type=WrittenFile, form=MARKDOWN, metavar="FILE", unless=("--peers",),
        help="a page of Markdown whose measured part is written: times, profile, and two other "
        "trackers beside ours")  # fmt: skip
    parser.set_defaults(facts=_facts)


def run(options: argparse.Namespace, config: Config) -> int:
    """The time of a frame on painted and real boxes, or with --peers beside other trackers."""
    if options.peers:
        return _run_peers(options)
    from mambatrack.evaluation.benchmark import bench
    from mambatrack.evaluation.peers.bench import parse_pythons
    from mambatrack.evaluation.performance_page import Page, bench_rivals, measured_part
    from mambatrack.files import check_output

    paths = [check_output(path, options.overwrite) for path in (options.json, options.out) if path]
    page = Page.open(options.page, options.overwrite) if options.page else None
    pythons, tell = parse_pythons(options.peer), _teller(options)
    report = bench(
        options.predictors, options.objects, passes=options.passes, config=config.tracker,
        report=tell if page else lambda line: None,
        dataset=options.dataset, stages=options.profile or page is not None,
    )  # fmt: skip
    _put_out(report, options)
    if page:
        others = bench_rivals(options.dataset, pythons, options.passes, tell)
        page.write(measured_part(report, others))
        paths.append(page.path)
    if paths:
        tell(f"wrote {', '.join(map(str, paths))}")
    return OK


def _put_out(report: "BenchReport", options: argparse.Namespace) -> None:
    """Into the files that are asked for, and onto the terminal."""
    from mambatrack.evaluation.tables import show, write_json
    from mambatrack.files import write_text

    if options.json:
        write_json(Path(options.json), report.as_json(), options.overwrite)
    if options.out:
        write_text(Path(options.out), report.markdown())
    if not options.quiet:
        for table in report.tables():
            show(table)


def _run_peers(options: argparse.Namespace) -> int:
    """Other trackers on the same boxes, in turn."""
    from mambatrack.evaluation.peers.bench import bench_peers, parse_pythons

    tell, out = _teller(options), options.out or "benchmarks.md"
    bench_peers(
        options.dataset, out, parse_pythons(options.peer), options.passes, tell, options.results,
        overwrite=options.overwrite,
    )  # fmt: skip
    tell(f"wrote {out}")
    return OK


def _facts(options: argparse.Namespace, config: Config) -> Iterable[str]:
    yield from model_facts(options, config)
    if options.peers and options.dataset:
        yield SCORES


def _teller(options: argparse.Namespace) -> Callable[[str], None]:
    """Prints a line at once, unless that is unwanted."""

    def tell(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    return tell


def _extras(options: argparse.Namespace) -> list[str]:
    return ["eval"] if options.peers and options.dataset else []


BENCH = Command("bench", "time a frame, beside other trackers", add_arguments, run, extras=_extras)
