"""`mambatrack config`."""

from mambatrack.cli import main
from mambatrack.config import load_config


def test_config_prints_what_config_reads(tmp_path, capsys):
    assert main(["config", "--tracker.max_age", "77"]) == 0
    (tmp_path / "c.yaml").write_text(capsys.readouterr().out)
    expected = load_config(overrides={"tracker.max_age": 77})
    assert load_config(tmp_path / "c.yaml") == expected
