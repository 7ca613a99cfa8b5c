"""`mambatrack bench`."""

import json

import pytest

from mambatrack.cli import main
from mambatrack.simulation.world import write_sequence


def test_the_time_of_a_frame(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["bench", "--predictor", "kalman", "still", "--objects", "3", "--passes", "1"]
    assert main([*command, "--json", "b.json", "--out", "b.md"]) == 0
    assert "median ms" in capsys.readouterr().out
    assert {row["predictor"] for row in json.loads((tmp_path / "b.json").read_text())["rows"]} == {
        "kalman",
        "still",
    }
    assert "| kalman" in (tmp_path / "b.md").read_text()
    with pytest.raises(SystemExit):
        main(["bench", "--peers", "--json", "x.json"])


def test_real_boxes_stand_beside_painted_ones(tmp_path, capsys):
    write_sequence(tmp_path / "data/a", seed=3, people=4, frames=30)
    write_sequence(tmp_path / "data/short", seed=3, people=4, frames=5)
    command = ["bench", "--predictor", "still", "--objects", "3", "--passes", "1"]
    command += ["--dataset", str(tmp_path / "data"), "--json", str(tmp_path / "b.json")]
    assert main(command) == 0
    rows = json.loads((tmp_path / "b.json").read_text())["rows"]
    assert [(row["boxes"], row["kind"]) for row in rows] == [
        ("3 objects", "apart"), ("3 who meet", "meeting"), ("4 objects", "apart"),
        ("real boxes", "real"),
    ]  # fmt: skip
    assert "real boxes" in capsys.readouterr().out
    (tmp_path / "data/a/det/det.txt").write_text("")
    assert main([*command, "--overwrite"]) == 1
    assert "det/det.txt with boxes and more than 20 frames" in capsys.readouterr().err
