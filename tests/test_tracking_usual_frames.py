"""Usual frames in a few calls: each camera is tracked as by itself, step by step."""

import pickle
from collections import Counter
from dataclasses import fields, replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack import MambatrackError, Tracker
from mambatrack.association.loading import load_association
from mambatrack.camera.transforms import CUT
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.evaluation.peers.timed_boxes import by_frame, meeting, real
from mambatrack.kernels.cpu.usual_frames import UsualFrames
from mambatrack.kernels.cpu.usual_structs import REPORTED
from mambatrack.motion.loading import configured_predictor
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.hypotheses import Hypotheses
from mambatrack.tracks import Tracks
from shaken_crowds import crowd_of_two_classes, shaken
from shared import needs

pytestmark = [needs_library, pytest.mark.filterwarnings("ignore::UserWarning")]
CONFIG = TrackerConfig(frame_rate=20.0)
SIZES = [(320, 240), (640, 480), None]
ROWS = np.array([[0, 0, 40, 90, 0.9], [100, 0, 140, 90, 0.8]])
NAMES = [each.name for each in fields(Tracks) if each.name not in ("camera", "data")]
KINDS = ("rows", "rows", "rows", "float32", "list", "detections", "data", "empty", "none", "again",
         "outside", "camera", "stands", "cut", "shape", "absent")  # fmt: skip
CAMERAS = {"camera": [[1, 0, 1.5], [0, 1, 0]], "stands": [[1, 0, 0], [0, 1, 0]], "cut": CUT}
ASSOCIATION, PREDICTOR = load_association(CONFIG), configured_predictor(CONFIG, (1, 1))


def assert_same(ours, theirs):
    for name in NAMES:
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
    assert (repr(ours.camera), dict(ours.data)) == (repr(theirs.camera), dict(theirs.data))


def assert_same_state(ours, theirs):
    ours, theirs = ours.state_dict(), theirs.state_dict()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], name)


def made(rows, kind):
    """The same detections as a user may hand them in."""
    ways = {
        "float32": lambda: rows.astype(np.float32),
        "list": rows.tolist,
        "detections": lambda: as_detections(rows),
        "data": lambda: as_detections(rows, {"number": list(range(len(rows)))}),
        "empty": lambda: rows[:0],
        "none": lambda: None,
        "again": lambda: np.concatenate([rows, rows[:1]]),
        "outside": lambda: np.concatenate([rows, [[5000, 5000, 5040, 5090, 0.9]]]),
        "shape": lambda: rows[:, :3],
    }
    return ways[kind]() if kind in ways else rows


class Stream:
    """A camera with so many people, of whom a detector misses some."""

    def __init__(self, seed, people):
        self.world = make_world(seed=seed, people=people, frames=20, size=(320, 240))
        self.time_s = 0.0

    def rows(self, frame, steps):
        found = self.world.detections(frame)
        self.time_s += 0.05 * steps
        return np.column_stack([found.boxes, found.scores])


def alone(size):
    tracker = Tracker(CONFIG, size, PREDICTOR, ASSOCIATION)
    tracker.by_step = True
    return tracker


def step(group, trackers, streams, frame, kinds, late):
    """One frame of those cameras that have one."""
    due, cameras = {}, {index: CAMERAS[kind] for index, kind in enumerate(kinds) if kind in CAMERAS}
    for index, kind in enumerate(kinds):
        rows = streams[index].rows(frame, late)
        if kind != "absent" and len(rows):
            due[index] = made(rows, kind), streams[index].time_s
    if any(kinds[index] == "shape" for index in due):
        with pytest.raises(MambatrackError):
            group.update(due, cameras)
        due = {index: each for index, each in due.items() if kinds[index] != "shape"}
    found = group.update(due, cameras)
    for index, given_ in due.items():
        assert_same(found[index], trackers[index].update(*given_, camera=cameras.get(index)))


