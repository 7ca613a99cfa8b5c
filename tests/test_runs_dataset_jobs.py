import dataclasses
import json
import os

import pytest

from mambatrack.config import load_config
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.runs.dataset_jobs import plan, track_sequence
from mambatrack.simulation.world import write_sequence

KALMAN = load_config(overrides={"tracker.predictor": "kalman"})


@pytest.fixture
def sequences(tmp_path):
    for seed, name in enumerate(("a", "b")):
        write_sequence(tmp_path / "data" / name, seed=seed, people=3, frames=25, size=(320, 240))
    return find_sequences(tmp_path / "data")


def test_a_finished_sequence_is_not_tracked_again(sequences, tmp_path):
    first, second = plan(sequences, KALMAN, tmp_path / "out")
    totals = track_sequence(first)
    assert (totals.name, totals.frames) == ("a", 25) and totals.tracks > 0
    assert [job.sequence.name for job in plan(sequences, KALMAN, tmp_path / "out")] == ["b"]
    track_sequence(second)
    assert plan(sequences, KALMAN, tmp_path / "out") == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.jsonl", "a.txt", "b.jsonl", "b.txt", "run.json",
    ]  # fmt: skip
    assert len(plan(sequences, KALMAN, tmp_path / "out", overwrite=True)) == 2


def test_new_detections_make_a_result_old(sequences, tmp_path):
    [job] = plan(sequences[:1], KALMAN, tmp_path / "out")
    track_sequence(job)
    later = job.result.stat().st_mtime + 5
    os.utime(sequences[0].det_path, (later, later))
    assert plan(sequences[:1], KALMAN, tmp_path / "out") == [job]


@pytest.mark.parametrize(
    ("given", "looks"),
    [
        ({}, False),
        ({"tracker.camera": "pictures"}, True),
        ({"appearance.embedder": "colour"}, True),
    ],
)
def test_new_pictures_make_a_result_old_that_looked_at_them(sequences, tmp_path, given, looks):
    images = sequences[0].folder / "img1"
    images.mkdir()
    picture = images / "000001.png"
    picture.touch()
    sequence = dataclasses.replace(sequences[0], images=images)
    config = load_config(overrides=given)
    [job] = plan([sequence], config, tmp_path / "out")
    job.result.touch()
    assert plan([sequence], config, tmp_path / "out") == []
    later = job.result.stat().st_mtime + 5
    os.utime(picture, (later, later))
    assert plan([sequence], config, tmp_path / "out") == ([job] if looks else [])


def test_an_interrupted_sequence_leaves_nothing(sequences, tmp_path, monkeypatch):
    [job] = plan(sequences[:1], KALMAN, tmp_path / "out")

    def interrupted(self, report):
        raise KeyboardInterrupt

    monkeypatch.setattr("mambatrack.runs.run.Run.go", interrupted)
    with pytest.raises(KeyboardInterrupt):
        track_sequence(job)
    assert [path.name for path in job.folder.iterdir()] == ["run.json"]


def test_results_of_other_settings_are_never_mixed(sequences, tmp_path):
    for job in plan(sequences, KALMAN, tmp_path / "out"):
        track_sequence(job)
    other = load_config(overrides={"tracker.predictor": "kalman", "tracker.max_age": 90})
    with pytest.raises(MambatrackError, match=r"max_age was 120, is 90\); use --overwrite"):
        plan(sequences, other, tmp_path / "out")
    (tmp_path / "out" / "run.json").unlink()
    with pytest.raises(MambatrackError, match=r"a\.txt exists, but no run\.json"):
        plan(sequences, KALMAN, tmp_path / "out")


def test_results_from_before_a_setting_was_renamed_go_on(sequences, tmp_path):
    first, _ = plan(sequences, KALMAN, tmp_path / "out")
    track_sequence(first)
    record = tmp_path / "out" / "run.json"
    before = json.loads(record.read_text())
    before["tracker"]["refill"] = before["tracker"].pop("straighten_history")
    record.write_text(json.dumps(before))
    assert [job.sequence.name for job in plan(sequences, KALMAN, tmp_path / "out")] == ["b"]
    assert json.loads(record.read_text())["tracker"]["straighten_history"] is False
    before["tracker"]["refill"] = True
    record.write_text(json.dumps(before))
    with pytest.raises(MambatrackError, match="straighten_history was True, is False"):
        plan(sequences, KALMAN, tmp_path / "out")


@pytest.mark.parametrize("text", ["", "[]", "5", "[" * 5000, '{"tracker": 5}'])
def test_a_damaged_record_is_one_of_other_settings(sequences, tmp_path, text):
    track_sequence(plan(sequences, KALMAN, tmp_path / "out")[0])
    (tmp_path / "out" / "run.json").write_text(text)
    with pytest.raises(MambatrackError, match="holds results of other settings"):
        plan(sequences, KALMAN, tmp_path / "out")


def test_a_changed_weights_file_counts_as_another_setting(sequences, tmp_path):
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"one")
    config = load_config(overrides={"tracker.predictor": str(weights)})
    [job] = plan(sequences[:1], config, tmp_path / "out")
    job.result.write_text("")
    assert plan(sequences[:1], config, tmp_path / "out") == []
    weights.write_bytes(b"two")
    with pytest.raises(MambatrackError, match="predictor_sha256 was"):
        plan(sequences[:1], config, tmp_path / "out")


def test_the_side_file_has_every_state(sequences, tmp_path):
    [job] = plan(sequences[:1], KALMAN, tmp_path / "out")
    track_sequence(job)
    lines = [json.loads(line) for line in (tmp_path / "out/a.jsonl").read_text().splitlines()]
    seen = sum(each["state"] == "observed" for line in lines[1:] for each in line["tracks"])
    assert seen == len(read_mot(job.result)) and len(lines) == 26


def test_what_cannot_be_tracked_is_told_at_once(sequences, tmp_path):
    blind = dataclasses.replace(sequences[0], det_path=None)
    with pytest.raises(MambatrackError, match=r"a in .* has no det/det\.txt"):
        plan([blind], KALMAN, tmp_path / "out")
    with pytest.raises(MambatrackError, match="two sequences are named a"):
        plan([sequences[0]] * 2, KALMAN, tmp_path / "out")
    motion = load_config(overrides={"detector.name": "motion"})
    with pytest.raises(MambatrackError, match="has no img1/"):
        plan(sequences, motion, tmp_path / "out")
    weights = load_config(overrides={"detector.weights": "a.txt"})
    with pytest.raises(MambatrackError, match=r"a\.txt would not be used"):
        plan(sequences, weights, tmp_path / "out")
    assert not (tmp_path / "out").exists()
