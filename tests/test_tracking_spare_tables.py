import pickle

import numpy as np

from c_library import needs_library
from mambatrack.track_table import TrackTable
from mambatrack.tracking.spare_tables import SpareTables


def test_those_that_are_put_are_taken_again():
    spare, tables = SpareTables(), [TrackTable(3) for _ in range(3)]
    assert spare.take() is None and len(spare) == 0
    spare.put(tables[:2])
    spare.put(tables[2:])
    assert spare.take() is tables[2] and len(spare) == 2
    assert spare.take_all() == tables[:2] and len(spare) == 0


def test_as_many_are_made_as_are_lacking():
    spare, table = SpareTables(), TrackTable(3, 5, capacity=7)
    spare.put([TrackTable(3, 5)])
    for count, wanted in [(1, 1), (3, 3), (2, 3)]:
        spare.fill(count, table)
        assert len(spare) == wanted
    assert spare.take()["motion"].shape == (0, 3) and not len(spare.take())


@needs_library
def test_addresses_are_those_of_the_tables_that_are_there():
    spare, table = SpareTables(), TrackTable(3, 5)
    assert spare.in_c[0] == 0
    spare.put([table, TrackTable(3, 5)])
    count, at = spare.in_c
    assert count == 2 and spare.in_c == (count, at)
    spare.take()
    count, at = spare.in_c
    assert count == 1
    read = np.frombuffer(bytes(spare._addresses), np.int64)
    assert read.tolist() == [table.in_c.at]
    assert len(pickle.loads(pickle.dumps(spare))) == 1
