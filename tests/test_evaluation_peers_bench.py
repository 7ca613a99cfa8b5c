import os
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from mambatrack import Tracker, load_config
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers.bench import bench_peers, parse_pythons, write_results
from mambatrack.evaluation.peers.process import Answer, Video, installed_version, run_worker
from mambatrack.evaluation.peers.report import markdown
from mambatrack.evaluation.peers.results import OURS, WARM_UP, Peer, PeerReport
from mambatrack.evaluation.peers.synthetic_boxes import moving_boxes
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.evaluation.scores import Score
from mambatrack.simulation.world import write_sequence

# other interpreters for the peers, as MAMBATRACK_PEERS="trackers=PYTHON norfair=PYTHON"
PYTHONS = parse_pythons(os.environ.get("MAMBATRACK_PEERS", "").split())
PEERS = [name for name, adapter in ADAPTERS.items() if adapter.package != "mambatrack"]
FAKE = """
    class Detection:
        def __init__(self, points, scores):
            self.points, self.scores = points, scores

    class Tracked:
        def __init__(self, number, detection):
            self.id, self.last_detection = number, detection

    class Tracker:
        def __init__(self, distance_function, distance_threshold):
            self.tracks = []

        def update(self, detections):
            {fault}
            for number, found in enumerate(detections):
                self.tracks[number:number + 1] = [Tracked(number, found)]
            return self.tracks
"""
SCORE = {**dict.fromkeys(Score._fields, 0), "HOTA": 51.26, "IDSW": 7}


@pytest.fixture
def fake_norfair(tmp_path, monkeypatch):
    """Installs a norfair that takes the n-th box of every frame for the n-th track."""

    def install(fault: str = "pass") -> None:
        (tmp_path / "fake").mkdir()
        (tmp_path / "fake/norfair.py").write_text(textwrap.dedent(FAKE.format(fault=fault)))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))

    return install


def video(rows, frames=3) -> Video:
    return Video(frames, (640, 480), np.array(rows, float).reshape(-1, 6))


def answer(times) -> Answer:
    spent = np.concatenate([np.full(WARM_UP, 1000.0), times])
    return Answer(0.25, 64.0, [np.zeros((0, 6))], [spent])


def report(dataset=None, **changes) -> PeerReport:
    """Ours takes 2 and 4 ms, norfair 1 and 8 ms, in two passes of three frames."""
    peers = {
        OURS: Peer("1.0", None, [answer([2, 2, 9]), answer([4, 4, 4])]),
        "norfair": Peer("2.3.0", None, [answer([1, 1, 1]), answer([8, 8, 8])]),
    }
    values = {"skipped": {}, "frames": {5: WARM_UP + 3}, "sequences": (), "foreign": ("norfair",)}
    return PeerReport(peers, dataset=dataset, **{**values, **changes})


def test_timed_boxes_are_the_same_every_time_and_are_sometimes_missing():
    first, second = moving_boxes(20, 50), moving_boxes(20, 50)
    assert np.array_equal(first.detections, second.detections)
    frame, scores = first.detections[:, 0], first.detections[:, 5]
    seen = np.bincount(frame.astype(int))[1:]
    assert (np.diff(frame) >= 0).all() and len(seen) == 50 and seen.max() <= 20
    assert 0.85 < seen.mean() / 20 < 0.95
    assert ((scores >= 0.1) & (scores < 1)).all() and 0.1 < (scores < 0.6).mean() < 0.2


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


def test_worker_runs_another_package(fake_norfair):
    fake_norfair()
    rows = [(1, 0, 0, 9, 9, 0.9), (1, 5, 5, 9, 9, 0.4), (3, 1, 2, 3, 4, 0.5), (3, 5, 6, 7, 8, 1)]
    found = run_worker("norfair", sys.executable, [video(rows)])
    assert found.rows[0].tolist() == [[1, 0, 0, 0, 9, 9], [3, 0, 1, 2, 3, 4], [3, 1, 5, 6, 7, 8]]


def test_worker_that_fails_says_why(fake_norfair):
    fake_norfair("raise RuntimeError('no luck')")
    with pytest.raises(MambatrackError, match=r"norfair failed: RuntimeError: no luck"):
        run_worker("norfair", sys.executable, [video([])])


