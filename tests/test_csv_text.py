"""CSV that a spreadsheet may open: texts of others are no formulas, and all reads back."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.counting.events import Event, EventWriter
from mambatrack.csv_text import csv_text
from mambatrack.evaluation.switches import Switch, write_switches
from mambatrack.evaluation.tables import write_rows_csv

FORMULAS = [
    "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "=", "-",
    '=HYPERLINK("http://x","y")', "\uff1d1+1", "-a", "+inf+1", "-1e5x",
]  # fmt: skip
texts = st.text(st.characters(exclude_categories=[]), max_size=12) | st.sampled_from(FORMULAS)
numbers = st.integers() | st.floats(allow_nan=False) | st.none()


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_gets_an_apostrophe(formula):
    assert read(csv_text([[formula, 1]])) == [[f"'{formula}", "1"]]


@pytest.mark.parametrize("number", [-1, -0.5, "-1", "+1.5", "-2.50e+07", "-nan", "-.5", "inf"])
def test_numbers_stay_numbers(number):
    assert read(csv_text([[number]])) == [[str(number)]]


def test_what_is_no_text_is_escaped_and_nothing_is_empty():
    assert csv_text([["a\udcff", None, "x"]]) == "a\\udcff,,x\n"


@given(st.lists(st.lists(texts | numbers, min_size=1, max_size=4), max_size=4))
def test_every_row_reads_back(rows):
    """With its line breaks, quotes and commas, but for apostrophes and escapes."""
    found = read(csv_text(rows))
    assert len(found) == len(rows)
    for row, cells in zip(rows, found, strict=True):
        assert len(cells) == len(row)
        for value, cell in zip(row, cells, strict=True):
            if isinstance(value, str):
                assert cell.removeprefix("'") in (
                    text := value.encode("utf-8", "backslashreplace").decode(),
                    text.removeprefix("'"),
                )
                assert not cell.lstrip().startswith(("=", "@", "+", "-")) or _is_number(cell)
            else:
                assert cell == ("" if value is None else str(value))


def _is_number(cell):
    try:
        return float(cell) == float(cell) or True
    except ValueError:
        return False


def write_event(path, name):
    writer = EventWriter(path)
    writer.write(Event("crossing", name, -1, 0, name, "in", 1, 0.5))
    writer.close()


def write_switch(path, name):
    write_switches(path, {name: [Switch(name, 5, 1, 2, 3, -1, "lost", 4, 0, 0.5, 0, 0, 0)]})


def write_row(path, name):
    write_rows_csv(path, [{"tracker": name, "x": -1}])


@pytest.mark.parametrize("name", ["=1+1", "a\nb", 'q",x', "\udcff@"])
@pytest.mark.parametrize("write", [write_event, write_switch, write_row])
def test_the_files_hold_names_of_others_as_text(tmp_path, write, name):
    write(tmp_path / "f.csv", name)
    with (tmp_path / "f.csv").open(newline="", encoding="utf-8") as file:
        [row] = csv.DictReader(file)
    safe = read(csv_text([[name]]))[0][0]
    assert safe in row.values() and "-1" in row.values()


def test_no_other_place_writes_csv():
    root = Path(__file__).parents[1]
    places = [
        path.name
        for folder in ("mambatrack", "detectors", "kernels")
        for path in (root / folder).rglob("*.py")
        if "csv.writer" in path.read_text() or "DictWriter" in path.read_text()
    ]
    assert places == ["csv_text.py"]
