"""The Kalman filter in the C library: numpy's numbers to the bit."""

import pickle

import numpy as np
import pytest

from c_library import needs_library
from mambatrack import Tracker
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.compiled_predictor import CompiledKalmanPredictor
from mambatrack.motion.loading import load_predictor
from test_kernels_cpu_motion import differing
from test_kernels_cpu_settling import differing as differing_tables


def measurements():
    """For test_kernels_cpu_variants.py."""
    different = []
    for tracks in (0, 1, 7, 70):
        different += differing(KalmanPredictor(), CompiledKalmanPredictor(), tracks, 40, tracks)
    tables, several = differing_tables((4, 5), "kalman", 20)
    return {"different": different + tables, "several": several > 20}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found == {"different": [], "several": True}


@needs_library
def test_kalman_is_this_one_where_the_library_is_wanted(monkeypatch):
    assert type(load_predictor("kalman")) is CompiledKalmanPredictor
    assert type(load_predictor("kalman", device="cuda")) is KalmanPredictor
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    assert type(load_predictor("kalman")) is KalmanPredictor


@needs_library
def test_a_state_of_numpy_goes_on_in_c_and_the_other_way_round():
    rows = np.array([[0, 0, 20, 40, 0.9], [100, 0, 130, 60, 0.8]])
    kinds = KalmanPredictor, CompiledKalmanPredictor
    trackers = [Tracker(predictor=kind()) for kind in kinds]
    for shift in range(5):
        for tracker in trackers:
            tracker.update(rows + shift * np.array([1, 0, 1, 0, 0]))
    states = [tracker.state_dict() for tracker in trackers]
    for tracker, state in zip(trackers, reversed(states), strict=True):
        tracker.load_state_dict(state)
    ours, theirs = (tracker.update(rows + [6, 0, 6, 0, 0]) for tracker in trackers)
    np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    np.testing.assert_array_equal(*[tracker.motion_states()[0] for tracker in trackers])


@needs_library
def test_a_copy_and_other_weights_are_their_own():
    plain, other = KalmanPredictor(0.1, 0.02), CompiledKalmanPredictor(0.1, 0.02)
    copied = pickle.loads(pickle.dumps(other))
    boxes = np.array([[5, 6, 20, 40]], np.float32)
    wanted = plain.start(boxes)
    moved = plain.predict(wanted)
    for each in (other, copied):
        state = each.start(boxes)
        np.testing.assert_array_equal(each.predict(state), moved)
        np.testing.assert_array_equal(state, wanted)
    with pytest.raises(ValueError, match="rows: from 0 to 0 expected, got 1"):
        other.correct(wanted, np.array([1]), boxes)