@settings(max_examples=5, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 3, 6, 12]), min_size=3, max_size=3),
    st.lists(
        st.tuples(st.tuples(*[st.sampled_from(KINDS)] * 3), st.sampled_from([1, 1, 1, 2, 40])),
        min_size=8,
        max_size=20,
    ),
)
def test_cameras_of_a_group_are_tracked_as_each_by_itself(people, frames):
    streams = [Stream(seed, count) for seed, count in enumerate(people)]
    group = TrackerGroup(CONFIG, 3, PREDICTOR, ASSOCIATION)
    trackers = [alone(size) for size in SIZES]
    for index, size in enumerate(SIZES):
        group.resize(index, size)
    for frame, (kinds, late) in enumerate(frames):
        step(group, trackers, streams, frame, kinds, late)
    for ours, theirs in zip(group.trackers, trackers, strict=True):
        assert_same_state(ours, theirs)


def _counting(far):
    """UsualFrames.settle, which counts how far its frames come."""
    settle = UsualFrames.settle

    def counted(self, *asked):
        frames = settle(self, *asked)
        far.update(each.state for each in frames)
        return frames

    return counted


def states_of(videos):
    """How far the frames of a group of these cameras come, each compared with a tracker by itself,
    step by step."""
    far = Counter()
    group, trackers = TrackerGroup(count=len(videos)), [Tracker() for _ in videos]
    with patch.object(UsualFrames, "settle", _counting(far)):
        for found in zip(*map(by_frame, videos), strict=False):
            tracks = group.update({index: (rows, None) for index, rows in enumerate(found)})
            for index, rows in enumerate(found):
                trackers[index].by_step = True
                assert_same(tracks[index], trackers[index].update(rows))
    return far


def test_people_who_meet_are_tracked_the_same():
    far = states_of([meeting(10, 50, seed).videos[0] for seed in (1, 2, 3)])
    assert set(far) == {REPORTED}


def test_real_dancers_are_tracked_the_same():
    boxes = real(needs("data/dancetrack/val"), 40)
    assert states_of(boxes.videos[:3])[REPORTED] > 2


CROWD = make_world(seed=4, people=14, frames=120, size=(320, 240))


def several_and_far(tracker, other, frames):
    """Of frames before which there are several hypotheses, how far they come; every one is compared
    with a tracker that takes it step by step, with its state. frames: detections, time_s."""
    far = Counter()
    for found, time_s in frames:
        of_frame = Counter()
        several = len(tracker.state.hypotheses.tables) > 1
        with patch.object(UsualFrames, "settle", _counting(of_frame)):
            assert_same(tracker.update(found, time_s), other.update(found, time_s))
        far += of_frame if several else Counter()
        assert_same_state(tracker, other)
    return far


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"predictor": "mamba", "hypotheses": 6, "max_age": 3},
        {"predictor": "mamba", "frame_rate": 20.0},
        {"predictor": "kalman"},
        {"frame_rate": 20.0, "class_aware": True, "steady": False},
    ],
)
def test_several_hypotheses_go_on_the_same_in_few_calls(settings):
    """Late frames, mistaken classes, people who leave and come back."""
    ours, theirs = Tracker(**settings), Tracker(**settings)
    theirs.by_step, rng = True, np.random.default_rng(2)
    frames = crowd_of_two_classes(4, 80, rng, (0.05, 0.05, 0.05, 0.15))
    assert several_and_far(ours, theirs, frames)[REPORTED] > 30


def test_a_hypothesis_that_is_put_out_next_has_been_the_second_one():
    """Tables change places, are copied and given up; the sums of the noise go with them."""
    ours, theirs = Tracker(), Tracker()
    theirs.by_step, changes = True, Counter()
    take = Hypotheses.go_on_in

    def counted(hypotheses, kept, far):
        before = len(hypotheses.tables)
        changes["first"] += kept[0].held > 0
        changes["copied"] += any(each.held >= before for each in kept)
        changes["fewer"] += len(kept) < before
        take(hypotheses, kept, far)
        spare = hypotheses.spare.take_all()
        known = [*hypotheses.tables, *spare]
        assert len(set(map(id, known))) == len(known)
        hypotheses.spare.put(spare)

    rng = np.random.default_rng(3)
    with patch.object(Hypotheses, "go_on_in", counted):
        frames = [(shaken(CROWD.detections(frame), rng), None) for frame in range(120)]
        several_and_far(ours, theirs, frames)
    assert min(changes["first"], changes["copied"], changes["fewer"]) > 2


