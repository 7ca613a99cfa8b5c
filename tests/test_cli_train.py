"""`mambatrack train`."""

from mambatrack.cli import main
from mambatrack.simulation.world import write_sequence


def test_training_from_the_command_line(tmp_path, capsys):
    for seed in range(2):
        write_sequence(tmp_path / "data" / f"s{seed}", seed=seed, people=3, frames=60)
    command = ["train", "--dataset", str(tmp_path / "data"), "--out", str(tmp_path / "run")]
    small = ["d_model=8", "layers=1", "d_state=2", "steps=4", "checkpoint_every=2", "warmup=2"]
    command += [f"--training.{each}" for each in small]
    assert main(command) == 0
    assert "predictor.safetensors" in capsys.readouterr().out
    weights = tmp_path / "run" / "predictor.safetensors"
    assert weights.exists() and weights.with_suffix(".json").exists()
    assert main(["train", "--dataset", str(tmp_path / "no"), "--out", str(tmp_path / "x")]) == 1
    assert "is not a folder" in capsys.readouterr().err
