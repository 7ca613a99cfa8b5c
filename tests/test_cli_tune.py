"""`mambatrack tune`."""

import pytest

from mambatrack.cli import main
from mambatrack.config import load_config


def test_settings_are_tuned_and_the_result_is_a_configuration(
    dataset, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    command = ["tune", "--dataset", str(dataset), "--out", "study", "--trials", "2"]
    command += ["--predictor", "still", "--param", "tracker.iou_gate=0.1:0.4", "--tune-on", "a"]
    assert main(command) == 0
    assert "reported on" in capsys.readouterr().out
    assert load_config("study/best.yaml").tracker.predictor == "still"
    assert main([*command, "--report-on", "a"]) == 1
    assert "--same-sequences" in capsys.readouterr().err
