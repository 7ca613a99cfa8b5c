"""The result of a frame."""

import numpy as np
import pytest

from mambatrack import Tracks, TrackState


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
    columns = set(vars(tracks)) - {"frame", "time_s", "ended"}
    for name in columns:
        np.testing.assert_array_equal(getattr(found, name), getattr(tracks, name)[[1, 3]], name)
    assert found.observed.all()


def test_the_array_has_a_row_for_each_track():
    found = made(ALL).to_array()
    assert found.shape == (4, 8) and found.dtype == np.float32
    assert found[2].tolist() == pytest.approx([8, 9, 10, 11, 3, 0.2, 22, 1])
    assert made([]).to_array().shape == (0, 8)
