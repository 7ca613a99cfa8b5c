"""Scores as tables and files."""

import csv
import json

import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.evaluation import tables
from mambatrack.evaluation.scores import Score, Scores

pytest.importorskip("trackeval", reason="needs the extra [eval]")


def score(**values):
    return Score(**{**dict.fromkeys(Score._fields, 0), **values})


def scores(hota, switches):
    row = score(HOTA=hota, IDSW=switches, PT=switches)
    return Scores(
        sequences={"a[x]": row, "b": row}, combined=row, curves={"HOTA": np.array([hota, 1 / 3])}
    )


BOTH = {"one": scores(60.126, 7), "two": scores(50.0, 3)}


def cells(table, header):
    [column] = [column for column in table.columns if column.header == header]
    return list(column.cells)


def test_one_tracker_has_a_line_for_each_sequence_and_the_whole():
    [table] = tables.score_tables({"one": BOTH["one"]})
    assert cells(table, "sequence") == [r"a\[x]", "b", "COMBINED"]
    assert cells(table, "HOTA") == ["60.13"] * 3 and cells(table, "IDSW") == ["7"] * 3


def test_of_several_trackers_the_best_stands_out():
    compared, by_sequence = tables.score_tables(BOTH)
    assert cells(compared, "tracker") == ["one", "two"]
    assert cells(compared, "HOTA") == ["[bold]60.13[/bold]", "50.00"]
    assert cells(compared, "IDSW") == ["7", "[bold]3[/bold]"]  # few are good
    assert cells(by_sequence, "one") == ["[bold]60.13[/bold]"] * 3


def test_all_fields_are_shown_once_and_neutral_ones_without_a_best():
    whole = tables.score_tables(BOTH, full=True)[:-1]
    shown = [column.header for table in whole for column in table.columns[1:]]
    assert sorted(shown) == sorted(name.removeprefix("CLR_") for name in Score._fields)
    [partly] = [cells(table, "PT") for table in whole if "CLEAR" in table.title]
    assert partly == ["7", "3"]


def test_a_narrow_terminal_loses_no_digit(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    for table in tables.score_tables(BOTH):
        tables.show(table)
    printed = capsys.readouterr().out
    assert "60.13" in printed and "…" not in printed


def test_the_csv_has_full_precision_and_the_whole_last(tmp_path):
    path = tmp_path / "s.csv"
    tables.write_scores_csv(path, BOTH)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == ["a[x]", "b", "COMBINED"] * 2
    assert float(rows[0]["HOTA"]) == 60.126 and list(rows[0])[2:] == list(Score._fields)


def test_rows_without_a_value_are_empty_and_no_rows_are_no_columns(tmp_path):
    tables.write_rows_csv(tmp_path / "r.csv", [{"a": 1, "b": None}])
    assert (tmp_path / "r.csv").read_text() == "a,b\n1,\n"
    tables.write_rows_csv(tmp_path / "none.csv", [])
    assert (tmp_path / "none.csv").read_text().strip() == ""


def test_the_json_is_plain_and_comes_back(tmp_path):
    tables.write_json(tmp_path / "s.json", tables.scores_as_json(BOTH))
    found = json.loads((tmp_path / "s.json").read_text())
    assert found["trackers"]["one"]["combined"]["HOTA"] == 60.126
    assert found["trackers"]["two"]["curves"]["HOTA"] == [50.0, 1 / 3]
    assert found["trackers"]["one"]["sequences"]["b"]["IDSW"] == 7


@pytest.mark.parametrize("write", [
    lambda path: tables.write_scores_csv(path, BOTH),
    lambda path: tables.write_rows_csv(path, [{"a": 1}]),
    lambda path: tables.write_json(path, {}),
])  # fmt: skip
def test_a_file_that_is_there_stays(tmp_path, write):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(MambatrackError, match="kept"):
        write(tmp_path / "kept")
    assert (tmp_path / "kept").read_text() == "mine"
