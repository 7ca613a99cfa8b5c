"""``mambatrack eval``: results scored, or tracked first and scored then."""

import argparse
import hashlib
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mambatrack.cli.arguments import (
    MOTION_MODEL,
    SCORED,
    Command,
    add_appearance,
    add_association,
    add_camera,
    add_dataset,
    add_detector,
    add_device,
    add_engine,
    add_offline,
    add_overwrite,
    add_predictors,
    engine_extras,
    whole,
)
from mambatrack.cli.effects import TO_TRACK, model_facts, without
from mambatrack.cli.file_forms import CSV, FOLDER, HTML, JSON
from mambatrack.cli.named_files import ResultsPath, WrittenFile, WrittenFolder
from mambatrack.cli.one_writer import one_writer
from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK, engine_of, scored_of
from mambatrack.cli.signals import resumable
from mambatrack.config import Config
from mambatrack.errors import MambatrackError
from mambatrack.sources.addresses import without_secrets_in

if TYPE_CHECKING:
    from mambatrack.datasets.sequences import Sequence
    from mambatrack.evaluation.clips import Clip
    from mambatrack.evaluation.evaluate import Entry, Evaluation

RESULTS = ("results", "trackers", "predictors")
FILES = ("--csv", "--json", "--switches", "--clips", "--plots", "--report")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add_dataset(parser)
    add("--results", type=ResultsPath, metavar="DIR",
        help="to score: NAME.txt, .jsonl or .csv of each sequence, or the file of one")  # fmt: skip
    add("--trackers", type=ResultsPath, nargs="+", metavar="DIR",
        help="several such folders, side by side")  # fmt: skip
    add_predictors(parser, "track first, with each of these")
    add_association(parser)
    add_offline(parser)
    add_camera(parser)
    add_appearance(parser)
    add("--out", type=WrittenFolder, form=FOLDER, metavar="DIR", needs=(TO_TRACK,),
        help="where those tracks go (default: results/NAME-SETTINGS)")  # fmt: skip
    add("--csv", type=WrittenFile, form=CSV, metavar="FILE", help="all scores, with full precision")
    add("--json", type=WrittenFile, form=JSON, metavar="FILE",
        help="all scores and HOTA's curves, with full precision")  # fmt: skip
    add("--occlusion", action="store_true", help="what becomes of objects without a detection")
    add("--switches", type=WrittenFile, form=CSV, metavar="FILE",
        help="CSV of every identity switch and its cause")  # fmt: skip
    add("--clips", type=WrittenFolder, form=FOLDER, metavar="DIR", help="short videos of switches")
    add("--clip-limit", type=whole(1), default=20, metavar="N", needs=("--clips",),
        help="of each tracker")  # fmt: skip
    add("--plots", type=WrittenFolder, form=FOLDER, metavar="DIR",
        help="curves, bars and identity timelines as PNG and SVG")  # fmt: skip
    add("--report", type=WrittenFile, form=HTML, metavar="FILE", help="all of it in one HTML file")
    add("--full", action="store_true", unless=("--quiet",), help="print every metric")
    add("--strict", action="store_true", help="warnings are errors")
    add_overwrite(parser, "write over files that exist, track again", (*FILES, TO_TRACK))
    add_detector(parser, SCORED)
    add_device(parser, MOTION_MODEL)
    add_engine(parser)
    parser.set_defaults(check=_check, facts=_facts)


def _check(options: argparse.Namespace) -> None:
    given = [name for name in RESULTS if getattr(options, name) is not None]
    if len(given) > 1:
        options.parser.error("give only one of --results, --trackers and --predictor")
    if options.config is not None and (options.results or options.trackers):
        options.parser.error(without("--config", [TO_TRACK]))


def _facts(options: argparse.Namespace, config: Config) -> Iterator[str]:
    """Whether something is tracked first, and by what."""
    yield from model_facts(options, config)
    if not (options.results or options.trackers):
        yield TO_TRACK


def _extras(options: argparse.Namespace) -> list[str]:
    plotted = ["plot"] if options.plots or options.report else []
    return ["eval", *plotted, *engine_extras(options)]


