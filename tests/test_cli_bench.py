"""`mambatrack bench`."""

import json

import pytest

from mambatrack.cli import main


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
    for wrong in (["--dataset", "x"], ["--peers", "--json", "x.json"]):
        with pytest.raises(SystemExit):
            main(["bench", *wrong])
