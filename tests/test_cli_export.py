"""`mambatrack export`."""

from mambatrack.cli import main


def test_a_predictor_without_a_network_is_not_exported(tmp_path, capsys):
    out = str(tmp_path / "p.onnx")
    assert main(["export", "--tracker.predictor", "kalman", "--out", out]) == 1
    assert "kalman has no network to export" in capsys.readouterr().err
