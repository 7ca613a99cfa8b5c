"""The result of a frame from the C library: what numpy makes of the table, to the bit."""

import numpy as np
import pytest

from c_library import needs_library
from mambatrack.detections import as_detections, within
from mambatrack.track_observation import RATES, snapshot
from mambatrack.track_table import TrackTable

pytestmark = needs_library
NOBODY = np.zeros(0, np.int64)


def table_of(rng, count):
    """Tracks that were seen and lost for all kinds of times."""
    table = TrackTable(3, 5)
    corners = rng.uniform(-50, 900, (count, 2))
    rows = np.column_stack([corners, corners + rng.uniform(1, 99, (count, 2)), rng.random(count)])
    if count:
        found = as_detections(rows)
        motion = np.zeros((count, 3), np.float32)
        table.start(found.centred, motion, found, np.arange(count))
    table["hits"][:] = rng.integers(1, 90, count)
    table["gap"][:] = rng.integers(0, 3, count)
    table["means"][:] = rng.normal(0, 1, (count, len(RATES)))
    table["spread"][:] = rng.random((count, 4))
    return table


@pytest.mark.parametrize("count", [0, 1, 3, 64, 200])
def test_equals_numpy(count):
    table = table_of(np.random.default_rng(count), count)
    got, want = table.in_c.snapshot(count, 3), snapshot(table._columns.live, 3)
    assert set(got) == set(want)
    for name, column in want.items():
        assert got[name].dtype == column.dtype and got[name].shape == column.shape
        np.testing.assert_array_equal(got[name], column)


def test_a_result_cannot_be_written_to_and_later_frames_do_not_change_it():
    table = table_of(np.random.default_rng(1), 5)
    tracks = table.snapshot(0, None, 3, NOBODY.copy())
    before = {name: getattr(tracks, name).copy() for name in ("boxes", "ids", "velocity", "state")}
    table["boxes"][:] = 1
    table["ids"][:] = 7
    table["means"][:] = 3
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(tracks, name), column)
        with pytest.raises(ValueError, match="read-only"):
            getattr(tracks, name)[:] = 0


def test_more_tracks_than_the_table_holds_are_refused():
    with pytest.raises(ValueError, match="up to 64 tracks expected, got 65"):
        TrackTable(3, 5).in_c.snapshot(65, 3)


@pytest.mark.parametrize("row", [[-20, 10, 0, 50], [320, 10, 350, 50], [9, -50, 40, 0]])
def test_boxes_wholly_outside_are_dropped_and_the_others_stay(row):
    rows = np.array([[5, 5, 30, 60], row, [-3, -3, 330, 250]], np.float32)
    assert within(as_detections(rows), (320, 240)).rows.tolist() == [0, 2]
    inside = as_detections(rows[::2].copy())
    assert within(inside, (320, 240)) is inside and inside.extent == [5, 5, 30, 60]
