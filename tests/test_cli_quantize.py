"""`mambatrack quantize`."""

import pytest

from full_weights import write_full
from mambatrack.cli import main
from worlds import write_training_data


def test_sizes_and_differences_are_told(tmp_path, capsys):
    write_training_data(tmp_path / "data", 1)
    out = tmp_path / "small.safetensors"
    full = write_full(tmp_path / "full.safetensors", "causal")
    line = ["quantize", str(full), "--out", str(out), "--dataset", str(tmp_path / "data")]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert f"wrote {out}: causal, {out.stat().st_size} bytes, 2" in said
    assert "boxes: mean 0.00" in said and "below 99 0.0" in said
    assert main([*line, "--quiet"]) == 1
    assert "exists; use --overwrite" in capsys.readouterr().err
    assert main([*line, "--quiet", "--overwrite"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["kalman", "missing.safetensors"])
def test_what_is_no_network_is_refused_in_one_line(tmp_path, capsys, name):
    assert main(["quantize", name, "--out", str(tmp_path / "a.safetensors")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1 and "learned" in said
