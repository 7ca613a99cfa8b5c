"""What tuning found: a configuration to use, all trials as CSV, JSON, and tables."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from mambatrack.config import Config
from mambatrack.csv_text import csv_text
from mambatrack.errors import counted
from mambatrack.evaluation.scores import Score
from mambatrack.evaluation.tables import write_json
from mambatrack.evaluation.tuning.search import BEST, OBJECTIVE, REPORT, TRIALS, Tuned
from mambatrack.files import write_text
from mambatrack.version import VERSION

COLUMNS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")


def write_tuned(tuned: Tuned, folder: str | Path) -> None:
    """best.yaml, trials.csv and tune.json; those of an earlier call are replaced."""
    folder = Path(folder)
    write_text(folder / BEST, as_yaml(tuned))
    write_text(folder / TRIALS, _trials(tuned))
    write_json(folder / REPORT, as_json(tuned), overwrite=True)


def as_yaml(tuned: Tuned) -> str:
    """All that differs from the defaults, so that the file can be used by itself."""
    comment = "".join(f"# {line}\n" for line in _provenance(tuned))
    return comment + yaml.safe_dump(_differences(tuned.config), sort_keys=False)


def as_json(tuned: Tuned) -> dict[str, Any]:
    """Plain values; the caveat is empty where the report is on other sequences."""
    first, best = tuned.trials[0], tuned.best
    return {
        "mambatrack": VERSION,
        "objective": OBJECTIVE,
        "trials": len(tuned.trials),
        "seed": tuned.seed,
        "caveat": tuned.caveat,
        "parameters": {
            each.name: {
                "tried": each.values,
                "base": first.values[each.name],
                "best": best.values[each.name],
                "importance": tuned.importance.get(each.name),
            }
            for each in tuned.parameters
        },
        "tuned_on": {
            "sequences": tuned.tuned_on,
            "base": first.score._asdict(),
            "best": best.score._asdict(),
        },
        "reported_on": {
            "sequences": list(tuned.reported["base"].sequences),
            **{name: each.combined._asdict() for name, each in tuned.reported.items()},
        },
    }


def tuning_tables(tuned: Tuned) -> list[Table]:
    """The parameters, then base and best on both sets of sequences."""
    return [_parameter_table(tuned), _score_table(tuned)]


def _parameter_table(tuned: Tuned) -> Table:
    table = Table(
        "parameter", title=f"best of {counted(len(tuned.trials), 'trial')}", box=SIMPLE_HEAD
    )
    for heading in ("tried", "base", "best", *(["importance"] if tuned.importance else [])):
        table.add_column(heading, justify="right")
    for each in tuned.parameters:
        values = [str(trial.values[each.name]) for trial in (tuned.trials[0], tuned.best)]
        share = [f"{tuned.importance[each.name]:.2f}"] if tuned.importance else []
        table.add_row(each.name, str(each), *values, *share)
    return table


def _score_table(tuned: Tuned) -> Table:
    title = escape(tuned.caveat) or None
    table = Table("sequences", "settings", title=title, box=SIMPLE_HEAD)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for label, scores in _both(tuned).items():
        for name, score in scores.items():
            values = [getattr(score, column) for column in COLUMNS]
            texts = [str(each) if isinstance(each, int) else f"{each:.2f}" for each in values]
            table.add_row(label, name, *texts, end_section=name == "best")
    return table


def _both(tuned: Tuned) -> dict[str, dict[str, Score]]:
    """Base and best on either set of sequences, by what to call it."""
    reported = {name: each.combined for name, each in tuned.reported.items()}
    count = len(tuned.reported["base"].sequences)
    return {
        f"{len(tuned.tuned_on)} tuned on": {
            "base": tuned.trials[0].score,
            "best": tuned.best.score,
        },
        f"{count} reported on": reported,
    }


def _provenance(tuned: Tuned) -> Iterator[str]:
    first, best = tuned.trials[0], tuned.best
    reported = tuned.reported
    yield (
        f"mambatrack {VERSION} tune: best {OBJECTIVE} of {counted(len(tuned.trials), 'trial')}, "
        f"seed {tuned.seed} (trial {best.number})"
    )
    yield f"tuned on {', '.join(tuned.tuned_on)}:"
    yield f"  HOTA {first.score.HOTA:.2f} before, {best.score.HOTA:.2f} after"
    yield f"reported on {', '.join(reported['base'].sequences)}:"
    yield (
        f"  HOTA {reported['base'].combined.HOTA:.2f} before, "
        f"{reported['best'].combined.HOTA:.2f} after"
    )
    if tuned.caveat:
        yield f"  {tuned.caveat}"
    for each in tuned.parameters:
        before, after = first.values[each.name], best.values[each.name]
        yield f"{each.name}: {before} before, {after} after, of {each}"


def _differences(config: Config) -> dict[str, dict[str, Any]]:
    """Settings that are not the defaults, by section."""
    default, found = Config(), {}
    for section in dataclasses.fields(Config):
        own, usual = getattr(config, section.name), getattr(default, section.name)
        other = {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(own).items()
            if value != getattr(usual, key)
        }
        if other:
            found[section.name] = other
    return found


def _trials(tuned: Tuned) -> str:
    names = [each.name for each in tuned.parameters]
    rows = [
        (trial.number, trial.seconds, *(trial.values[name] for name in names), *trial.score)
        for trial in tuned.trials
    ]
    return csv_text([("trial", "seconds", *names, *Score._fields), *rows])
