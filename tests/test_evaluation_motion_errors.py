import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from counted_predictors import Counted
from mambatrack.datasets.sequences import find_sequences, open_sequence
from mambatrack.errors import MambatrackError
from mambatrack.evaluation import motion_errors
from mambatrack.evaluation.motion_errors import evaluate_motion, named_predictors
from mambatrack.motion.classical import StillPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.simulation.world import write_sequence
from shared import needs

SEQINFO = "[Sequence]\nseqLength={}\nimWidth={}\nimHeight=480\n"


def sequence_of(folder: Path, tracks, width=640, first=1):
    """A sequence with one identity for each array [T, 4] of cxcywh boxes, from frame ``first``."""
    (folder / "gt").mkdir(parents=True)
    lines = []
    for identity, boxes in enumerate(tracks, start=1):
        for t, (x, y, w, h) in enumerate(np.asarray(boxes, float)):
            left, top = x - w / 2, y - h / 2
            lines.append(f"{first + t},{identity},{left!r},{top!r},{w!r},{h!r},1,1,1\n")
    (folder / "gt/gt.txt").write_text("".join(lines).replace("np.float64(", "").replace(")", ""))
    length = max(len(boxes) for boxes in tracks) + first - 1
    (folder / "seqinfo.ini").write_text(SEQINFO.format(length, width))
    return open_sequence(folder)


def line(frames, start=(50, 100), velocity=(0, 0), size=(20, 40)):
    centre = np.array(start, float) + np.arange(frames)[:, None] * velocity
    return np.column_stack([centre, np.tile(size, (frames, 1))])


def by_key(report):
    return {(each.where, each.predictor, each.horizon): each for each in report.errors}


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    folder = write_sequence(tmp_path_factory.mktemp("world") / "seq", seed=3, people=5, frames=60)
    return open_sequence(folder)


def test_known_answers_of_people_who_walk_and_stand(tmp_path):
    walker = sequence_of(tmp_path / "walks", [line(60, velocity=(4, -1))])
    errors = by_key(evaluate_motion([walker], named_predictors(["velocity", "still"]), stride=7))
    for horizon in (1, 5, 10, 20, 30):
        exact, still = (errors["all", name, horizon] for name in ("velocity", "still"))
        assert exact.iou == pytest.approx(1) and exact.centre_mean == pytest.approx(0, abs=1e-6)
        expected = horizon * np.hypot(4, 1) / 40
        assert still.centre_mean == pytest.approx(expected, rel=1e-5)
        assert still.centre_median == pytest.approx(expected, rel=1e-5)
    shared = (20 - 4) * (40 - 1)
    assert errors["all", "still", 1].iou == pytest.approx(shared / (2 * 800 - shared), rel=1e-5)
    assert errors["all", "still", 10].iou == 0

    standing = sequence_of(tmp_path / "stands", [line(60)])
    for error in evaluate_motion([standing], named_predictors(["velocity", "still"])).errors:
        assert (error.iou, error.centre_mean, error.centre_median) == (1, 0, 0)


def test_every_horizon_says_how_many_cut_points_reach_it(tmp_path):
    sequence = sequence_of(tmp_path / "s", [line(11 + 12), line(11 + 3, start=(300, 100))])
    report = evaluate_motion([sequence], named_predictors(["still"]), (1, 3, 4, 12, 13), stride=5)
    # the first is cut in frames 11, 16 and 21, the second in frame 11
    found = {each.horizon: each.n for each in report.errors if each.where == "all"}
    assert found == {1: 4, 3: 3, 4: 2, 12: 1}  # nobody reaches 13


def test_a_gap_ends_a_track(tmp_path):
    sequence = sequence_of(tmp_path / "s", [line(40)])
    text = (tmp_path / "s/gt/gt.txt").read_text().splitlines(keepends=True)
    del text[20]
    (tmp_path / "s/gt/gt.txt").write_text("".join(text))
    errors = by_key(evaluate_motion([sequence], named_predictors(["still"]), (1, 9, 10), stride=1))
    # boxes 1 to 20 are cut after 11 to 19, boxes 22 to 40 after 11 to 18 of them
    assert [errors["all", "still", h].n for h in (1, 9)] == [9 + 8, 1]
    assert ("all", "still", 10) not in errors


def test_crossings_are_cut_points_where_people_overlap(tmp_path):
    left, right = line(60, velocity=(1, 0)), line(60, start=(109, 100), velocity=(-1, 0))
    sequence = sequence_of(tmp_path / "s", [left, right])
    errors = by_key(evaluate_motion([sequence], named_predictors(["still"]), (1,), stride=1))
    distance = np.abs(left - right)[10:-1, 0]
    overlap = np.maximum(20 - distance, 0) / (20 + np.minimum(distance, 20))
    assert errors["crossings", "still", 1].n == 2 * (overlap >= 0.4).sum() > 0
    assert errors["all", "still", 1].n == 2 * 49


class _Walk(Predictor):
    """Expects a random walk of ``step`` pixels a frame; the state ends with the frames unseen."""

    state_size = 5

    def __init__(self, step):
        self.step = step

    def start(self, boxes):
        return np.column_stack([boxes, np.zeros(len(boxes))]).astype(np.float32)

    def predict(self, state):
        state[:, 4] += 1
        spread = np.repeat(self.step * np.sqrt(state[:, 4:]), 4, axis=1)
        return state[:, :4].copy(), spread

    def correct(self, state, rows, boxes):
        state[rows] = self.start(boxes)


