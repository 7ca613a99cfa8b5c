"""Tracking with a look ahead."""

import numpy as np
import pytest

from mambatrack.association.overlap import OverlapAssociation
from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.tracking.offline import _members, track_offline


def walkers(frames=40, hidden=()):
    """Two people who pass each other at different depths; the first is not seen in ``hidden``."""
    rows = []
    for t in range(frames):
        here = [
            [100 + 3 * t, 100, 160 + 3 * t, 260, 0.9],
            [500 - 3 * t, 300, 570 - 3 * t, 490, 0.9],
        ]
        rows.append(np.array(here[1:] if t in hidden else here, np.float32))
    return rows


def test_walkers_keep_their_ids():
    tracks = track_offline(walkers(), image_size=(960, 540))
    assert [each.frame for each in tracks] == list(range(40))
    assert all(each.ids.tolist() == [1, 2] and each.observed.all() for each in tracks)


def test_a_gap_is_filled_and_says_so():
    given = walkers(hidden=range(15, 20))
    kept = [each.copy() for each in given]
    tracks = track_offline(given, image_size=(960, 540))
    truth = walkers()
    for t in range(15, 20):
        assert tracks[t].ids.tolist() == [1, 2]
        assert tracks[t].predicted.tolist() == [True, False]
        assert tracks[t].gap[0] == t - 14 and tracks[t].det_ind[0] == -1
        assert np.abs(tracks[t].boxes[0] - truth[t][0, :4]).max() < 12
        assert (tracks[t].spread[0] > 0).all()
    assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True))


def test_nothing_follows_the_end_of_a_track():
    tracks = track_offline(walkers(hidden=range(25, 40)), image_size=(960, 540))
    assert tracks[24].ids.tolist() == [1, 2] and tracks[25].ids.tolist() == [2]
    assert tracks[25].ended.tolist() == [1]


def test_times_are_passed_on_and_counted():
    times = [t / 25 for t in range(40)]
    tracks = track_offline(walkers(), image_size=(960, 540), times=times)
    assert [each.time_s for each in tracks] == times
    with pytest.raises(MambatrackError, match="40 frames have 3 time stamps"):
        track_offline(walkers(), times=times[:3])


@pytest.mark.parametrize("frames", [0, 3])
def test_nothing_seen(frames):
    assert [len(each) for each in track_offline([None] * frames)] == [0] * frames


@pytest.mark.parametrize("predictor", ["mamba", "kalman"])
def test_by_overlap_too(predictor):
    config = TrackerConfig(association="overlap", predictor=predictor)
    tracks = track_offline(walkers(hidden=range(15, 18)), config, image_size=(960, 540))
    assert all(each.ids.tolist() == [1, 2] for each in tracks)


def test_who_decides():
    """Both motion models with the whole association, then each of its networks."""
    members = _members(TrackerConfig(), (960, 540), None, None)
    kalman = [isinstance(predictor, KalmanPredictor) for predictor, _ in members]
    assert kalman == [False, True, False, False, False]
    sizes = [association.memory_size for _, association in members]
    assert sizes[0] == sizes[1] == sum(sizes[2:])
    own = OverlapAssociation(TrackerConfig())
    given = _members(TrackerConfig(predictor="kalman"), None, KalmanPredictor(), own)
    assert [isinstance(predictor, KalmanPredictor) for predictor, _ in given] == [True, False]
    assert all(association is own for _, association in given)