def test_interpreter_that_cannot_run_is_an_error(tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho broken pipe organ >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(MambatrackError, match="cannot run norfair: broken pipe organ"):
        installed_version("norfair", str(broken))


def test_interpreters_are_read_from_the_command_line():
    assert parse_pythons([]) == {}
    assert parse_pythons([f"norfair={sys.executable}"]) == {"norfair": sys.executable}
    for wrong in ("norfair", "norfair=", "sort=python", f"{sys.executable}"):
        with pytest.raises(MambatrackError, match="NAME=PYTHON.*trackers, norfair, boxmot"):
            parse_pythons([wrong])
    with pytest.raises(MambatrackError, match="not a program"):
        parse_pythons(["norfair=/no/such/python"])


def test_missing_and_failing_peers_are_left_out(fake_norfair, tmp_path):
    fake_norfair("raise RuntimeError('no luck')")
    lines, page = [], tmp_path / "benchmarks.md"
    names = (OURS, "norfair", "boxmot ByteTrack", "boxmot OC-SORT")
    found = bench_peers(None, page, None, 1, lines.append, frames={3: WARM_UP + 2}, names=names)
    assert list(found.peers) == [OURS] and found.ratio(OURS, 3) == 1
    assert "DIR/bin/pip install boxmot" in found.skipped["boxmot"]
    assert "--peer boxmot=DIR/bin/python" in found.skipped["boxmot"]
    assert found.skipped["norfair"].endswith("RuntimeError: no luck")
    assert sum("boxmot is left out" in line for line in lines) == 1
    text = page.read_text()
    assert "## Not run" in text and "no luck" in text and "## Scores" not in text


def test_scores_of_a_data_set(fake_norfair, tmp_path):
    pytest.importorskip("trackeval")
    fake_norfair()
    for name in ("a", "b"):
        write_sequence(tmp_path / "data/val" / name, seed=3, people=4, frames=30)
    found = bench_peers(
        tmp_path / "data/val", passes=1, results=tmp_path / "results",
        frames={2: WARM_UP + 1}, names=("mambatrack kalman", "norfair"),
    )  # fmt: skip
    ours, fake = (found.peers[name].score for name in ("mambatrack kalman", "norfair"))
    assert ours.HOTA > 50 and ours.HOTA > fake.HOTA > 0
    files = [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.glob("results/*/*"))]
    assert files == [f"results/{name}.txt" for name in (
        "mambatrack-kalman/a", "mambatrack-kalman/b", "norfair/a", "norfair/b"
    )]  # fmt: skip


def test_mistakes_are_said_before_the_work(tmp_path):
    write_sequence(tmp_path / "a", people=1, frames=2)
    (tmp_path / "a/gt/gt.txt").unlink()
    with pytest.raises(MambatrackError, match="both a det/det.txt and a gt/gt.txt"):
        bench_peers(tmp_path)
    with pytest.raises(MambatrackError, match="no does not exist"):
        bench_peers(out=tmp_path / "no/page.md")
    with pytest.raises(MambatrackError, match="at least 1 pass, found 0"):
        bench_peers(passes=0)


def test_results_are_mot_text(tmp_path):
    write_sequence(tmp_path / "data/a", seed=0, people=1, frames=2)
    sequences = find_sequences(tmp_path / "data")
    write_results(tmp_path / "out", sequences, [np.array([[2, 7, 10, 20, 30.5, 60]])])
    assert read_mot(tmp_path / "out/a.txt").tolist() == [[2, 7, 10, 20, 20.5, 40, 1, -1, -1, -1]]


def test_ratio_compares_within_a_pass():
    assert report().ratio("norfair", 5) == pytest.approx((1 / 2 + 8 / 4) / 2)
    assert np.concatenate(report().milliseconds(OURS, 5)).tolist() == [2, 2, 9, 4, 4, 4]


def test_page_has_tables_versions_and_no_paths(tmp_path):
    page = markdown(report(skipped={"trackers": "not there"}))
    assert f"| **{OURS}** | 4.00 (8.75) |" in page
    assert f"| **{OURS}** | 1.00 |" in page
    assert f"| norfair ({ADAPTERS['norfair'].setting}) | 1.25 |" in page
    assert f"| **{OURS}** | 64 | 0.25 |" in page
    assert (
        "mambatrack 1.0, norfair 2.3.0" in " ".join(page.split())
        and "- trackers: not there" in page
    )
    assert "mambatrack bench --peers \\\n        --peer norfair=PYTHON \\\n" in page
    prose = [line for line in page.splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= 100
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert len(tables) == 3 * 4


@pytest.mark.parametrize(
    ("dataset", "shown"),
    [("data/val", "data/val"), ("/home/me/data/dance/val", "data/dance/val"), ("/a/b/c", "b/c")],
)
def test_page_names_the_data_but_not_where_it_lies(dataset, shown):
    peers = {OURS: Peer("1.0", Score(**SCORE), [answer([1.0])])}
    page = markdown(PeerReport(peers, {}, {5: WARM_UP + 1}, Path(dataset), [], ()))
    assert f"--dataset {shown} \\" in page and f"`{shown}`:" in page
    assert f"| **{OURS}** | 51.3 | 0.0 | 0.0 | 0.0 | 0.0 | 7 |" in page
    assert "/home" not in page and "/a/b" not in page


@pytest.mark.parametrize("name", PEERS)
def test_installed_peers_follow_boxes(name):
    python = PYTHONS.get(ADAPTERS[name].package, sys.executable)
    if installed_version(name, python) is None:
        pytest.skip(f"needs the package {ADAPTERS[name].package}")
    given = moving_boxes(5, 60)
    gap = given._replace(detections=given.detections[given.detections[:, 0] != 30])
    [rows] = run_worker(name, python, [gap]).rows
    keys = rows[:, :2].astype(int)
    assert len(np.unique(keys, axis=0)) == len(keys) and (keys >= 0).all()
    assert keys[:, 0].max() == 60 and len(np.unique(keys[:, 1])) < 15
    assert len(rows) > 0.4 * 5 * 60