def test_a_result_made_later_is_that_of_its_frame_and_can_be_kept():
    tracker, other = Tracker(), Tracker()
    other.by_step = True
    frames = [ROWS + [shift, 0, shift, 0, 0] for shift in range(6)]
    ours, theirs = (
        [tracker.update(each) for each in frames],
        [other.update(each) for each in frames],
    )
    for kept, wanted in zip(ours, theirs, strict=True):
        assert_same(pickle.loads(pickle.dumps(kept)), wanted)
        assert_same(replace(kept, time_s=1.0), replace(wanted, time_s=1.0))
        assert_same(kept, wanted)
        assert not kept.boxes.flags.writeable
        assert kept.select([0]).ids.tolist() == wanted.ids[:1].tolist()


@pytest.mark.parametrize(
    "settings", [{"camera": "boxes"}, {"caution": 0.5}, {"predictor": "velocity"}]
)
def test_what_c_does_not_know_goes_step_by_step(settings):
    tracker, begun = Tracker(**settings), []
    with patch.object(UsualFrames, "add", lambda *_: begun.append(1)):
        tracker.update(ROWS)
    assert not begun


def test_a_table_that_does_not_fit_is_refused():
    tracker = Tracker()
    frames, motion = tracker.usual._new_frames(), tracker.predictor.in_c
    table = tracker.state.hypotheses.table.in_c
    frames.begin(motion)
    with pytest.raises(ValueError, match="a table of up to 64 tracks .* got 65"):
        frames.add([(table, 65, False, 0.0)], (0, 0), ROWS, None, 1)
    other = Tracker(association="overlap").state.hypotheses.table.in_c
    with pytest.raises(ValueError, match="a memory of .* floats expected, got 0"):
        frames.add([(other, 1, False, 0.0)], (0, 0), ROWS, None, 1)
    other = Tracker(predictor="mamba").state.hypotheses.table.in_c
    with pytest.raises(ValueError, match="floats of motion expected, got 1 with"):
        frames.add([(table, 1, False, 0.0), (other, 1, False, -1.0)], (0, 0), ROWS, None, 1)


def test_room_is_made_where_few_cameras_with_people_follow_on_many_without():
    group, tracker = TrackerGroup(count=16), Tracker()
    tracker.by_step = True
    rows = np.concatenate([ROWS + [200 * i, 0, 200 * i, 0, 0] for i in range(40)])
    for given_ in [None, rows[:1], None, rows[:11], rows]:
        due = range(16) if given_ is None else [0]
        found = group.update(dict.fromkeys(due, (given_, None)))
        assert_same(found[0], tracker.update(given_))


def test_rows_of_several_kinds_and_widths_are_read_together():
    kinds = [ROWS, ROWS[:, :4].copy(), np.column_stack([ROWS, [1, 2]]), ROWS.astype(np.float32)]
    group, trackers = TrackerGroup(count=4), [Tracker() for _ in kinds]
    for _ in range(4):
        found = group.update({index: (rows, None) for index, rows in enumerate(kinds)})
        for index, rows in enumerate(kinds):
            trackers[index].by_step = True
            assert_same(found[index], trackers[index].update(rows))


def test_dropped_detections_are_counted_once_a_warning_was_given():
    rows = np.concatenate([ROWS, [[5, 5, 5, 5, 0.9]]])
    ours, theirs, far = Tracker(), Tracker(), Counter()
    theirs.by_step = True
    for _ in range(5):
        with patch.object(UsualFrames, "settle", _counting(far)):
            assert_same(ours.update(as_detections(rows)), theirs.update(as_detections(rows)))
    assert ours.dropped == theirs.dropped == 5
    assert far[REPORTED] == 4


def test_frames_with_a_camera_motion_are_usual():
    tracker, far = Tracker(), Counter()
    with patch.object(UsualFrames, "settle", _counting(far)):
        for shift in np.arange(5)[:, None] * [1, 0, 1, 0, 0]:
            found = tracker.update(ROWS + shift, camera=CAMERAS["camera"], data={"number": [7, 8]})
            assert (found.camera.transform[0, 2], found.data["number"]) == (1.5, [7, 8])
    assert far[REPORTED] == 4
