"""Time stamps counted in frames of the motion model (tracker.frame_rate)."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.simulation.world import simulate


def tracker(rate=20.0, **settings_):
    overrides = {"tracker.predictor": "kalman", "tracker.association": "overlap"}
    overrides |= {f"tracker.{key}": value for key, value in settings_.items()}
    overrides["tracker.frame_rate"] = rate
    return Tracker(load_config(None, overrides), image_size=(960, 540))


def walker(x):
    return [x, 100.0, x + 40, 220.0, 0.9, 0]


class Watched(OverlapAssociation):
    """Keeps what was predicted for the newest frame."""

    def describe(self, table, found, boxes):
        self.boxes, self.spread = table["boxes"].copy(), table["spread"].copy()
        self.ids, self.gap, self.missed = table["ids"].copy(), table["gap"].copy(), table.missed
        self.span = table.span
        return super().describe(table, found, boxes)


def watched(rate=20.0, **settings_):
    config = tracker(rate, **settings_).config
    return Tracker(config, (960, 540), association=Watched(config))


@pytest.mark.parametrize("predictor", ["kalman", "still", "mamba"])
def test_the_motion_model_is_patched_through_the_frames_between(predictor):
    tracked = watched(20, predictor=predictor)
    seen = tracked.association
    for index, frame in zip(range(0, 120, 3), simulate(seed=3), strict=False):
        expected = tracked.forecast(3)
        tracked.update(frame.detections, index / 20)
        if index:
            assert seen.span == 3
            kept = np.isin(expected.ids, seen.ids)
            np.testing.assert_array_equal(expected.boxes[kept, -1], cxcywh_to_xyxy(seen.boxes))
            np.testing.assert_array_equal(expected.spread[kept, -1], seen.spread)


def test_frames_that_nobody_looked_at_are_not_missed():
    tracked = watched(20)
    tracked.update([walker(0), walker(300)], 0.0)
    tracked.update([walker(0)], 0.2)
    tracked.update([], 0.5)
    assert tracked.association.gap.tolist() == [6, 10]
    assert tracked.association.missed.tolist() == [0, 4]


def test_a_walker_seen_rarely_is_predicted_where_it_is():
    tracked = tracker(20)
    for index in range(0, 40, 4):
        tracks = tracked.update([walker(5.0 * index)], index / 20)
        assert tracks.ids.tolist() == [1] and tracks.observed.all()
    predicted = tracked.update([], 2.0)
    np.testing.assert_allclose(predicted.boxes, [walker(200)[:4]], atol=3)
    assert predicted.gap.tolist() == [4] and predicted.frame == 10


def test_speed_is_per_frame_whatever_the_step():
    fast, slow = tracker(20), tracker(20)
    for index in range(0, 41, 4):
        slow.update([walker(5.0 * index)], index / 20)
    for index in range(41):
        fast.update([walker(5.0 * index)], index / 20)
    x_speed = [each.state.hypotheses.table["means"][0, 6] for each in (fast, slow)]
    np.testing.assert_allclose(x_speed, 5 / 40, rtol=0.1)


def test_lost_tracks_age_in_frames_of_the_model():
    tracked = tracker(20, max_age=10)
    tracked.update([walker(0)], 0.0)
    assert tracked.update([], 0.5).gap.tolist() == [10]
    assert tracked.update([], 0.55).ended.tolist() == [1]


def test_after_a_long_pause_nobody_is_left():
    for pause, same in ((11, True), (12, False), (1e9, False)):
        tracked = tracker(20, max_age=10, predictor="still")
        tracked.update([walker(0), walker(300)], 0.0)
        tracks = tracked.update([walker(0)], pause / 20)
        assert tracks.ids.tolist() == ([1] if same else [3])
        assert tracks.ended.tolist() == ([2] if same else [1, 2])
        assert tracks.frame == 1 and tracked.update([walker(0)], pause / 20 + 0.05).observed.all()


def test_a_track_lost_before_the_pause_ends_inside_it():
    tracked = tracker(20, max_age=10, predictor="still")
    tracked.update([walker(0), walker(300)], 0.0)
    tracked.update([walker(0)], 0.05)
    tracks = tracked.update([walker(0), walker(300)], 0.6)  # 11 frames on, 10 of them unseen
    assert tracks.ids.tolist() == [1, 3] and tracks.ended.tolist() == [2]


def test_tentative_tracks_outlive_frames_that_nobody_saw():
    tracked = tracker(20, min_hits=3)
    states = [int(tracked.update([walker(8 * step)], step / 5).state[0]) for step in range(4)]
    assert states == [0, 0, 1, 1]
    assert tracked.update([], 0.8).ended.tolist() == []


def test_a_predictor_of_ones_own_takes_the_steps():
    class Right(KalmanPredictor):
        def predict(self, state):
            boxes, spread = super().predict(state)
            boxes = boxes + np.float32([100, 0, 0, 0])
            state[:, :4] = boxes
            return boxes, spread

    tracked = Tracker(tracker(20).config, predictor=Right())
    tracked.update([walker(0)], 0.0)
    assert tracked.update([walker(300)], 0.15).ids.tolist() == [1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats()), max_size=12), st.sampled_from([0.0, 1000.0]))
def test_any_times_at_all(times, rate):
    tracked, clock = tracker(rate, max_age=5), -np.inf
    for index, time_s in enumerate(times):
        tracks = tracked.update([walker(3 * index)], time_s)
        assert len(tracks) and np.isfinite(tracks.to_array()).all() and tracks.frame == index
        if tracked.clock is not None:
            assert clock <= tracked.clock < np.inf
            clock = tracked.clock


@pytest.mark.parametrize("rate", [0.0, 20.0])
def test_a_clock_that_is_set_back_goes_on(rate):
    tracked, hour, step = tracker(rate), 3600.0, 0.05
    times = [1000 + step * index for index in range(20)]
    for index, time_s in enumerate([*times, *(each - hour for each in times), 1000 - hour + 1.2]):
        tracks = tracked.update([walker(index)], time_s)
    assert tracks.ids.tolist() == [1] and tracked.state.span(1000 - hour + 1.3, tracked.config) == (
        2 if rate else 1
    )
    assert tracked.clock == pytest.approx(1000 + 0.95 + (step if rate else 0) + 1.2)
    assert tracks.frame_rate == (rate or pytest.approx(40 / 2.15))


@pytest.mark.parametrize("association", ["overlap", "learned"])
def test_times_that_are_no_seconds_are_told(association):
    milliseconds = tracker(20, association=association)
    with pytest.warns(UserWarning, match=r" 120 frames .* at 20 frames a .* the times seconds"):
        for index in range(6):
            milliseconds.update([walker(index)], 50.0 * index)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pauses = tracker(20, association=association)
        for time_s in (0, 60, 120, 120.05, 180, 240):
            pauses.update([walker(0)], time_s)


def test_times_out_of_order_move_no_clock():
    tracked = tracker(20)
    for index, time_s in enumerate([0, 0.1, 0.05, 0.2, 0.15, 0.3]):
        tracked.update([walker(index)], time_s)
    assert tracked.clock == 0.3


def test_a_state_knows_by_how_much_a_clock_was_set_back():
    one, other = tracker(20), tracker(20)
    for index, time_s in enumerate([3600, 3600.05, 0, 0.05]):
        one.update([walker(index)], time_s)
    other.load_state_dict(one.state_dict())
    assert [each.state.span(0.2, each.config) for each in (one, other)] == [3, 3]
    with pytest.raises(MambatrackError, match="a clock that was set back by 'x'"):
        other.load_state_dict({**one.state_dict(), "behind": "x"})