def test_a_right_spread_is_called_right_and_half_of_it_too_small(tmp_path):
    steps = np.random.default_rng(0).normal(0, 3, (20, 1500, 2))
    walks = np.concatenate([1000 + steps.cumsum(axis=1), np.full((20, 1500, 2), 60.0)], axis=2)
    sequence = sequence_of(tmp_path / "s", walks)
    makers = {"right": lambda size: _Walk(3), "half": lambda size: _Walk(1.5)}
    errors = by_key(evaluate_motion([sequence], makers, (1, 4), stride=5))
    for horizon in (1, 4):
        right, half = errors["all", "right", horizon], errors["all", "half", horizon]
        assert right.within_1 == pytest.approx(0.683, abs=0.015)
        assert right.within_2 == pytest.approx(0.954, abs=0.01)
        assert right.z_rms == pytest.approx(1, abs=0.03)
        assert half.within_1 == pytest.approx(0.383, abs=0.02)
        assert half.within_2 == right.within_1
        assert half.z_rms == pytest.approx(2 * right.z_rms)


def test_detections_are_a_harder_history_at_fewer_cut_points(synthetic):
    clean, noisy = (
        by_key(evaluate_motion([synthetic], named_predictors(["kalman"]), source=source, stride=5))
        for source in ("truth", "detections")
    )
    key = "all", "kalman", 1
    assert 0 < noisy[key].n < clean[key].n
    assert noisy[key].centre_mean > clean[key].centre_mean


def test_one_call_a_step_for_all_tracks_of_all_sequences(tmp_path):
    tracks = [line(60, start=(50 + 60 * i, 100)) for i in range(5)]
    sequences = [sequence_of(tmp_path / name, tracks) for name in ("a", "b", "c")]
    counted = Counted()
    evaluate_motion(sequences, {"kalman": lambda size: counted}, stride=1)
    assert len(counted.calls) <= 60 + 30 * np.ceil(3 * 5 * 49 / motion_errors.BATCH)


def test_a_predictor_is_made_for_each_image_size(tmp_path):
    sequences = [
        sequence_of(tmp_path / str(i), [line(30)], width) for i, width in enumerate([640, 800, 640])
    ]
    asked = []
    report = evaluate_motion(
        sequences, {"still": lambda size: (asked.append(size), StillPredictor())[1]}, (1,)
    )
    assert asked == [(640, 480), (800, 480)]
    assert report.errors[0].n == 3


def test_rows_are_plain_data_and_the_tables_show_them(synthetic):
    report = evaluate_motion([synthetic], named_predictors(["kalman", "still"]), (1, 5))
    rows = json.loads(json.dumps(report.rows()))
    assert [list(row)[:4] for row in rows] == [["source", "where", "predictor", "horizon"]] * len(
        rows
    )
    assert [(row["predictor"], row["horizon"]) for row in rows[:4]] == [
        ("kalman", 1), ("still", 1), ("kalman", 5), ("still", 5),
    ]  # fmt: skip
    assert rows[1]["z_rms"] is None and rows[0]["z_rms"] > 0
    for markdown, mark in ((False, "histories from truth"), (True, "**")):
        console = Console(file=io.StringIO(), width=100)
        console.print(report.table(markdown=markdown))
        text = console.file.getvalue()
        assert mark in text and "still" in text and f"{rows[0]['iou']:.3f}" in text
        assert "…" not in text
    assert sum(line.startswith("|-") for line in text.splitlines()) == 1


@pytest.mark.parametrize(
    "changed, reason",
    [
        ({"predictors": {}}, "expected a predictor"),
        ({"horizons": ()}, "positive horizons"),
        ({"horizons": (0, 1)}, "positive horizons"),
        ({"warmup": 0}, "positive"),
        ({"stride": 0}, "positive"),
        ({"source": "dreams"}, "truth or detections"),
        ({"source": "detections"}, "no detections"),
        ({"warmup": 31}, "no track in 1 sequence has 31 boxes"),
    ],
)
def test_mistakes_are_explained(tmp_path, changed, reason):
    sequence = sequence_of(tmp_path / "s", [line(31)])
    arguments = {"predictors": named_predictors(["still"])} | changed
    with pytest.raises(MambatrackError, match=reason):
        evaluate_motion([sequence], **arguments)


def test_an_unknown_predictor_is_refused_before_anything_is_read(tmp_path):
    sequence = sequence_of(tmp_path / "s", [line(31)])
    (tmp_path / "s/gt/gt.txt").write_text("no number")
    with pytest.raises(MambatrackError, match="kalmann not found"):
        evaluate_motion([sequence], named_predictors(["kalmann"]))


def test_dancers_are_harder_to_foresee_the_further_ahead():
    sequences = find_sequences(needs("data/dancetrack/val/dancetrack0004"))
    for source in ("truth", "detections"):
        report = evaluate_motion(sequences, named_predictors(["kalman", "still"]), source=source)
        for name in ("kalman", "still"):
            overlap = [
                each.iou for each in report.errors if each.predictor == name and each.where == "all"
            ]
            assert len(overlap) == 5 and overlap == sorted(overlap, reverse=True)
            assert overlap[0] > 0.8
