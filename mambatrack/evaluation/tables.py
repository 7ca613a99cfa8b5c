"""Scores as tables for people (rich) and as files for programs (CSV, JSON)."""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mambatrack.csv_text import csv_text
from mambatrack.evaluation.scores import Score, Scores, alphas
from mambatrack.files import check_output, write_text
from mambatrack.version import VERSION

BRIEF = ("HOTA", "DetA", "AssA", "AssRe", "AssPr", "LocA", "MOTA", "IDF1", "IDSW", "Frag",
         "CLR_FP", "CLR_FN", "Purity")  # fmt: skip
BLOCKS = {  # all of Score, in tables that fit a terminal
    "HOTA": ("HOTA", "DetA", "AssA", "DetRe", "DetPr", "AssRe", "AssPr", "LocA"),
    "CLEAR": ("MOTA", "MOTP", "CLR_Re", "CLR_Pr", "IDSW", "Frag", "MT", "PT", "ML",
              "CLR_TP", "CLR_FN", "CLR_FP"),
    "Identity": ("IDF1", "IDR", "IDP", "IDTP", "IDFN", "IDFP"),
    "Purity": ("Purity", "Completeness", "Tracks", "PureTracks", "TracksPerObject"),
}  # fmt: skip
COUNTS = {name for name, kind in Score.__annotations__.items() if kind is int}
NEUTRAL = {"PT", "Tracks", "PureTracks"}
LOW_IS_GOOD = {"IDSW", "Frag", "ML", "CLR_FN", "CLR_FP", "IDFN", "IDFP", "TracksPerObject"}


def score_tables(scores: Mapping[str, Scores], full: bool = False) -> list[Table]:
    """One tracker: a line a sequence. Several: a line a tracker, then HOTA by sequence.

    full: all fields of Score instead of the usual ones
    """
    blocks = BLOCKS if full else {"": BRIEF}
    if len(scores) == 1:
        [(name, only)] = scores.items()
        return [
            sequence_table(f"{name} {title}".strip(), only, columns)
            for title, columns in blocks.items()
        ]
    together = {name: each.combined for name, each in scores.items()}
    compared = [
        _table(f"all sequences {title}".strip(), "tracker", together, columns, best=True)
        for title, columns in blocks.items()
    ]
    return [*compared, _hota_by_sequence(scores)]


def sequence_table(title: str, scores: Scores, columns: Sequence[str]) -> Table:
    """A line for each sequence, COMBINED last, with the chosen fields of Score."""
    return _table(title, "sequence", scores.rows(), columns)


def show(table: Table, most: int | None = None) -> None:
    """Prints to stdout; a narrow terminal wraps lines, no digit is left out.

    most: columns of a line where it can be folded, of texts; None: lines are as long as they are
    """
    width = max(Console(width=10_000).measure(table).maximum, 80)
    console = Console(width=width if most is None else min(width, most))
    text = io.StringIO()
    if most is None or console.is_terminal:
        console.print(table)
        return
    Console(width=console.width, file=text).print(table)
    print("\n".join(line.rstrip() for line in text.getvalue().splitlines()))


def write_scores_csv(path: Path, scores: Mapping[str, Scores], overwrite: bool = False) -> None:
    """A row for each tracker and sequence, COMBINED last, with full precision."""
    rows = [
        (name, sequence, *row)
        for name, each in scores.items()
        for sequence, row in each.rows().items()
    ]
    text = csv_text([("tracker", "sequence", *Score._fields), *rows])
    write_text(check_output(path, overwrite), text)


def write_rows_csv(path: Path, rows: Sequence[Mapping[str, Any]], overwrite: bool = False) -> None:
    """Rows with the same keys, which are the columns; None is empty."""
    text = csv_text([rows[0], *([row[name] for name in rows[0]] for row in rows)]) if rows else ""
    write_text(check_output(path, overwrite), text)


def write_json(path: Path, content: Mapping[str, Any], overwrite: bool = False) -> None:
    """Full precision. Raises ValueError where a number is not finite: JSON has none such."""
    text = json.dumps(content, indent=1, allow_nan=False)
    write_text(check_output(path, overwrite), text + "\n")


def scores_as_json(scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Plain values: versions, thresholds, and for each tracker combined, sequences and curves."""
    return {
        "mambatrack": VERSION,
        "trackeval": version("trackeval"),
        "alphas": alphas().tolist(),
        "trackers": {name: _plain(each) for name, each in scores.items()},
    }


def _plain(scores: Scores) -> dict[str, Any]:
    """Those of classes and their mean only where several are scored."""
    plain: dict[str, Any] = {
        "combined": scores.combined._asdict(),
        "sequences": {key: row._asdict() for key, row in scores.sequences.items()},
        "curves": {key: values.tolist() for key, values in scores.curves.items()},
    }
    if scores.class_average is not None:
        plain["class_average"] = scores.class_average._asdict()
        plain["classes"] = {key: _plain(each) for key, each in scores.classes.items()}
    return plain


def _hota_by_sequence(scores: Mapping[str, Scores]) -> Table:
    table = Table("sequence", title="HOTA", box=SIMPLE_HEAD)
    for name in scores:
        table.add_column(escape(name), justify="right")
    for name in next(iter(scores.values())).rows():
        values = [each.rows()[name].HOTA for each in scores.values()]
        texts = [f"{value:.2f}" for value in values]
        table.add_row(escape(name), *_marked(values, texts, low=False))
    return table


def _table(
    title: str, first: str, rows: Mapping[str, Score], columns: Sequence[str], best: bool = False
) -> Table:
    """best: the best value of a column is bold."""
    table = Table(first, title=escape(title), box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column.removeprefix("CLR_"), justify="right")
    for name, cells in compared(rows, columns, best).items():
        table.add_row(escape(name), *cells, style="bold" if name == "COMBINED" else None)
    return table


def compared(
    rows: Mapping[str, Score], columns: Sequence[str], best: bool
) -> dict[str, tuple[str, ...]]:
    """The cells of each row. best: the best value of a column is bold"""
    shown: list[Iterable[str]] = []
    for column in columns:
        values = [getattr(row, column) for row in rows.values()]
        texts = [str(value) if column in COUNTS else f"{value:.2f}" for value in values]
        shown.append(
            _marked(values, texts, column in LOW_IS_GOOD)
            if best and column not in NEUTRAL
            else texts
        )
    return dict(zip(rows, zip(*shown, strict=True), strict=True))


def _marked(values: Sequence[float], texts: Sequence[str], low: bool) -> list[str]:
    best = min(values) if low else max(values)
    return [
        f"[bold]{text}[/bold]" if value == best else text
        for value, text in zip(values, texts, strict=True)
    ]
