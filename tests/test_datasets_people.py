"""The people of a sequence as arrays over frames and people."""

import numpy as np

from mambatrack.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mambatrack.datasets.people import in_model_frames, read_people
from mambatrack.datasets.sequences import Trajectories, open_sequence
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.simulation.world import write_sequence
from worlds import write_world

# (frame, id, left): 7 is there in frames 1, 2 and 4; 9 stands half in front of it in frame 2
ROWS = [(1, 7, 100), (2, 7, 110), (2, 9, 130), (4, 7, 120), (4, 9, 300)]


def truth_of(rows):
    table = np.array(rows, np.int64)
    left = table[:, 2].astype(np.float32)
    boxes = np.stack([left, 0 * left + 20, left + 40, 0 * left + 120], axis=1)
    return Trajectories(table[:, 0], table[:, 1], boxes)


def detections(truth, rows, scores):
    boxes = truth.boxes[rows]
    sides = boxes[:, 2:] - boxes[:, :2]
    frame = truth.frame[rows]
    return np.column_stack([frame, np.full(len(rows), -1), boxes[:, :2], sides, scores])


def test_boxes_ages_and_overlaps(tmp_path):
    truth = truth_of(ROWS)
    people = read_people(write_world(tmp_path / "a", truth, detections(truth, [0], [0.9])))
    assert people.boxes.shape == (4, 2, 4) and people.found is None
    assert np.isnan(people.boxes[2]).all() and np.isnan(people.boxes[0, 1]).all()
    np.testing.assert_allclose(people.boxes[1, 0], [130, 70, 40, 100], atol=1e-3)
    assert people.age.tolist() == [[1, 0], [2, 1], [0, 0], [1, 1]]
    assert people.overlap[1, 0] == people.overlap[1, 1] > 0.3
    assert people.overlap[0].tolist() == people.overlap[3].tolist() == [0, 0]


def test_detections_lie_where_their_people_are_whatever_their_score(tmp_path):
    truth = truth_of(ROWS)
    found = detections(truth, [0, 2, 4], [0.9, 0.05, 0.5])
    people = read_people(write_world(tmp_path / "a", truth, found), detected=True)
    seen = ~np.isnan(people.found[..., 0])
    assert seen.tolist() == [[True, False], [False, True], [False, False], [False, True]]
    np.testing.assert_allclose(people.found[seen], people.boxes[seen], atol=1e-2)


def test_people_in_frames_of_the_motion_model_go_straight_from_picture_to_picture(tmp_path):
    truth = truth_of(ROWS)
    plain = read_people(
        write_world(tmp_path / "a", truth, detections(truth, [0, 2], [0.9, 0.5])), detected=True
    )
    people = in_model_frames(plain, 3)
    assert in_model_frames(plain, 1) is plain
    assert people.boxes.shape == (10, 2, 4) and people.step == 3
    np.testing.assert_array_equal(people.boxes[::3], plain.boxes)
    np.testing.assert_allclose(people.boxes[:4, 0, 0], [120, 120 + 10 / 3, 120 + 20 / 3, 130])
    assert people.age[:, 0].tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 0, 1]
    seen = ~np.isnan(people.found[..., 0])
    assert seen[::3].tolist() == (~np.isnan(plain.found[..., 0])).tolist() and seen.sum() == 2
    assert people.pictured(np.arange(4)).tolist() == [True, False, False, True]
    assert people.overlap[3:6, 0].tolist() == [plain.overlap[1, 0]] * 3


def test_a_made_up_world_is_read_whole(tmp_path):
    sequence = open_sequence(write_sequence(tmp_path / "walk", people=4, frames=30))
    truth, people = read_ground_truth(sequence), read_people(sequence, detected=True)
    present = ~np.isnan(people.boxes[..., 0])
    assert present.sum() == len(truth)
    np.testing.assert_allclose(
        np.sort(people.boxes[present], axis=0), np.sort(xyxy_to_cxcywh(truth.boxes), axis=0)
    )
    seen = ~np.isnan(people.found[..., 0])
    assert not (seen & ~present).any() and seen.sum() > 0.6 * present.sum()
    shared = iou(cxcywh_to_xyxy(people.found[seen]), cxcywh_to_xyxy(people.boxes[seen]))
    assert np.diag(shared).min() >= 0.4
