"""`mambatrack eval-motion`."""

import csv
import json

import pytest

from mambatrack.cli import main


def test_motion_models_are_compared_on_true_tracks(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = [
        "eval-motion",
        "--dataset",
        str(dataset),
        "--predictor",
        "kalman",
        "still",
    ]
    assert main([*command, "--horizons", "1", "5", "--csv", "m.csv", "--json", "m.json"]) == 0
    printed = capsys.readouterr().out
    assert "every cut point of 2 sequences" in printed and "kalman" in printed
    with open("m.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    stored = json.loads((tmp_path / "m.json").read_text())["motion"]
    assert [float(row["iou"]) for row in rows] == [row["iou"] for row in stored]
    assert {row["horizon"] for row in rows} == {"1", "5"}
    with pytest.raises(SystemExit):
        main([*command, "--predictor", "lstm"])
    assert "'lstm' is not allowed (one of mamba-window, mamba" in capsys.readouterr().err
