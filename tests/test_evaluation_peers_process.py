"""A tracker in a process of its own: what goes in, what comes back, and what goes wrong."""

import sys

import numpy as np
import pytest

from fake_norfair import install_fake_norfair
from mambatrack import Tracker, load_config
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers.process import Video, installed_version, run_worker
from mambatrack.evaluation.peers.synthetic_boxes import moving_boxes


def video(rows, frames=3) -> Video:
    return Video(frames, (640, 480), np.array(rows, float).reshape(-1, 6))


def test_worker_gives_what_the_tracker_gives():
    given = moving_boxes(5, 12)
    found = run_worker("mambatrack kalman", sys.executable, [given, given])
    tracker = Tracker(load_config(None, {"tracker.predictor": "kalman"}), image_size=given.size)
    rows = []
    for frame in range(1, 13):
        boxes = given.detections[given.detections[:, 0] == frame, 1:]
        tracks = tracker.update(boxes.astype(np.float32))
        seen = tracks.observed
        rows += [(frame, *row) for row in np.column_stack([tracks.ids, tracks.boxes])[seen]]
    assert np.allclose(found.rows[0], rows)
    assert np.array_equal(found.rows[0], found.rows[1])  # a new tracker for each video
    assert [each.shape for each in found.milliseconds] == [(12,), (12,)]
    assert (found.milliseconds[0] > 0).all() and found.ready_s > 0 and found.memory_mb > 1


def test_frames_and_videos_without_detections_are_passed_on():
    found = run_worker("mambatrack kalman", sys.executable, [video([]), video([], frames=0)])
    assert [each.shape for each in found.rows] == [(0, 6), (0, 6)]
    assert [len(each) for each in found.milliseconds] == [3, 0]


def test_worker_runs_another_package(tmp_path, monkeypatch):
    install_fake_norfair(tmp_path, monkeypatch)
    rows = [(1, 0, 0, 9, 9, 0.9), (1, 5, 5, 9, 9, 0.4), (3, 1, 2, 3, 4, 0.5), (3, 5, 6, 7, 8, 1)]
    found = run_worker("norfair", sys.executable, [video(rows)])
    assert found.rows[0].tolist() == [[1, 0, 0, 0, 9, 9], [3, 0, 1, 2, 3, 4], [3, 1, 5, 6, 7, 8]]


def test_worker_that_fails_says_why(tmp_path, monkeypatch):
    install_fake_norfair(tmp_path, monkeypatch, "raise RuntimeError('no luck')")
    with pytest.raises(MambatrackError, match=r"norfair failed: RuntimeError: no luck"):
        run_worker("norfair", sys.executable, [video([])])


def test_interpreter_that_cannot_run_is_an_error(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken pipe organ >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MambatrackError, match="cannot run norfair: broken pipe organ"):
        installed_version("norfair", str(broken))
