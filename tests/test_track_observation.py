"""What a table keeps of its detections: the C library and NumPy agree to the bit."""

import numpy as np

from c_library import needs_library
from mambatrack.detections import as_detections
from mambatrack.track_table import TrackTable
from test_class_votes import box

pytestmark = needs_library


def test_classes_are_voted_in_c_as_in_numpy():
    rng, ours, theirs = np.random.default_rng(2), TrackTable(0), TrackTable(0)
    theirs._compiled, mixed = False, set()
    found = as_detections([box(place, 0.9, place) for place in range(6)])
    for table in (ours, theirs):
        table.start(found.centred, np.zeros((6, 0), np.float32), found, np.arange(6))
    for step in range(300):
        seen = rng.permutation(6)[: rng.integers(7)]
        others = rng.integers(0, 7, 6) if step % 100 > 70 else np.arange(6)
        scores = np.where(rng.random(6) < 0.2, 0, rng.random(6))
        again = as_detections([box(k, scores[k], others[k]) for k in range(6)])
        for table in (ours, theirs):
            table.predict(table["boxes"], table["spread"])
            table.observe(seen, again.centred[seen], again, seen)
        for name in ("classes", "votes", "labels", "hits"):
            np.testing.assert_array_equal(ours[name], theirs[name])
        assert ours.mixed == theirs.mixed
        mixed.add(ours.mixed)
    assert mixed == {False, True}
