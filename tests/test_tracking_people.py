"""Who a new track could be."""

import numpy as np

from mambatrack.appearance.looks import FURTHER, Looks
from mambatrack.tracking.people import ENOUGH, Hidden, Known, People


def test_who_was_seen_together_with_a_new_track_is_another():
    looks = np.zeros((3, 4 + FURTHER), np.float32)
    looks[:, -FURTHER] = ENOUGH
    table = {
        "ids": np.array([1, 2, 3]), "looks": looks,
        "gap": np.array([8, 9, 0]), "age": np.array([50, 40, 8]),
    }  # fmt: skip
    hidden = Hidden(Looks(table))
    assert hidden.before(2).tolist() == [1] and hidden.sums(np.array([0, 2])).tolist() == [0, 2]
    hidden.drop(1)
    assert not len(hidden.before(2)) and hidden.sums(np.array([2])).tolist() == [0]


def test_codes_are_those_of_the_parts_in_a_row():
    codes = np.eye(5, dtype=np.float32)
    parts = [
        People(np.arange(2), codes[:2], np.zeros(2), np.zeros(2, int)),
        People(np.arange(3), codes[2:], np.zeros(3), np.zeros(3, int)),
    ]
    places = np.array([4, 0, 2])
    known = Known(places, np.zeros(3, np.float32), np.zeros(3, bool), places, places, parts)
    assert np.array_equal(known.codes(np.array([0, 1, 2])), codes[places])
    assert np.array_equal(known.codes(np.array([2])), codes[[2]])
