from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.boxes import iou, ltwh_to_xyxy
from mambatrack.datasets.matching import DetectionRows, detection_rows, match
from mambatrack.datasets.sequences import Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.simulation.crossing_context import describe_scene
from mambatrack.simulation.detector_errors import Errors
from mambatrack.simulation.error_runs import (
    _alone,
    _crossings,
    _suppress,
    bootstrap_detections,
    measure_runs,
)
from worlds import write_world

SIZE = (960, 540)


def walk(first, frames=60, left=100.0, top=100.0, speed=0.0, height=100.0):
    """frame, id, boxes of one person."""
    frame = np.arange(frames) + 1
    x = left + speed * np.arange(frames)
    y = np.full(frames, top)
    return frame, np.full(frames, first), np.stack([x, y, x + 40, y + height], axis=1)


def people(*walks) -> Trajectories:
    frame, identity, boxes = (np.concatenate(column) for column in zip(*walks, strict=True))
    return Trajectories(frame, identity, boxes.astype(np.float32))


def crossing(shift=0.0, speed=4.0) -> Trajectories:
    """1 passes in front of 2, from the left to the right where speed > 0; 3 stands apart."""
    start = 200 - 30 * speed + shift
    return people(
        walk(1, left=start, top=110, speed=speed), walk(2, left=200 + shift), walk(3, left=700)
    )


def detect(truth, score=0.9, wider=0.0):
    """Detections of all true boxes, whose right edges are ``wider`` shares of the width off."""
    sides = (truth.boxes[:, 2:] - truth.boxes[:, :2]) * [1 + wider, 1]
    scores = np.broadcast_to(score, len(truth))
    return np.column_stack(
        [truth.frame, np.full(len(truth), -1), truth.boxes[:, :2], sides, scores]
    )


def hidden_missed(truth):
    """Detections without those of 2 while 1 is in front of it, and which true boxes those are."""
    rows = detect(truth)
    overlap = iou(truth.boxes[truth.id == 1], truth.boxes[truth.id == 2]).diagonal()
    missed = np.zeros(len(truth), bool)
    missed[truth.id == 2] = overlap > 0.4
    return rows[~missed], missed


def simulate(truth, bank, seed=0):
    return bootstrap_detections(truth, SIZE, bank, np.random.default_rng(seed))


def test_perfect_detections_give_the_truth(tmp_path):
    truth = crossing()
    bank = measure_runs([write_world(tmp_path / "a", truth, detect(truth))])
    rows = simulate(truth, bank)
    order = np.lexsort((truth.boxes[:, 0], truth.frame))
    found = rows[np.lexsort((rows[:, 2], rows[:, 0]))]
    apart = replace(bank, separate=1.0)
    assert len(simulate(truth, apart)) == len(truth)
    assert len(rows) <= len(truth)
    assert (found[:, 6] == 0.9).all()
    whole = simulate(truth, apart)
    whole = whole[np.lexsort((whole[:, 2], whole[:, 0]))]
    np.testing.assert_allclose(ltwh_to_xyxy(whole[:, 2:6]), truth.boxes[order], atol=1e-3)


@pytest.mark.parametrize("speed", [4.0, -4.0])
def test_who_is_hidden_is_missed_as_in_the_bank(tmp_path, speed):
    real = crossing()
    rows, _ = hidden_missed(real)
    bank = measure_runs([write_world(tmp_path / "a", real, rows)])
    truth = crossing(shift=50.0, speed=speed)
    matched = match(truth, detection_rows(simulate(truth, bank)))
    _, missed = hidden_missed(truth)
    assert missed.sum() > 4
    agree = (matched < 0) == missed
    assert agree[truth.id == 2].mean() > 0.9
    assert agree[truth.id != 2].all()


def test_errors_are_mirrored_with_the_crossing(tmp_path):
    """In the bank 1 comes from the left and the boxes of 2 are drawn out to the right."""
    real = crossing()
    rows = detect(real)
    touched = iou(real.boxes[real.id == 1], real.boxes[real.id == 2]).diagonal() > 0
    widened = np.zeros(len(real), bool)
    widened[real.id == 2] = touched
    rows[widened, 4] *= 1.3
    bank = measure_runs([write_world(tmp_path / "a", real, rows)])
    truth = crossing(speed=-4.0)
    found = detection_rows(simulate(truth, bank))
    matched = match(truth, found)
    near = np.flatnonzero((truth.id == 2) & (matched >= 0))
    middle = near[np.abs(truth.frame[near] - 30) < 5]
    off = found.boxes[matched[middle]] - truth.boxes[middle]
    assert len(middle)
    np.testing.assert_allclose(off[:, 0], -12, atol=0.1)
    np.testing.assert_allclose(off[:, 2], 0, atol=0.1)


