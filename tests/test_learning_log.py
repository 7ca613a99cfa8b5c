"""log.csv and curve.png of a training."""

import csv
import sys

import pytest

from mambatrack import MambatrackError
from mambatrack.learning.log import Log


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def filled(path, steps=(2, 4, 6)):
    log = Log(path, 0)
    for step in steps:
        log.add(step, {"rate": 1 / 3, "loss": 1 / step, "error_1": 0.5})
    return log


def test_each_row_is_on_the_disk_at_once(tmp_path):
    log = filled(tmp_path / "log.csv", ())
    for step in (2, 4):
        log.add(step, {"rate": 0.1, "loss": 12345.678})
        assert rows_of(log.path)[-1] == {"step": str(step), "rate": "0.1", "loss": "12345.7"}
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]


def test_rows_after_the_step_that_is_gone_on_from_are_dropped(tmp_path):
    path = filled(tmp_path / "log.csv").path
    Log(path, 4).add(5, {"rate": 0.1, "loss": 1.0, "error_1": 0.4})
    assert [row["step"] for row in rows_of(path)] == ["2", "4", "5"]


def test_a_training_from_the_start_begins_a_log(tmp_path):
    path = filled(tmp_path / "log.csv").path
    Log(path, 0).add(1, {"rate": 0.1, "loss": 1.0})
    assert rows_of(path) == [{"step": "1", "rate": "0.1", "loss": "1"}]


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b"step,loss\nseven,1\n", b"step,loss\n7\n", b"a,b\n1,2\n", b"step\n1,2\n"],
)
def test_what_is_no_log_is_not_overwritten(content, tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    with pytest.raises(MambatrackError, match="log.csv is no log of a training .* move it away"):
        Log(path, 7)
    assert path.read_bytes() == content


def test_a_log_that_is_missing_starts_anew(tmp_path):
    assert Log(tmp_path / "log.csv", 7).rows == []


@pytest.mark.parametrize("steps", [(2,), (2, 4, 6)])
def test_the_curve_is_a_picture(steps, tmp_path):
    pytest.importorskip("matplotlib")
    assert filled(tmp_path / "log.csv", steps).draw(tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_without_rows_there_is_no_curve(tmp_path):
    assert not filled(tmp_path / "log.csv", ()).draw(tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()


def test_without_matplotlib_there_is_no_curve(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert not filled(tmp_path / "log.csv").draw(tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()
