"""Trackers in a group do what they do alone, with fewer calls of the network."""

from dataclasses import fields

import numpy as np
import pytest

from counted_predictors import Counted, Quarter
from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks

SIZE = 320, 240
WORLDS = [make_world(seed=seed, people=2 * seed, frames=60, size=SIZE) for seed in (1, 2, 3)]


def steps(rate, seed=0):
    """Turns of {camera: (detections, time)}: some cameras miss some, and some frames are late."""
    rng = np.random.default_rng(seed)
    times = np.zeros(len(WORLDS))
    for frame in range(60):
        due = rng.permutation(len(WORLDS))[: rng.integers(0, len(WORLDS) + 1)]
        times[due] += rng.choice(
            [0.5, 1, 1, 2, 3, 90], len(due), p=[0.2, 0.2, 0.2, 0.2, 0.18, 0.02]
        )
        yield {int(i): (WORLDS[i].detections(frame), times[i] / max(rate, 1)) for i in due}


def assert_equal(ours, theirs):
    for each in fields(Tracks):
        ours_, theirs_ = getattr(ours, each.name), getattr(theirs, each.name)
        np.testing.assert_array_equal(ours_, theirs_, err_msg=each.name)


@pytest.mark.parametrize("rate", [0, 25])
@pytest.mark.parametrize(
    ("predictor", "association"),
    [
        ("mamba", "learned"),
        ("mamba-window", "learned"),
        ("kalman", "overlap"),
        ("still", "overlap"),
    ],
)
def test_a_group_gives_what_separate_trackers_give(predictor, association, rate):
    config = TrackerConfig(predictor=predictor, association=association, frame_rate=rate)
    alone, group = [Tracker(config, SIZE) for _ in WORLDS], TrackerGroup(config, len(WORLDS))
    seen = 0
    for index in range(len(WORLDS)):
        group.resize(index, SIZE)
    for due in steps(rate):
        together = group.update(due)
        assert list(together) == list(due)
        for index, given in due.items():
            assert_equal(together[index], alone[index].update(*given))
            seen += len(together[index])
    assert seen > 200
    assert [each.state.hypotheses.table.next_id for each in group.trackers] == [
        e.state.hypotheses.table.next_id for e in alone
    ]


def test_one_call_for_all_tracks_and_one_more_for_each_further_frame():
    group, counted = TrackerGroup(TrackerConfig("kalman", frame_rate=10), 3), Counted()
    for tracker in group.trackers:
        tracker.predictor = counted
    boxes = [np.array([[10.0 * k, 10, 10.0 * k + 8, 30, 1] for k in range(n)]) for n in (1, 2, 4)]
    group.update({index: (boxes[index], 0.0) for index in range(3)})
    counted.calls.clear()
    group.update({0: (boxes[0], 0.1), 1: (boxes[1], 0.2), 2: (boxes[2], 0.3)})
    assert counted.calls == [7, 6, 4]


def test_each_network_of_the_association_is_called_once(monkeypatch):
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")  # in C a call for each costs less
    group, calls = TrackerGroup(TrackerConfig(), len(WORLDS)), []
    scorer, encoder = group.association.scorer, group.association.encoder

    class Score:
        tokens = staticmethod(lambda features: calls.append("tokens") or scorer.tokens(features))

        def __call__(self, given, code):
            calls.append("pairs")
            return scorer(given, code)

    group.association.scorer = Score()
    group.association.encoder = lambda *given: calls.append("encoder") or encoder(*given)
    for frame in range(3):
        calls.clear()
        group.update({i: (world.detections(frame), None) for i, world in enumerate(WORLDS)})
    assert calls == ["pairs", "tokens", "encoder"]


def test_a_predictor_that_measures_in_images_keeps_the_sizes_apart():
    group = TrackerGroup(TrackerConfig("kalman"), 3)
    for index, size in enumerate([(250, 250), (500, 1000), (250, 250)]):
        tracker = group.trackers[index]
        tracker.predictor = WindowPredictor(Quarter(), 3, "image", [[0.1] * 4], (1, 1))
        tracker.reset()
        group.resize(index, size)
    box = [[100.0, 100, 120, 140, 1]]
    group.update(dict.fromkeys(range(3), (box, None)))
    tracks = group.update(dict.fromkeys(range(3), (None, None)))
    for index, (x, y) in enumerate([(0.25, 0.25), (0.5, 1), (0.25, 0.25)]):
        moved = np.array([x / 2, y / 2, 1.5 * x, 1.5 * y])
        np.testing.assert_allclose(tracks[index].boxes[0] - box[0][:4], moved, atol=1e-4)


def test_nothing_due_is_nothing_done():
    assert TrackerGroup(TrackerConfig("kalman"), 2).update({}) == {}


def test_detections_that_are_no_boxes_leave_every_tracker_as_it_was():
    group = TrackerGroup(TrackerConfig("kalman", frame_rate=10), 2)
    box = [[100.0, 100, 120, 140, 1]]
    group.update({0: (box, 1.0), 1: (box, 1.0)})
    before = [each.state_dict() for each in group.trackers]
    with pytest.raises(MambatrackError, match="shape"):
        group.update({0: (box, 2.0), 1: (np.zeros((2, 3)), 2.0)})
    for tracker, state in zip(group.trackers, before, strict=True):
        for name, value in tracker.state_dict().items():
            np.testing.assert_array_equal(value, state[name], name)


def test_a_predictor_of_ones_own_is_shared_by_all():
    counted = Counted()
    group = TrackerGroup(TrackerConfig(association="overlap"), 2, counted)
    counted.calls.clear()
    group.update(dict.fromkeys(range(2), ([[100.0, 100, 120, 140, 1]], None)))
    group.update(dict.fromkeys(range(2), (None, None)))
    assert counted.calls == [0, 2]


@pytest.mark.parametrize("due", [{2: ([], 0.0)}, {-1: ([], 0.0)}, {"door": ([], 0.0)}, [[]], None])
def test_what_is_due_is_by_the_numbers_of_the_trackers(due):
    group = TrackerGroup(TrackerConfig("kalman", association="overlap"), 2)
    with pytest.raises(MambatrackError, match="by the numbers of trackers, from 0 to 1"):
        group.update(due)
    assert [each.frame for each in group.trackers] == [0, 0]


@pytest.mark.parametrize("count", [0, -1, 2.0, None])
def test_a_group_has_trackers(count):
    with pytest.raises(MambatrackError, match="the number of trackers is .*; expected 1 or more"):
        TrackerGroup(TrackerConfig("kalman", association="overlap"), count)