def test_one_seed_one_result(tmp_path):
    real = crossing()
    sequence = write_world(
        tmp_path / "a", real, detect(real, np.linspace(0.1, 0.9, len(real)), 0.05)
    )
    bank, again = measure_runs([sequence]), measure_runs([sequence])
    truth = crossing(shift=30.0)
    np.testing.assert_array_equal(simulate(truth, bank), simulate(truth, again))
    assert not np.array_equal(simulate(truth, bank), simulate(truth, bank, seed=1))


def test_a_sequence_takes_the_errors_of_one_scene(tmp_path):
    real = people(walk(1, frames=600))
    scenes = [write_world(tmp_path / str(s), real, detect(real, s)) for s in (0.3, 0.8)]
    bank = measure_runs(scenes)
    weak = np.array([np.mean(simulate(real, bank, seed)[:, 6] == 0.3) for seed in range(12)])
    assert set(weak.round().tolist()) == {0, 1}
    assert (np.abs(weak - 0.5) > 0.4).all()


def test_two_who_cross_are_one_block_and_every_row_is_in_one():
    scene = describe_scene(crossing(), SIZE)
    pairs, taken = _crossings(scene)
    assert len(pairs.anchors)
    assert set(scene.truth.id[pairs.rows].tolist()) == {1, 2}
    assert (scene.truth.id[pairs.anchors] == [2, 1]).all()
    alone = _alone(scene, taken, np.random.default_rng(0))
    rows = np.concatenate([pairs.rows, *(each.rows for each in alone)])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(scene.truth)))


def test_suppresses_the_weaker_of_two():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [3, 0, 13, 10], [0, 0, 10, 10]], np.float32)
    found = DetectionRows(np.array([1, 1, 1, 2]), boxes, np.array([0.9, 0.8, 0.7, 0.1]))
    assert _suppress(found, 0.7).tolist() == [True, False, True, True]


def test_the_bank_knows_the_threshold_of_the_detector(tmp_path):
    truth = people(walk(1, left=100), walk(2, left=110))
    bank = measure_runs([write_world(tmp_path / "a", truth, detect(truth))])
    assert bank.separate == pytest.approx(30 / 50)


def test_needs_true_boxes(tmp_path):
    sequence = write_world(tmp_path / "a", crossing(), detect(crossing()))
    (tmp_path / "a/gt/gt.txt").write_text("1,1,0,0,5,5,0,1,1\n")
    with pytest.raises(MambatrackError, match="no true box"):
        measure_runs([sequence])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.booleans())
def test_mirrored_twice_is_unchanged(edges, flip):
    errors = Errors(np.array([[0.5]]), np.array([[edges]]))
    rows, flipped = np.array([0]), np.array([flip])
    again = errors.take(rows, flipped).take(rows, flipped)
    np.testing.assert_array_equal(again.edges, errors.edges)
    left, top, right, bottom = edges
    turned = errors.take(rows, np.array([True])).edges[0, 0]
    np.testing.assert_array_equal(turned, [-right, top, -left, bottom])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 30), st.floats(-8, 8))
def test_any_scene_gives_boxes_in_the_image(tmp_path_factory, seed, frames, speed):
    real = crossing()
    folder = tmp_path_factory.mktemp("bank") / "a"
    bank = measure_runs([write_world(folder, real, detect(real, wider=0.1))])
    truth = people(walk(7, frames, left=30, speed=speed), walk(9, frames, left=60, top=500))
    rows = simulate(truth, bank, seed)
    boxes = ltwh_to_xyxy(rows[:, 2:6])
    assert (boxes >= 0).all()
    assert (boxes <= [*SIZE, *SIZE]).all()
    assert (np.diff(rows[:, 0]) >= 0).all()
    assert set(rows[:, 0]) <= set(truth.frame.tolist())
