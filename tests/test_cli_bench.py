"""`mambatrack bench`."""

import json

import pytest

from mambatrack.cli import main
from mambatrack.evaluation import arithmetic
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


def test_a_profile_has_stages_limits_and_sizes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(arithmetic, "REPEATED_S", 0.02)
    command = ["bench", "--predictor", "mamba", "--objects", "3", "--passes", "1", "--profile"]
    command += ["--json", str(tmp_path / "b.json"), "--out", str(tmp_path / "b.md")]
    assert main(command) == 0
    content = json.loads((tmp_path / "b.json").read_text())["profile"]
    assert [each["boxes"] for each in content["stages"]] == ["3 objects", "3 who meet"]
    assert {each["stage"] for each in content["limits"]} <= {"predict", "score", "settle"}
    page, printed = (tmp_path / "b.md").read_text(), capsys.readouterr().out
    for said in ("A frame by stage", "16 cameras of 10", "all weights in the package"):
        assert said in page and said in printed
