"""`mambatrack simulate`."""

from mambatrack.cli import main
from mambatrack.datasets.sequences import find_sequences


def test_a_detectors_errors_are_put_on_a_ground_truth(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["simulate", "--dataset", str(dataset), "--like", str(dataset)]
    assert main([*command, "--out", "simulated"]) == 0
    assert "2 sequences with simulated detections" in capsys.readouterr().out
    assert all(each.det_path for each in find_sequences("simulated"))
    assert main([*command, "--out", "simulated"]) == 1
