"""A result as MOT text or CSV."""

import csv

import numpy as np
import pytest

from mambatrack.result_files.read_results import read_recording, seen_rows


def test_mot_text_has_what_was_seen(export, result, capsys):
    path = export("mot", "a.txt")
    np.testing.assert_allclose(np.loadtxt(path, delimiter=",")[:, :7], seen_rows(result))
    assert "2 tracks, 6 boxes, 0 of them predicted" in capsys.readouterr().out


@pytest.mark.parametrize("source", ["jsonl", "csv"])
def test_csv_tells_all_but_what_is_tentative(export, result, source):
    path = export("csv", "a.csv")
    if source == "csv":
        path = export("csv", "b.csv", source=path)
    before, after = read_recording(result), read_recording(path)
    for name in ("frame", "id", "boxes", "score", "label", "gap", "seen"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    assert after.names == ("person", "car")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["class_name"] for row in rows[:2]] == ["person", "car"]
    assert {row["time_s"] for row in rows if row["frame_index"] == "3"} == {"0.3"}
