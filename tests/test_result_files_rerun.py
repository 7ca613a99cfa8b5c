"""Tracks for rerun."""

import subprocess
import sys

import pytest

from mambatrack.errors import MissingExtra


def test_rerun_reads_its_recording(export, video):
    pytest.importorskip("rerun")
    path = export("rerun", "a.rrd", "--video", video)
    shown = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "print", "-vv", path],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    for part in ("/video/seen", "/video/predicted", "Boxes2D:labels", "VideoFrameReference"):
        assert part in shown
    assert export("rerun", "b.rrd").stat().st_size > 1000


def test_rerun_is_named_where_it_is_missing(export, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingExtra, match=r"pip install 'mambatrack\[rerun\]'"):
        export("rerun", "a.rrd")
    assert not (tmp_path / "a.rrd").exists()
