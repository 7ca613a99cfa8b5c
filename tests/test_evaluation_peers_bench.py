import os
import sys

import numpy as np
import pytest

from fake_norfair import install_fake_norfair
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers.bench import bench_peers, parse_pythons, write_results
from mambatrack.evaluation.peers.process import installed_version, run_worker
from mambatrack.evaluation.peers.results import OURS
from mambatrack.evaluation.peers.synthetic_boxes import moving_boxes
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, apart, real
from mambatrack.evaluation.peers.worker import ADAPTERS
from mambatrack.simulation.world import write_sequence

# other interpreters for the peers, as MAMBATRACK_PEERS="trackers=PYTHON norfair=PYTHON"
PYTHONS = parse_pythons(os.environ.get("MAMBATRACK_PEERS", "").split())
OURS_KALMAN = "mambatrack kalman"
PEERS = [name for name, adapter in ADAPTERS.items() if adapter.package != "mambatrack"]


def test_interpreters_are_read_from_the_command_line():
    assert parse_pythons([]) == {}
    assert parse_pythons([f"norfair={sys.executable}"]) == {"norfair": sys.executable}
    for wrong in ("norfair", "norfair=", "sort=python", f"{sys.executable}"):
        with pytest.raises(MambatrackError, match="NAME=PYTHON.*trackers, norfair, boxmot"):
            parse_pythons([wrong])
    with pytest.raises(MambatrackError, match="not a program"):
        parse_pythons(["norfair=/no/such/python"])


def test_missing_and_failing_peers_are_left_out(tmp_path, monkeypatch):
    install_fake_norfair(tmp_path, monkeypatch, "raise RuntimeError('no luck')")
    lines, page, timed = [], tmp_path / "benchmarks.md", [apart(3, WARM_UP + 2)]
    names = (OURS, "norfair", "boxmot ByteTrack", "boxmot OC-SORT")
    found = bench_peers(None, page, None, 1, lines.append, names=names, timed=timed)
    assert list(found.peers) == [OURS] and found.ratio(OURS, "3 objects") == 1
    assert "DIR/bin/pip install boxmot" in found.skipped["boxmot"]
    assert "--peer boxmot=DIR/bin/python" in found.skipped["boxmot"]
    assert found.skipped["norfair"].endswith("RuntimeError: no luck")
    assert sum("boxmot is left out" in line for line in lines) == 1
    text = page.read_text()
    assert "## Not run" in text and "no luck" in text and "## Scores" not in text


def test_scores_of_a_data_set(tmp_path, monkeypatch):
    pytest.importorskip("trackeval")
    install_fake_norfair(tmp_path, monkeypatch)
    for name in ("a", "b"):
        write_sequence(tmp_path / "data/val" / name, seed=3, people=4, frames=30)
    found = bench_peers(
        tmp_path / "data/val", passes=1, results=tmp_path / "results",
        timed=[real(tmp_path / "data/val", WARM_UP + 2)], names=(OURS_KALMAN, "norfair"),
    )  # fmt: skip
    assert [len(each) for each in found.milliseconds("norfair", "real boxes")] == [2 * 2]
    ours, fake = (found.peers[name].score for name in (OURS_KALMAN, "norfair"))
    assert ours.HOTA > 50 and ours.HOTA > fake.HOTA > 0
    files = [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.glob("results/*/*"))]
    assert files == [f"results/{name}.txt" for name in (
        "mambatrack-kalman/a", "mambatrack-kalman/b", "norfair/a", "norfair/b"
    )]  # fmt: skip
    with pytest.raises(MambatrackError, match="kalman/a.txt exists; use --overwrite"):
        bench_peers(tmp_path / "data/val", results=tmp_path / "results", names=(OURS_KALMAN,))


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
