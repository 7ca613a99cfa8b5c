"""One tracker in several threads: refused at once, and nothing is lost."""

import copy
import pickle
import re
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.config import TrackerConfig
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.turn import Turn

KALMAN = TrackerConfig(predictor="kalman", min_hits=1)
BOX = [[10, 10, 50, 90, 0.9]]
MEANWHILE = "while another update.. of the same tracker was running"


def held(tracker, call):
    """An update of the tracker, during which another thread makes the call -> what that raised."""
    errors = []

    def other():
        try:
            call()
        except MambatrackError as error:
            errors.append(error)

    @contextmanager
    def measure(step):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(60)
        yield

    before, tracker.measure = tracker.measure, measure
    tracker.update(BOX)
    tracker.measure = before
    return errors


@pytest.mark.parametrize("together", [False, True])
def test_a_second_thread_is_refused_and_the_first_goes_on(together):
    group = TrackerGroup(KALMAN, 2)
    tracker, alone = group.trackers[0], Tracker(KALMAN)
    errors = held(
        tracker, lambda: group.update({0: (BOX, None)}) if together else tracker.update(BOX)
    )
    assert len(errors) == 1 and re.search(MEANWHILE, str(errors[0]))
    alone.update(BOX)
    np.testing.assert_array_equal(tracker.update(BOX).boxes, alone.update(BOX).boxes)
    assert tracker.frame == alone.frame == 2


def test_another_tracker_is_free():
    assert held(Tracker(KALMAN), lambda: Tracker(KALMAN).update(BOX)) == []


def test_after_an_error_the_next_update_runs():
    tracker = Tracker(KALMAN)
    for _ in range(2):
        with pytest.raises(MambatrackError, match="shape"):
            tracker.update([[1, 2, 3]])
    assert len(tracker.update(BOX)) == 1


def test_a_turn_is_copied_with_what_it_guards():
    for turn in (copy.deepcopy(Turn()), pickle.loads(pickle.dumps(Turn()))):
        with turn, pytest.raises(MambatrackError, match=MEANWHILE):
            with turn:
                raise AssertionError("two calls had their turn")
        with turn:
            pass


@pytest.mark.parametrize("predictor", ["mamba", "mamba-window", "kalman"])
@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda tracker: pickle.loads(pickle.dumps(tracker))]
)
def test_a_copy_of_a_tracker_goes_on_alone(predictor, again):
    tracker = Tracker(predictor=predictor)
    for frame in range(3):
        tracker.update([[frame, 0, 40 + frame, 90, 0.9]])
    copied = again(tracker)
    want = tracker.update([[3, 0, 43, 90, 0.9], [70, 0, 99, 90, 0.9]])
    got = copied.update([[3, 0, 43, 90, 0.9], [70, 0, 99, 90, 0.9]])
    assert (copied.frame, got.ids.tolist()) == (tracker.frame, want.ids.tolist())
    assert np.array_equal(got.boxes, want.boxes)
    copied.reset()
    assert tracker.frame == 4
