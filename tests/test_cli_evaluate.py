import csv
import json
import shutil

import cv2
import pytest

from mambatrack.cli import main, progress
from mambatrack.datasets.sequences import find_sequences
from mambatrack.evaluation import Score, score
from mambatrack.simulation.world import write_sequence


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two sequences below val/, one of them without detections below test/."""
    root = tmp_path_factory.mktemp("world")
    for seed, name in enumerate(("a", "b")):
        write_sequence(root / "data/val" / name, seed=seed, people=5, frames=60, size=(480, 270))
    write_sequence(root / "data/test/c", seed=7, people=3, frames=20, size=(320, 240))
    shutil.rmtree(root / "data/test/c/gt")
    out = ["--out", str(root / "tracks"), "--predictor", "kalman", "still"]
    out += ["--tracker.association", "overlap"]
    assert main(["eval", "--dataset", str(root / "data"), "--split", "val", *out, "--quiet"]) == 0
    return root


@pytest.fixture
def evaluate(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*options):
        return main(
            ["eval", "--dataset", str(world / "data"), "--split", "val", *map(str, options)]
        )

    return run


def test_tracked_and_scored_in_one_command(world, evaluate, tmp_path, capsys):
    assert evaluate("--predictor", "kalman", "--csv", "s.csv", "--json", "s.json") == 0
    printed = capsys.readouterr().out
    assert "HOTA" in printed and "COMBINED" in printed
    [folder] = (tmp_path / "results").iterdir()
    assert folder.name.startswith("kalman-") and (folder / "a.txt").exists()
    expected = score(find_sequences(world / "data/val"), folder)
    with open("s.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sequence"] for row in rows] == ["a", "b", "COMBINED"]
    assert [float(rows[2][name]) for name in Score._fields] == list(expected.combined)
    stored = json.loads((tmp_path / "s.json").read_text())["trackers"]["kalman"]
    assert stored["combined"] == expected.combined._asdict()
    assert stored["sequences"]["b"] == expected.sequences["b"]._asdict()


def test_trackers_side_by_side_by_the_names_of_their_folders(world, evaluate, capsys):
    assert evaluate("--trackers", world / "tracks/kalman", world / "tracks/still") == 0
    printed = capsys.readouterr().out
    assert "all sequences" in printed and "kalman" in printed and "still" in printed
    assert evaluate("--trackers", world / "tracks/kalman", world / "tracks/kalman/") == 1
    assert "a tracker is named twice" in capsys.readouterr().err


def test_processes_give_the_same_scores(world, evaluate, tmp_path):
    assert evaluate("--results", world / "tracks/kalman", "--json", "one.json", "--quiet") == 0
    two = ("--workers", 2, "--json", "two.json", "--quiet")
    assert evaluate("--results", world / "tracks/kalman", *two) == 0
    assert (tmp_path / "one.json").read_text() == (tmp_path / "two.json").read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_while_it_tracks_and_for_what_is_there_already(
    evaluate, capsys, monkeypatch, workers
):
    monkeypatch.setattr(progress, "INTERVAL_S", 0)
    options = ("--predictor", "still", "--out", "out", "--workers", workers)
    assert evaluate(*options) == 0
    lines = capsys.readouterr().err.splitlines()
    told = [int(line.split()[1]) for line in lines if line.startswith("tracking: ")]
    assert told == sorted(told) and told[-1] == 120
    assert workers == 2 or len(told) > 100
    assert evaluate("--results", "out") == 0
    assert "scoring: 120 of 120 frames" in capsys.readouterr().err
    assert evaluate("--results", "out", "--quiet") == 0
    assert "frames" not in capsys.readouterr().err


def test_what_lies_behind_the_scores(world, evaluate, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    files = ("--switches", "w.csv", "--clips", "clips", "--plots", "plots", "--report", "r.html")
    trackers = ("--trackers", world / "tracks/kalman", world / "tracks/still")
    assert evaluate(*trackers, "--occlusion", *files, "--clip-limit", 1, "--json", "s.json") == 0
    printed = capsys.readouterr().out
    assert "kalman, interpolated" in printed and "Identity switches by cause" in printed
    stored = json.loads((tmp_path / "s.json").read_text())
    switches = stored["switches"]["kalman"]
    with open("w.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["tracker"] == "kalman"]
    assert len(rows) == len(switches) > 0
    assert sum(row["gaps"] for row in stored["occlusion"]["kalman"][:-1]) > 0
    [clip] = (tmp_path / "clips/kalman").iterdir()
    assert cv2.VideoCapture(str(clip)).read()[0]
    pictures = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"hota.png", "hota.svg", "sequences.png", "identities-still-b.svg"} <= pictures
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 3 + 4 and "<script" not in page
    assert "Objects without a detection" in page
    assert f"{len(switches)} switches of kalman" in page
    assert f"<video controls preload='metadata' src='clips/kalman/{clip.name}'>" in page
    assert page.count("src=") == 2 and "<h2>Clips of switches of still</h2>" in page
    assert "--clip-limit 1 --json s.json</pre>" in page and "results in " in page
    head = page.index("<th>tracker</th><th class='right'>HOTA</th><th class='right'>MOTA</th>")
    assert head < page.index("<h2>Scores</h2>")


def test_hostile_names_stay_text_in_the_report(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    name = "<b onload=alert(1)>&[bold]"
    write_sequence(tmp_path / "data" / name, people=3, frames=20, size=(320, 240))
    done = main(["eval", "--dataset", "data", "--predictor", "still", "--report", "r.html"])
    assert done == 0
    page = (tmp_path / "r.html").read_text()
    assert "  predictor: &quot;still&quot;  # " in page and "src=" not in page
    assert "\\[bold]" not in page and "<b onload" not in page
    assert "&lt;b onload=alert(1)&gt;&amp;[bold]" in page


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--results", "nowhere"], 1, "nowhere does not exist; expected a folder of MOT files"),
        (["--results", "."], 1, "no result for sequence a, b: expected a.txt"),
        (["--split", "train"], 1, "no sequence is in a folder named train; found test, val"),
        (["--results", "x", "--predictor", "still"], 2, "give only one of"),
        (["--results", "x", "--out", "y"], 2, "--out has no effect without something to track"),
        (["--address", "auto"], 2, "--address has no effect without --engine: add that"),
        (["--workers", "0"], 2, "--workers: expected a whole number from 1 on, found '0'"),
        (["--predictor", "kalman", "--weights", "w.txt"], 1, "w.txt would not be used"),
        (["--predictor", "kalman", "--detector", "motion"], 1, "has no img1/"),
        (["--csv", "no/s.csv"], 1, "folder no does not exist"),
    ],
)
def test_a_mistake_is_one_clear_line(evaluate, tmp_path, capsys, options, code, message):
    try:
        result = evaluate(*options)
    except SystemExit as stop:
        result = stop.code
    printed = capsys.readouterr()
    assert result == code and message in printed.err and "Traceback" not in printed.err
    assert list(tmp_path.iterdir()) == []


def test_sequences_without_truth_are_told_or_refused(world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["eval", "--dataset", str(world / "data"), "--results", str(world / "tracks/still")]
    assert main(command) == 0
    assert "warning: not scored, as they have no gt/gt.txt: c" in capsys.readouterr().err
    assert main([*command, "--strict"]) == 1
    assert "no gt/gt.txt: c (--strict)" in capsys.readouterr().err


def test_a_detector_runs_over_the_pictures_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path / "cache"))
    write_sequence(tmp_path / "data/a", people=3, frames=40, size=(320, 240), images=True)
    command = ["eval", "--dataset", "data", "--detector", "motion", "--predictor", "still"]
    assert main([*command, "--occlusion"]) == 0
    [entry] = (tmp_path / "cache/detections").iterdir()
    before = entry.stat().st_mtime_ns
    assert main([*command, "--overwrite"]) == 0 and entry.stat().st_mtime_ns == before
    assert main([*command, "--conf", "0.5"]) == 0
    assert len(list((tmp_path / "cache/detections").iterdir())) == 2
    entry.write_bytes(entry.read_bytes()[:100])
    capsys.readouterr()
    assert main([*command, "--overwrite"]) == 0
    assert f"{entry.name} is damaged; the detector runs again" in capsys.readouterr().err