def run(options: argparse.Namespace, config: Config) -> int:
    """Scores results, or tracks first and scores then."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.evaluate import evaluate
    from mambatrack.files import check_output

    for path in (options.csv, options.json, options.report, options.switches):
        if path:
            check_output(path, options.overwrite)
    sequences, config = scored_of(options, config)
    entries = _entries(options, config)
    total = len(entries) * sum(each.frames for each in sequences)
    title = "scoring" if entries[0].config is None else "tracking"
    wanted = any(
        (options.occlusion, options.switches, options.clips, options.plots, options.report)
    )
    tracked = [each.folder for each in entries if each.config is not None and not options.out]
    with (
        one_writer(tracked),
        resumable("eval", options.quiet),
        Progress("frames", total, options.quiet, title) as progress,
    ):
        evaluations = evaluate(
            sequences, entries, engine_of(options, config), wanted, options.strict,
            options.overwrite, progress.update,
        )  # fmt: skip
    scores = {name: each.scores for name, each in evaluations.items()}
    if options.csv:
        tables.write_scores_csv(Path(options.csv), scores, options.overwrite)
    if options.json:
        content = tables.scores_as_json(scores) | _details_as_json(evaluations)
        tables.write_json(Path(options.json), content, options.overwrite)
    if not options.quiet:
        for table in tables.score_tables(scores, options.full):
            tables.show(table)
    settings = {each.name: _settings_of(each) for each in entries}
    _write_details(options, sequences, evaluations, settings)
    return OK


def _write_details(
    options: argparse.Namespace,
    sequences: "list[Sequence]",
    evaluations: "dict[str, Evaluation]",
    settings: dict[str, str],
) -> None:
    """Occlusions and switches to the terminal, and the files that were asked for."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.evaluate import occlusion_by_tracker
    from mambatrack.evaluation.occlusion_tables import occlusion_tables
    from mambatrack.evaluation.switches import switch_table, write_switches

    if options.occlusion and not options.quiet:
        reports = occlusion_by_tracker(evaluations)
        if not reports:
            print("no occlusion report: no sequence has detections (det/det.txt)")
        for table in occlusion_tables(reports) if reports else []:
            tables.show(table)
    if options.switches:
        switches = {name: each.switches for name, each in evaluations.items()}
        write_switches(options.switches, switches)
        if not options.quiet:
            tables.show(switch_table(switches))
    clips = _write_clips(options, sequences, evaluations) if options.clips else {}
    if options.plots:
        from mambatrack.evaluation.plots import save_plots

        scores = {name: each.scores for name, each in evaluations.items()}
        timelines = {
            name: {key: details.timeline for key, details in each.details.items()}
            for name, each in evaluations.items()
        }
        save_plots(options.plots, scores, timelines, options.overwrite)
    if options.report:
        from mambatrack.evaluation.report import Origin, write_report

        title = f"{', '.join(evaluations)} on {Path(options.dataset).resolve().name}"
        command = without_secrets_in(shlex.join(["mambatrack", *options.arguments]))
        origin = Origin(command, settings, clips)
        write_report(options.report, title, evaluations, options.overwrite, origin)


def _write_clips(
    options: argparse.Namespace,
    sequences: "list[Sequence]",
    evaluations: "dict[str, Evaluation]",
) -> "dict[str, list[Clip]]":
    """The first switches of each tracker, in a folder of its own where there are several."""
    from mambatrack.datasets.truth import read_ground_truth
    from mambatrack.evaluation.clips import write_clips
    from mambatrack.evaluation.results import read_results

    clips: dict[str, list[Clip]] = {name: [] for name in evaluations}
    for name, evaluation in evaluations.items():
        folder = Path(options.clips)
        folder = folder / name if len(evaluations) > 1 else folder
        left = options.clip_limit
        for sequence in sequences:
            switches = evaluation.details[sequence.name].switches[:left]
            if switches:
                truth = read_ground_truth(sequence)
                results = read_results(sequence, evaluation.files[sequence.name])
                clips[name] += write_clips(
                    folder, sequence, switches, truth, results, results.predicted,
                    limit=left, overwrite=options.overwrite,
                )  # fmt: skip
                left -= len(switches)
    return clips


def _settings_of(entry: "Entry") -> str:
    """Those it was tracked with, as YAML, or where its results lay."""
    from mambatrack.config import as_yaml

    return f"results in {entry.folder}" if entry.config is None else as_yaml(entry.config)


def _details_as_json(evaluations: "dict[str, Evaluation]") -> dict[str, Any]:
    """Occlusions and switches by tracker, where they were worked out."""
    from mambatrack.evaluation.evaluate import occlusion_by_tracker

    if not any(each.details for each in evaluations.values()):
        return {}
    return {
        "occlusion": {k: each.rows() for k, each in occlusion_by_tracker(evaluations).items()},
        "switches": {
            name: [asdict(switch) for switch in each.switches] for name, each in evaluations.items()
        },
    }


def _entries(options: argparse.Namespace, config: Config) -> "list[Entry]":
    """The result folders that are named, else one entry for each predictor to track with."""
    from mambatrack.evaluation.evaluate import Entry

    folders = options.trackers or ([options.results] if options.results else [])
    if folders:
        for folder in folders:
            if not Path(folder).exists():
                raise MambatrackError(f"{folder} does not exist; expected a folder of MOT files")
        return [Entry(name, Path(folder)) for name, folder in _named(folders).items()]
    predictors = options.predictors or [config.tracker.predictor]
    entries = []
    for name, predictor in _named(predictors).items():
        own = replace(config, tracker=replace(config.tracker, predictor=predictor))
        folder = Path(options.out) if options.out else Path("results")
        if options.out is None:
            folder = folder / f"{name}-{_short_hash(own, options)}"
        elif len(predictors) > 1:
            folder = folder / name
        entries.append(Entry(name, folder, own))
    return entries


def _named(paths: list[str]) -> dict[str, str]:
    """Short names for folders or files: the last part of the path, or more where two share it."""
    whole = {path: Path(os.path.realpath(path)).with_suffix("").parts for path in paths}
    for length in range(1, 1 + max(map(len, whole.values()))):
        named = {"-".join(parts[-length:]): path for path, parts in whole.items()}
        if len(named) == len(paths):
            return named
    raise MambatrackError(f"a tracker is named twice in {', '.join(paths)}")


def _short_hash(config: Config, options: argparse.Namespace) -> str:
    """Different settings and data never share a default folder."""
    from mambatrack.runs.dataset_jobs import settings_of

    place = os.path.realpath(options.dataset)
    said = [settings_of(config), place, options.split, options.half]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]


EVAL = Command("eval", "score results, or track and score", add_arguments, run, extras=_extras)
