"""Training of the gap filler."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from mambatrack.datasets.sequences import Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import (
    GapFiller,
)
from mambatrack.learning.gap_training import GapFillingConfig, train_gap_filling
from test_gaps_filling import LONGEST, Q, random_gap
from worlds import write_world

pytestmark = pytest.mark.usefixtures("quick_trainings")


def world(folder, people=3, frames=120, seed=0):
    """People who walk in curves, with detections that err and are missed at times."""
    rng = np.random.default_rng(seed)
    t = np.arange(frames)
    centres = [
        np.stack([300 + 200 * np.sin(t / 25 + i), 250 + 40 * np.cos(t / 17 + i)], 1)
        for i in range(people)
    ]
    boxes = np.concatenate([np.hstack([each - [20, 45], each + [20, 45]]) for each in centres])
    truth = Trajectories(
        np.tile(t + 1, people), np.repeat(np.arange(people), frames), boxes.astype(np.float32)
    )
    noisy = boxes + rng.normal(0, 1.5, boxes.shape)
    rows = np.column_stack(
        [truth.frame, -np.ones(len(boxes)), noisy[:, :2], noisy[:, 2:] - noisy[:, :2],
         rng.uniform(0.65, 1, len(boxes))]
    )  # fmt: skip
    missed = rng.random(len(rows)) < 0.03
    return write_world(folder, truth, rows[~(missed | np.roll(missed, 1) | np.roll(missed, 2))])


def test_training_writes_a_filler_and_learns(tmp_path):
    for i in range(4):
        world(tmp_path / "data" / f"w{i}", seed=i)
    recipe = GapFillingConfig(
        d_model=8, layers=1, d_state=2, q=Q, longest=LONGEST, batch_size=32, steps=60,
        checkpoint_every=30, licence="ours",
    )  # fmt: skip
    lines = []
    train_gap_filling([tmp_path / "data"], replace(recipe, steps=1), tmp_path / "untrained")
    path = train_gap_filling([tmp_path / "data"], recipe, tmp_path / "run", lines.append)
    losses = [_losses(tmp_path / name) for name in ("untrained", "run")]
    logged = [each.logged["validation"] for each in lines if each.logged]
    assert [len(each) for each in losses] == [1, len(logged)] == [1, 2]
    assert losses[1][-1] < losses[0][0] - 0.1
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["architecture"]["kind"] == "refill" and card["licence"] == "ours"
    assert card["training"]["step"] == 60 and min(card["calibration"]) > 0
    ends = random_gap(np.random.default_rng(0))
    (filled,) = GapFiller(path)([ends])
    assert np.isfinite(filled.boxes).all()
    first = path.read_bytes()
    assert train_gap_filling([tmp_path / "data"], recipe, tmp_path / "again").read_bytes() == first


def _losses(folder):
    with (folder / "log.csv").open() as file:
        return [float(row["validation"]) for row in csv.DictReader(file)]


def test_training_needs_detections(tmp_path):
    sequence = world(tmp_path / "w")
    sequence.det_path.unlink()
    with pytest.raises(MambatrackError, match="at least 2 sequences"):
        train_gap_filling([tmp_path], GapFillingConfig(), tmp_path / "run")
