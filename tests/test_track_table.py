import numpy as np
import pytest

from mambatrack.detections import as_detections
from mambatrack.track_table import TrackTable


def test_a_copied_table_is_independent():
    table = TrackTable(2)
    found = as_detections([[0, 0, 10, 10, 1], [20, 0, 30, 10, 1]])
    table.start(found.boxes, np.zeros((2, 2), np.float32), found, np.arange(2))
    other = table.copy()
    other["boxes"][:] = 7
    other.start(found.boxes[:1], np.zeros((1, 2), np.float32), found, np.arange(1), np.array([9]))
    assert table["ids"].tolist() == [1, 2] and other["ids"].tolist() == [1, 2, 9]
    assert (table["boxes"] != 7).any() and (table.next_id, other.next_id) == (3, 10)


@pytest.mark.parametrize("count", [0, 1, 90])
def test_a_copy_in_a_table_that_was_given_up_is_one(count):
    table, spare = TrackTable(2), TrackTable(2)
    found = as_detections([[0, 0, 10, 10, 1], [20, 0, 30, 10, 0.5]])
    table.start(found.boxes, np.ones((2, 2), np.float32), found, np.arange(2))
    table.predict(found.boxes, found.boxes, 3)
    corners = 20 * np.arange(count)[:, None] + [0, 0, 10, 10]
    old = as_detections(np.insert(corners, 4, 1, axis=1))
    if count:
        spare.start(old.boxes, np.zeros((count, 2), np.float32), old, np.arange(count))
    other = table.copy(spare)
    for name, column in table.copy().columns().items():
        np.testing.assert_array_equal(other[name], column)
    assert other is spare and (other.next_id, other.span) == (table.next_id, table.span)
    np.testing.assert_array_equal(other["stamp"], table["stamp"])
    other["boxes"][:] = 7
    assert (table["boxes"] != 7).any()
