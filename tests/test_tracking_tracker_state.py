"""The clock of a tracker, and the detections it lets in."""

import numpy as np
import pytest

from mambatrack.detections import as_detections
from mambatrack.errors import MambatrackError
from mambatrack.tracking.tracker_state import TrackerState, checked_time
from test_tracking_time_steps import tracker


def spans(tracked, times):
    return [tracked.state.advance_clock(time_s, tracked.config) for time_s in times]


def test_time_counts_in_frames_of_the_model():
    assert spans(tracker(20), [7.0, 7.05, 7.1, 7.3, 7.33, 8.33]) == [1, 1, 1, 4, 1, 20]


def test_without_a_rate_each_update_is_one_frame():
    tracked = tracker(0)
    assert tracked.clock is None
    assert spans(tracked, [0.0, 5.0, 5.0, -3.0, None]) == [1] * 5 and tracked.clock == 5


def test_half_a_frame_more_is_one_more():
    assert spans(tracker(16), [0.0, 1.5 / 16, 4 / 16]) == [1, 2, 3]


@pytest.mark.parametrize("later", [3.0, 2.0, None, float("nan"), float("inf")])
def test_a_time_that_does_not_go_on_is_one_frame_and_the_clock_never_goes_back(later):
    tracked = tracker(20)
    assert spans(tracked, [3.0, later]) == [1, 1]
    usual = later is None or not np.isfinite(later)
    assert tracked.clock == (3.05 if usual else 3.0)
    assert spans(tracked, [3.25]) == [4 if usual else 5]


def test_a_clock_that_was_set_back_goes_on_from_there():
    tracked = tracker(20)
    assert spans(tracked, [3.0, -50.0]) == [1, 1] and tracked.clock == 3.05
    assert spans(tracked, [-49.75]) == [5] and tracked.clock == pytest.approx(3.3)


def test_updates_without_any_time_are_frames():
    tracked = tracker(20)
    assert spans(tracked, [None, None, 9.0, 9.1]) == [1, 1, 1, 2] and tracked.clock == 9.1


def test_detections_outside_the_picture_are_dropped_and_counted():
    state = TrackerState.new(4, 0)
    rows = [[-20, 10, 0, 30], [-20, 10, 1, 30], [99, 49, 120, 80], [100, 10, 120, 30]]
    with pytest.warns(UserWarning, match="frame 0: dropped 2 unusable detections") as caught:
        found = state.admit(as_detections(rows), (100, 50))
    assert found.rows.tolist() == [1, 2] and found.dropped == state.dropped == 2
    assert len(state.admit(as_detections(rows), None)) == 4 and len(caught) == 1
    state.admit(as_detections([*rows, [float("nan")] * 4]), (100, 50))
    assert state.dropped == 5 and len(caught) == 1


def test_the_warning_points_at_the_callers_line():
    with pytest.warns(UserWarning) as caught:
        tracker().update([[-20, 10, 0, 30]])
    assert caught[0].filename == __file__


def test_an_array_in_place_of_a_time_is_told_what_it_is():
    """Other trackers take the picture, or scores, as second argument."""
    for array, meant in ((np.zeros((4, 6, 3)), "as image=picture"), (np.ones(2), "columns of")):
        with pytest.raises(MambatrackError, match=meant):
            checked_time(array)
