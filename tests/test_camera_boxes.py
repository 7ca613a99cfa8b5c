"""The estimate from boxes alone: what it finds, and that it keeps still where it cannot know."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.boxes import LOUD, BoxCamera, agreed_shift
from mambatrack.camera.transforms import CUT, UNKNOWN, as_motion, moved_boxes
from mambatrack.simulation.moving_camera import between, camera_views
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup

WORLD, SIZE, FRAMES = (960, 540), (640, 360), 80


def people(count, seed=0):
    """Boxes [count, 4] cxcywh of people who stand apart."""
    rng = np.random.default_rng(seed)
    places = np.stack([np.arange(count) * 80.0 + 40, rng.uniform(100, 300, count)], axis=1)
    return np.concatenate([places, np.tile([40.0, 100.0], (count, 1))], axis=1).astype(np.float32)


def spread_of(boxes):
    return np.full_like(boxes, 1.5)


@given(st.floats(-40, 40), st.floats(-40, 40), st.integers(0, 2**32 - 1))
def test_a_shift_of_all_is_found_whatever_the_order(x, y, seed):
    rng, boxes = np.random.default_rng(seed), people(8)
    seen = boxes + np.float32([x, y, 0, 0])
    seen[:, :2] += rng.normal(0, 0.5, (8, 2))
    found = agreed_shift(boxes, spread_of(boxes), rng.permutation(seen))
    assert found.shift == pytest.approx([x, y], abs=1) and found.people == 8
    assert found.gain > LOUD or np.hypot(x, y) < 8


def test_one_who_goes_elsewhere_does_not_matter():
    boxes = people(8)
    seen = boxes + np.float32([20, 5, 0, 0])
    seen[0, :2] = boxes[0, :2] + [-15, -20]
    found = agreed_shift(boxes, spread_of(boxes), seen)
    assert found.shift == pytest.approx([20, 5], abs=0.5) and found.people == 7


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_people_tell_nothing(count):
    boxes = people(count)
    assert BoxCamera()(boxes, spread_of(boxes), boxes + np.float32([20, 0, 0, 0])) is UNKNOWN


def test_what_is_quiet_is_believed_once_the_camera_is_known_to_move():
    """Seven of ten are a little off, all to one side."""
    boxes, camera = people(10), BoxCamera()
    seen = boxes + np.float32([4.5, 0, 0, 0])
    seen[7:] = boxes[7:]
    told = [camera(boxes, spread_of(boxes), seen) for _ in range(40)]
    assert told[0] is UNKNOWN and 0 < camera.evidence < LOUD
    assert told[-1].certainty > 0 and told[-1].transform[0, 2] == pytest.approx(4.5, abs=1.5)


def elsewhere(count, seed=1):
    """Boxes [count, 4] cxcywh of another view: people of other sizes and places."""
    rng = np.random.default_rng(seed)
    places = np.stack([np.arange(count) * 70.0 + 20, rng.uniform(400, 480, count)], axis=1)
    sides = rng.uniform(0.8, 2.5, (count, 1)) * [30.0, 80.0]
    return np.concatenate([places, sides], axis=1).astype(np.float32)


@pytest.mark.parametrize(("before", "after", "cut"), [(8, 8, True), (12, 8, True), (7, 12, False),
                                                      (12, 7, False)])  # fmt: skip
def test_a_cut_is_told_where_many_people_are_not_where_they_were(before, after, cut):
    boxes = people(before)
    told = BoxCamera()(boxes, spread_of(boxes), elsewhere(after))
    assert told is (CUT if cut else UNKNOWN)


@given(st.floats(-500, 500), st.floats(-500, 500), st.integers(0, 2**32 - 1))
def test_who_all_moved_alike_is_no_cut_however_far(x, y, seed):
    rng, boxes = np.random.default_rng(seed), people(10)
    seen = boxes + np.float32([x, y, 0, 0])
    seen[:3] = elsewhere(3)  # three of ten have gone, and others came
    assert not BoxCamera()(boxes, spread_of(boxes), rng.permutation(seen)).cut


def test_three_of_ten_who_stay_are_no_cut():
    boxes = people(10)
    seen = np.concatenate([boxes[:3], elsewhere(7)])
    assert not BoxCamera()(boxes, spread_of(boxes), seen).cut


@pytest.mark.parametrize("camera", ["boxes", "auto"])
def test_over_a_cut_that_boxes_tell_lost_tracks_wait_in_place(camera):
    tracker = Tracker(camera=camera, predictor="kalman", association="overlap")
    for step in range(8):
        tracks = tracker.update(cxcywh_to_xyxy(people(10) + np.float32([3 * step, 0, 0, 0])))
    ids = tracks.ids.tolist()
    tracks = tracker.update(cxcywh_to_xyxy(elsewhere(9)))
    assert tracks.camera.cut and tracks.ended.tolist() == []
    later = tracker.update(cxcywh_to_xyxy(elsewhere(9)))
    assert not later.camera.cut
    first, second = (each.boxes[np.isin(each.ids, ids)] for each in (tracks, later))
    assert len(first) == 10 and first == pytest.approx(second, abs=0.5)


def answers(kind, seed=5, **settings):
    """The track of every detection, and the shifts that were used."""
    crowd = make_world(seed=seed, people=12, frames=FRAMES, size=WORLD)
    views = camera_views(kind, FRAMES, WORLD, SIZE, seed=1)
    tracker, given_, used = Tracker(**settings), [], []
    for index, view in enumerate(views):
        found = crowd.detections(index)
        moved, _ = moved_boxes(view, xyxy_to_cxcywh(found.boxes))
        rows = np.column_stack([cxcywh_to_xyxy(moved), found.scores])
        tracks = tracker.update(rows)
        ids = np.zeros(len(found), int)
        ids[tracks.det_ind[tracks.gap == 0]] = tracks.ids[tracks.gap == 0]
        given_.append(ids)
        used.append(np.zeros(2) if tracks.camera is None else tracks.camera.transform[:2, 2])
    return np.concatenate(given_), np.array(used), between(views)


@pytest.mark.parametrize("seed", [5, 6])
def test_before_a_camera_that_stands_nothing_is_moved(seed):
    still, _, _ = answers("stand", seed)
    ids, used, _ = answers("stand", seed, camera="boxes")
    assert (used == 0).all() and (ids == still).all()


def test_a_camera_that_shakes_is_followed():
    still, _, truth = answers("stand")
    plain, _, _ = answers("shake")
    ids, used, truth = answers("shake", camera="boxes")
    assert (ids == still).mean() > (plain == still).mean()
    known = (used != 0).any(axis=1)
    middle = np.array([SIZE[0] / 2, SIZE[1] / 2, 1])
    true = np.array([(each @ middle)[:2] - middle[:2] for each in truth])
    assert known[3:].mean() > 0.5
    assert np.median(np.linalg.norm((used - true)[known], axis=1)) < 6


def test_what_is_given_goes_before_what_boxes_say():
    tracker = Tracker(camera="auto")
    boxes = cxcywh_to_xyxy(people(6))
    for _ in range(5):
        tracker.update(boxes)
    tracks = tracker.update(boxes + 30, camera=as_motion([[1, 0, 30], [0, 1, 30]]))
    assert tracks.camera.transform[0, 2] == 30 and tracks.camera.certainty == 1
    tracks = tracker.update(boxes + 60, camera=UNKNOWN)
    assert tracks.camera.transform[:2, 2] == pytest.approx([30, 30], abs=2)


def test_the_evidence_is_part_of_a_saved_state():
    tracker, other = Tracker(camera="boxes"), Tracker(camera="boxes")
    for step in range(12):
        tracker.update(cxcywh_to_xyxy(people(6) + np.float32([25 * (step % 2), 0, 0, 0])))
    state = tracker.state_dict()
    assert state["camera_evidence"] > 0
    other.load_state_dict(state)
    assert other.state_dict()["camera_evidence"] == state["camera_evidence"]
    with pytest.raises(MambatrackError, match="with camera_evidence"):
        other.load_state_dict({**state, "camera_evidence": -1.0})


def test_each_of_a_group_looks_at_its_own_boxes():
    group = TrackerGroup(load_config(None, {"tracker.camera": "boxes"}), 2)
    boxes = cxcywh_to_xyxy(people(6))
    for step in range(6):
        tracks = group.update({0: (boxes, None), 1: (boxes + 20 * step, None)})
    group_shift = tracks[1].camera.transform[:2, 2]
    assert tracks[0].camera.stands and np.linalg.norm(group_shift) < 40
