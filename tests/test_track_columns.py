import pickle

import numpy as np
import pytest

from mambatrack.track_columns import empty_columns


def columns_of(ids, capacity=4):
    columns = empty_columns(3, 2, capacity, 0, True, True)
    columns.reserve(len(ids))
    columns.resize(len(ids))
    columns.live["ids"][:] = ids
    columns.live["motion"][:] = np.array(ids)[:, None]
    return columns


def test_rows_stay_where_they_are_when_the_arrays_grow():
    columns = columns_of([2, 5, 6])
    columns.reserve(1)
    assert columns.capacity == 4
    columns.reserve(7)
    assert columns.capacity == 10 and columns.count == 3
    assert columns.live["ids"].tolist() == [2, 5, 6]
    columns.live["ids"][1] = 4
    assert columns.arrays["ids"].tolist() == [2, 4, 6, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("over", [[1, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], [1, 1, 1, 1]])
def test_rows_that_are_kept_keep_their_order(over):
    columns = columns_of([1, 3, 4, 8])
    columns.drop(np.array(over, bool))
    kept = [each for each, gone in zip([1, 3, 4, 8], over, strict=True) if not gone]
    assert columns.live["ids"].tolist() == kept
    assert columns.live["motion"].tolist() == [[each] * 3 for each in kept]


def test_a_copy_has_views_of_its_own_arrays():
    columns = columns_of([1, 3])
    other = pickle.loads(pickle.dumps(columns))
    other.live["ids"][:] = 7, 9
    other.noise[:] = 1
    assert not columns.noise.any()
    assert other.arrays["ids"][:2].tolist() == [7, 9] and columns.live["ids"].tolist() == [1, 3]
    assert (
        other.row_bytes
        == columns.row_bytes
        == sum(array.nbytes for array in columns_of([1], capacity=1).arrays.values())
    )


def test_an_empty_one_has_as_much_room_and_nothing_in_it():
    columns = columns_of([1, 3], capacity=5)
    columns.noise[:] = 1
    other = columns.empty()
    assert (other.count, other.capacity, other.noise.any()) == (0, 5, False)
    assert other.arrays["motion"].shape == (5, 3) and not other.arrays["motion"].any()
    assert columns.live["ids"].tolist() == [1, 3] and columns.noise.all()
