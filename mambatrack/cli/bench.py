"""``mambatrack bench``: the time of a frame, beside other trackers too."""

import argparse
from pathlib import Path

from mambatrack.cli.arguments import (
    Command,
    add_association,
    add_device,
    add_overwrite,
    add_predictors,
    whole,
)
from mambatrack.cli.effects import model_facts
from mambatrack.cli.named_files import DatasetPath, WrittenFile, WrittenFolder
from mambatrack.cli.shared import OK
from mambatrack.config import Config

PREDICTORS = ("mamba", "mamba-window", "kalman", "still")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_predictors(parser, f"default: {' '.join(PREDICTORS)}", PREDICTORS)
    add_association(parser)
    add("--objects", nargs="+", type=whole(1), metavar="N", default=[10, 30, 100, 300, 1000],
        unless=("--peers",),
        help="objects in a frame (10 30 100 300 1000)")  # fmt: skip
    add("--passes", type=whole(1), default=5, metavar="N", help="of the timing, in turn (5)")
    add_device(parser, "where the networks run")
    add("--out", type=WrittenFile, metavar="FILE",
        help="the tables as Markdown (with --peers: benchmarks.md)")  # fmt: skip
    add("--json", type=WrittenFile, metavar="FILE", unless=("--peers",), help="everything measured")
    add_overwrite(parser, needs=("--out", "--json", "--peers"))
    add("--peers", action="store_true", help="other trackers beside ours, as a page of Markdown")
    add("--dataset", type=DatasetPath, metavar="DIR",
        help="sequences with det/det.txt whose boxes are timed, beside painted ones; with --peers "
        "they are scored as well")  # fmt: skip
    add("--peer", action="append", default=[], metavar="NAME=PYTHON", needs=("--peers",),
        help="with --peers: interpreter that has the package NAME, as trackforge")  # fmt: skip
    add("--results", type=WrittenFolder, metavar="DIR", needs=("--dataset",),
        help="with --peers and --dataset: keep everybody's MOT files")  # fmt: skip
    parser.set_defaults(facts=model_facts)


def run(options: argparse.Namespace, config: Config) -> int:
    """The time of a frame on painted and real boxes, or with --peers beside other trackers."""
    if options.peers:
        return _run_peers(options)
    from mambatrack.evaluation.benchmark import bench
    from mambatrack.evaluation.tables import show, write_json
    from mambatrack.files import check_output

    paths = [check_output(path, options.overwrite) for path in (options.json, options.out) if path]
    report = bench(
        options.predictors, options.objects, passes=options.passes, config=config.tracker,
        dataset=options.dataset,
    )  # fmt: skip
    if options.json:
        write_json(Path(options.json), report.as_json(), options.overwrite)
    if options.out:
        Path(options.out).write_text(report.markdown(), encoding="utf-8")
    if not options.quiet:
        for table in report.tables():
            show(table)
        if paths:
            print(f"wrote {', '.join(map(str, paths))}")
    return OK


def _run_peers(options: argparse.Namespace) -> int:
    """Other trackers on the same boxes, in turn."""
    from mambatrack.evaluation.peers.bench import bench_peers, parse_pythons

    def tell(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    pythons = parse_pythons(options.peer)
    out = options.out or "benchmarks.md"
    bench_peers(
        options.dataset, out, pythons, options.passes, tell, options.results,
        overwrite=options.overwrite,
    )  # fmt: skip
    tell(f"wrote {out}")
    return OK


BENCH = Command("bench", "time for a frame, beside other trackers", add_arguments, run)
