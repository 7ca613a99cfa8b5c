"""Real videos and sequences from end to end; skipped where ../shared is absent."""

import json

import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.datasets.sequences import find_sequences
from mambatrack.evaluation import score
from shared import needs


@pytest.fixture
def trackeval():
    return pytest.importorskip("trackeval", reason="needs the extra eval")


def test_players_of_a_real_video_are_found_and_held(tmp_path):
    video, weights = needs("videos/handball_panorama.mp4"), needs("models/bytetrack_nano.onnx")
    command = ["track", str(video), "--crop", "1800:0:4200:1080", "--stop", "12", "--quiet"]
    command += ["--detector", "yolox", "--weights", str(weights)]
    assert main([*command, "--jsonl", str(tmp_path / "out.jsonl")]) == 0
    frames = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()[1:]]
    seen = [{t["id"] for t in frame["tracks"] if t["state"] == "observed"} for frame in frames]
    assert np.mean([len(ids) for ids in seen]) >= 8
    assert len(seen[0] & seen[-1]) >= 0.6 * len(seen[0])


def test_both_predictors_on_a_real_sequence(tmp_path, trackeval):
    sequence = needs("data/dancetrack/val") / "dancetrack0097"
    scores = {}
    for predictor in ("mamba", "kalman"):
        out = tmp_path / predictor
        command = ["track", "--dataset", str(sequence), "--out", str(out), "--quiet"]
        assert main([*command, "--predictor", predictor]) == 0
        scores[predictor] = score(find_sequences(sequence), out).combined
    for each in scores.values():
        assert each.HOTA > 50 and each.MOTA > 70


def test_mot_folders_of_every_data_set_are_tracked_as_they_are(tmp_path, trackeval):
    data = needs("data/mot17/train")
    name = min((each.frames, each.name) for each in find_sequences(data) if each.det_path)[1]
    command = ["track", "--dataset", str(data / name), "--out", str(tmp_path), "--quiet"]
    assert main([*command, "--predictor", "kalman"]) == 0
    assert score(find_sequences(data / name), tmp_path).combined.HOTA > 40
