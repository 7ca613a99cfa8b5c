"""What ``mambatrack eval`` and its relatives do; each returns its exit code."""

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mambatrack.commands import OK, engine_of, resumable
from mambatrack.config import Config
from mambatrack.errors import MambatrackError
from mambatrack.progress import Progress

if TYPE_CHECKING:
    from mambatrack.evaluation.runs import Entry


def evaluate(options: argparse.Namespace, config: Config) -> int:
    """Scores results, or tracks first and scores then."""
    from mambatrack.evaluation import tables
    from mambatrack.evaluation.runs import evaluate as run
    from mambatrack.evaluation.runs import scored_sequences
    from mambatrack.outputs import check_output

    for path in (options.csv, options.json):
        if path:
            check_output(path, options.overwrite)
    half = options.half == "second"
    sequences = scored_sequences(options.dataset, options.split, half, options.strict)
    entries = _entries(options, config)
    total = len(entries) * len(sequences)
    with resumable("eval"), Progress("sequences", total, options.quiet, "scoring") as progress:
        scores = run(
            sequences, entries, engine_of(options, config), options.strict, options.overwrite,
            lambda done, _: progress.update(done),
        )  # fmt: skip
    if options.csv:
        tables.write_scores_csv(Path(options.csv), scores, options.overwrite)
    if options.json:
        tables.write_json(Path(options.json), tables.scores_as_json(scores), options.overwrite)
    if not options.quiet:
        tables.print_scores(scores, options.full)
    return OK


def _entries(options: argparse.Namespace, config: Config) -> "list[Entry]":
    """The result folders that are named, else one entry for each predictor to track with."""
    from mambatrack.evaluation.runs import Entry

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
    for parts in range(1, 1 + max(len(Path(path).parts) for path in paths)):
        named = {"/".join(Path(path).with_suffix("").parts[-parts:]): path for path in paths}
        if len(named) == len(paths):
            return named
    raise MambatrackError(f"a tracker is named twice in {', '.join(paths)}")


def _short_hash(config: Config, options: argparse.Namespace) -> str:
    """Different settings and data never share a default folder."""
    from mambatrack.batch import settings_of

    place = str(Path(options.dataset).resolve())
    said = [settings_of(config), place, options.split, options.half]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:8]
