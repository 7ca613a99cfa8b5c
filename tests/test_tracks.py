"""The result of a frame."""

import numpy as np
import pytest

from mambatrack import Tracker, Tracks, TrackState
from mambatrack.tracks import Track


def made(states):
    """Tracks 1, 2, ... with these states, every number of a track another one."""
    count = len(states)
    row = np.arange(count)
    return Tracks(
        7, 0.25, np.arange(4 * count, dtype=np.float32).reshape(count, 4), row + 1,
        (row / 10).astype(np.float32), row + 20, np.array(states, np.uint8), row + 30,
        np.arange(4 * count, dtype=np.float32).reshape(count, 4) + 50, row - 1, np.array([99]),
    )  # fmt: skip


ALL = [TrackState.TENTATIVE, TrackState.OBSERVED, TrackState.PREDICTED, TrackState.OBSERVED]


def test_states_as_masks():
    tracks = made(ALL)
    assert len(tracks) == 4
    assert tracks.observed.tolist() == [False, True, False, True]
    assert tracks.predicted.tolist() == [False, False, True, False]


@pytest.mark.parametrize("chosen", [np.array([False, True, False, True]), np.array([1, 3])])
def test_a_selection_keeps_every_column_and_what_is_of_the_frame(chosen):
    tracks = made(ALL)
    found = tracks.select(chosen)
    assert (found.frame, found.time_s, found.ended.tolist()) == (7, 0.25, [99])
    columns = set(vars(tracks)) - {"frame", "time_s", "ended", "camera", "data"}
    for name in columns:
        np.testing.assert_array_equal(getattr(found, name), getattr(tracks, name)[[1, 3]], name)
    assert found.observed.all()


def test_the_array_has_a_row_for_each_track():
    found = made(ALL).to_array()
    assert found.shape == (4, 8) and found.dtype == np.float32
    assert found[2].tolist() == pytest.approx([8, 9, 10, 11, 3, 0.2, 22, 1])
    assert made([]).to_array().shape == (0, 8)


def test_each_track_is_there_with_plain_numbers():
    tracks = made(ALL)
    found = list(tracks)
    assert [track.id for track in found] == [1, 2, 3, 4]
    assert found[2] == Track(
        3, (8.0, 9.0, 10.0, 11.0), TrackState.PREDICTED, float(np.float32(0.2)), 22, 32,
        (58.0, 59.0, 60.0, 61.0), 1,
    )  # fmt: skip
    assert list(made([])) == []
    assert {type(found[2].id), type(found[2].label), type(found[2].gap)} == {int}


def test_an_index_gives_a_track_and_a_choice_gives_tracks():
    tracks = made(ALL)
    every = list(tracks)
    assert [tracks[at] for at in (0, -1, np.int64(2))] == [every[0], every[3], every[2]]
    for chosen in (tracks.observed, [1, 3], slice(1, None, 2)):
        found = tracks[chosen]
        assert isinstance(found, Tracks) and list(found) == [every[1], every[3]]
    with pytest.raises(IndexError, match="out of bounds"):
        tracks[4]


def test_tracks_and_trackers_say_in_a_line_what_they_are():
    tracks = made(ALL)
    assert repr(tracks) == "<Tracks of frame 7: 1 tentative, 2 observed, 1 predicted, 1 just ended>"
    assert repr(tracks[2]).startswith("Track(id=3, predicted for 32, box=(8.0, 9.0, 10.0, 11.0)")
    tracker = Tracker(image_size=(640, 480))
    assert repr(tracker.update()) == "<Tracks of frame 0: none>"
    assert repr(tracker) == (
        "<Tracker CausalPredictor, LearnedAssociation, 640x480: 1 frames, 0 tracks, 0 started>"
    )
