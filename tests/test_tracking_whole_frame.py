"""Which frames are taken in one call, and that whoever watches hears of them as of all others."""

from contextlib import contextmanager

import numpy as np
import pytest

from c_library import needs_library
from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.detections import as_detections
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.tracking.group import TrackerGroup

pytestmark = needs_library
KALMAN = load_config("overlap", {"tracker.predictor": "kalman"})
ROWS = np.array([[0, 0, 40, 90, 0.9], [100, 0, 140, 90, 0.8]])
SHAKEN = [[1, 0, 1], [0, 1, 0]]


def taken(tracker, *given, **named):
    """Whether an update is one call."""
    before, results = tracker.in_few_calls, []
    tracker.in_few_calls = lambda *given: results.append(before(*given)) or results[-1]
    tracks = tracker.update(*given, **named)
    tracker.in_few_calls = before
    return bool(results) and results[0] is tracks


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_usual_frames_are_taken_and_others_go_step_by_step():
    tracker = Tracker(KALMAN, (640, 480), frame_rate=20.0)
    assert not taken(tracker, ROWS)  # it may be told that boxes are shares of the picture
    usual = [ROWS, ROWS.astype(np.float32), as_detections(ROWS), ROWS.tolist(), None, ROWS[:0]]
    assert [taken(tracker, rows) for rows in usual] == [True] * 6
    assert taken(tracker, ROWS, 3.0) and taken(tracker, ROWS, 9.0)
    for rows in (ROWS[[0, 0]], ROWS + 900, ROWS[:, ::-1]):
        assert not taken(tracker, rows)
    assert not taken(tracker, ROWS, camera=SHAKEN)
    assert not taken(tracker, ROWS, data={"masks": [1, 2]})
    assert not taken(tracker, as_detections(ROWS, {"masks": [1, 2]}))
    assert taken(tracker, ROWS)


def test_columns_are_made_when_they_are_asked_for_and_are_those_of_their_frame():
    tracker = Tracker(KALMAN, (640, 480))
    tracker.update(ROWS)
    tracks = tracker.update(ROWS)
    assert not {"ids", "boxes", "state"} & vars(tracks).keys()
    tracker.update(ROWS + [50, 0, 50, 0, 0])
    np.testing.assert_allclose(tracks.boxes, ROWS[:, :4], atol=1)
    assert tracks.ids.tolist() == [1, 2] and not tracks.boxes.flags.writeable


class Own(KalmanPredictor):
    """What it does is not known."""


@pytest.mark.parametrize(
    "settings",
    [{"camera": "boxes"}, {"caution": 0.5}, {"association": "learned"}, {"predictor": Own()},
     {"predictor": "velocity"}],
)  # fmt: skip
def test_what_c_does_not_know_goes_step_by_step(settings):
    assert Tracker(KALMAN, **settings).whole is None


def test_the_prediction_is_timed_in_each_frame():
    held = []

    @contextmanager
    def measure(step):
        held.append(step)
        yield
        held.append("done")

    tracker, other = Tracker(KALMAN), Tracker(KALMAN)
    tracker.measure = measure
    for shift in range(4):
        rows = ROWS + [shift, 0, shift, 0, 0]
        ours, theirs = tracker.update(rows), other.update(rows)
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    assert held == ["predict", "done"] * 4


def test_an_unusable_frame_of_a_group_changes_no_tracker():
    group = TrackerGroup(KALMAN, 2)
    group.update({0: (ROWS, None), 1: (ROWS, None)})
    for wrong in (("no rows", None), (ROWS, "no time")):
        with pytest.raises(MambatrackError, match="no rows|no time"):
            group.update({0: (ROWS, None), 1: wrong})
    assert [each.frame for each in group.trackers] == [1, 1]
    found = group.update({1: (ROWS, None), 0: (None, None)})
    assert list(found) == [1, 0] and [len(each.ids) for each in found.values()] == [2, 2]
