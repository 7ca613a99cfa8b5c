"""What ``mambatrack eval`` and its relatives do; each returns its exit code."""

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mambatrack.cli.progress import Progress
from mambatrack.cli.shared import OK, engine_of, resumable
from mambatrack.config import Config
from mambatrack.errors import MambatrackError

if TYPE_CHECKING:
    from mambatrack.datasets.sequences import Sequence
    from mambatrack.evaluation.evaluate import Entry, Evaluation


def evaluate(options: argparse.Namespace, config: Config) -> int:
    """Scores results, or tracks first and scores then."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.evaluate import evaluate as run
    from mambatrack.evaluation.evaluate import scored_sequences
    from mambatrack.evaluation.plots import load_figure
    from mambatrack.files import check_output

    for path in (options.csv, options.json, options.report, options.switches):
        if path:
            check_output(path, options.overwrite)
    if options.plots or options.report:
        load_figure()  # what is missing is said before anything is tracked
    half = options.half == "second"
    sequences = scored_sequences(options.dataset, options.split, half, options.strict)
    entries = _entries(options, config)
    total = len(entries) * len(sequences)
    wanted = any(
        (options.occlusion, options.switches, options.clips, options.plots, options.report)
    )
    with resumable("eval"), Progress("sequences", total, options.quiet, "scoring") as progress:
        evaluations = run(
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
    _write_details(options, sequences, evaluations)
    return OK


def evaluate_motion(options: argparse.Namespace, config: Config) -> int:
    """Errors of predictors on the tracks of the ground truth."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.evaluate import scored_sequences
    from mambatrack.evaluation.motion_errors import evaluate_motion as run
    from mambatrack.evaluation.motion_errors import named_predictors
    from mambatrack.files import check_output

    for path in (options.csv, options.json):
        if path:
            check_output(path, options.overwrite)
    predictors = named_predictors(options.predictors, config.tracker.device)
    sequences = scored_sequences(options.dataset, options.split, options.half == "second")
    report = run(
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


def tune(options: argparse.Namespace, config: Config) -> int:
    """Searches settings on some sequences and reports them on others."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.evaluate import scored_sequences
    from mambatrack.evaluation.tuning.parameters import parse_parameters, usual_parameters
    from mambatrack.evaluation.tuning.report import tuning_tables, write_tuned
    from mambatrack.evaluation.tuning.search import split_sequences
    from mambatrack.evaluation.tuning.search import tune as run

    parameters = parse_parameters(options.param or usual_parameters(config))
    sequences = scored_sequences(options.dataset, options.split, options.half == "second")
    seed, same = options.seed, options.same_sequences
    first, second = split_sequences(sequences, options.tune_on, options.report_on, seed, same)
    with resumable("tune"), Progress("trials", options.trials, options.quiet, "tuning") as progress:
        tuned = run(
            first, second, config, parameters, options.trials, options.out,
            engine_of(options, config), seed, same, progress.update,
        )  # fmt: skip
    write_tuned(tuned, options.out)
    if not options.quiet:
        for table in tuning_tables(tuned):
            tables.show(table)
        print(f"wrote {Path(options.out) / 'best.yaml'}, for --config")
    return OK


def bench_peers(options: argparse.Namespace) -> int:
    """Other trackers on the same boxes, in turn."""
    from mambatrack.evaluation.peers.bench import bench_peers as run
    from mambatrack.evaluation.peers.bench import parse_pythons

    def tell(line: str) -> None:
        if not options.quiet:
            print(line, flush=True)

    pythons = parse_pythons(options.peer)
    out = options.out or "benchmarks.md"
    run(options.dataset, out, pythons, options.passes, tell, options.results)
    tell(f"wrote {out}")
    return OK


def simulate(options: argparse.Namespace, config: Config) -> int:
    """Puts a detector's errors on data that has only ground truth."""
    from mambatrack.evaluation.evaluate import scored_sequences
    from mambatrack.simulation.error_runs import measure_runs
    from mambatrack.simulation.simulate import Playback, measurable_sequences, write_simulated
    from mambatrack.simulation.walkers import walking_sequences

    bank = measure_runs(measurable_sequences(options.like))
    with tempfile.TemporaryDirectory() as made:
        made_up = options.walkers is not None
        if made_up:
            sequences = walking_sequences(made, options.walkers, options.seed)
        else:
            sequences = scored_sequences(options.dataset, options.split)
        playback = Playback(options.every, options.backwards)
        folders = write_simulated(
            sequences, bank, options.out, options.seed, options.overwrite, playback, made_up
        )
    if not options.quiet:
        print(f"wrote {len(folders)} sequences with simulated detections to {options.out}")
    return OK


def submit(options: argparse.Namespace, config: Config) -> int:
    """Checks results and zips them for an evaluation server."""
    from mambatrack.evaluation.submission import make_submission

    path = make_submission(
        options.dataset, options.results, options.out, options.data, options.overwrite
    )
    if not options.quiet:
        print(f"wrote {path}; every file in it was checked")
    return OK


def _write_details(
    options: argparse.Namespace,
    sequences: "list[Sequence]",
    evaluations: "dict[str, Evaluation]",
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
    if options.clips:
        _write_clips(options, sequences, evaluations)
    if options.plots:
        from mambatrack.evaluation.plots import save_plots

        scores = {name: each.scores for name, each in evaluations.items()}
        timelines = {
            name: {key: details.timeline for key, details in each.details.items()}
            for name, each in evaluations.items()
        }
        save_plots(options.plots, scores, timelines, options.overwrite)
    if options.report:
        from mambatrack.evaluation.report import write_report

        title = f"{', '.join(evaluations)} on {Path(options.dataset).name}"
        write_report(options.report, title, evaluations, options.overwrite)


def _write_clips(
    options: argparse.Namespace,
    sequences: "list[Sequence]",
    evaluations: "dict[str, Evaluation]",
) -> None:
    """The first switches of each tracker, in a folder of its own where there are several."""
    from mambatrack.datasets.sequences import read_ground_truth
    from mambatrack.evaluation.clips import write_clips
    from mambatrack.evaluation.results import read_results

    for name, evaluation in evaluations.items():
        folder = Path(options.clips)
        folder = folder / name if len(evaluations) > 1 else folder
        left = options.clip_limit
        for sequence in sequences:
            switches = evaluation.details[sequence.name].switches[:left]
            if switches:
                truth = read_ground_truth(sequence)
                results = read_results(sequence, evaluation.files[sequence.name])
                write_clips(folder, sequence, switches, truth, results, results.predicted,
                            limit=left, overwrite=options.overwrite)  # fmt: skip
                left -= len(switches)


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
    whole = {path: Path(path).resolve().with_suffix("").parts for path in paths}
    for length in range(1, 1 + max(map(len, whole.values()))):
        named = {"-".join(parts[-length:]): path for path, parts in whole.items()}
        if len(named) == len(paths):
            return named
    raise MambatrackError(f"a tracker is named twice in {', '.join(paths)}")


def _short_hash(config: Config, options: argparse.Namespace) -> str:
    """Different settings and data never share a default folder."""
    from mambatrack.runs.dataset_jobs import settings_of

    place = str(Path(options.dataset).resolve())
    said = [settings_of(config), place, options.split, options.half]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
