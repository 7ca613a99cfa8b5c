"""The small commands: config, bench, info, export."""

import argparse
import dataclasses
import json
from pathlib import Path

from mambatrack.cli.shared import OK
from mambatrack.config import Config, describe


def show_config(options: argparse.Namespace, config: Config) -> int:
    """All settings as YAML that --config reads."""
    section = ""
    for key, _, meaning in describe():
        name, item = key.split(".")
        if name != section:
            section = name
            print(f"{name}:")
        value = dataclasses.asdict(getattr(config, name))[item]
        print(f"  {item}: {json.dumps(value)}  # {meaning}")
    return OK


def bench(options: argparse.Namespace, config: Config) -> int:
    """The time of a frame on synthetic boxes, or with --peers beside other trackers."""
    if options.peers:
        from mambatrack.cli.evaluate import bench_peers

        return bench_peers(options)
    from mambatrack.evaluation.benchmark import bench as run
    from mambatrack.evaluation.tables import show, write_json
    from mambatrack.files import check_output

    paths = [check_output(path, options.overwrite) for path in (options.json, options.out) if path]
    report = run(options.predictors, options.objects, passes=options.passes, config=config.tracker)
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


def show_info(options: argparse.Namespace, config: Config) -> int:
    """What is installed here and what would be used."""
    from mambatrack.cli.info import info
    from mambatrack.evaluation.tables import show

    found = info()
    if options.json:
        print(json.dumps(found.as_json(), indent=1))
        return OK
    for table in found.tables():
        show(table)
    return OK


def export(options: argparse.Namespace, config: Config) -> int:
    """A motion model as a checked ONNX file."""
    from mambatrack.motion.export_onnx import export as run

    exported = run(config.tracker.predictor, options.out, options.overwrite)
    if not options.quiet:
        print(f"wrote {exported.path}: {exported.kind} predictor, differs from torch by at most "
              f"{exported.error:.1e}")  # fmt: skip
    return OK
