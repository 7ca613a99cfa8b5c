"""What the boxes of a sequence look like, kept for passes without pictures."""

import numpy as np
import pytest

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.embedders.colour import colour_embedder


def test_only_what_is_clean_is_looked_at():
    looks = SequenceLooks(Appearance(colour_embedder()))
    boxes = [[100, 50, 140, 150], [110, 50, 150, 152], [300, 50, 340, 150], [500, 50, 501, 51]]
    looks.note(np.full((360, 640, 3), 90, np.uint8), boxes)
    looks.note(None, boxes)
    assert looks.appearance.boxes == 4
    assert [len(each.boxes) for each in looks.frames] == [1, 0]
    vectors, usable = looks.again()(looks.frames[0], np.array(boxes, np.float32))
    assert usable.tolist() == [False, False, True, False]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([0, 0, 1, 0], abs=1e-3)


def test_what_similarities_of_tracks_are_worth():
    """Two in view together, of whom the one wears red and the other blue, and nothing changes."""
    looks, boxes = (
        SequenceLooks(Appearance(colour_embedder())),
        [[9, 9, 49, 109], [99, 9, 139, 109]],
    )
    picture = np.full((120, 160, 3), 90, np.uint8)
    picture[9:109, 9:49], picture[9:109, 99:139] = (0, 0, 200), (200, 0, 0)
    for _ in range(10):
        looks.note(picture, boxes)
    rows = [np.array(boxes, np.float32)] * 10
    sums, counts, calibration = looks.of_tracks(
        rows, [np.array([2, 0])] * 5 + [np.array([2, 1])] * 5, 3
    )
    assert counts.tolist() == [0, 5, 10] and sums.shape == (3, looks.again().size)
    assert np.linalg.norm(sums, axis=1) == pytest.approx([0, 5, 10], rel=1e-3)
    assert calibration.same.count == pytest.approx(15, rel=0.02) and calibration.same.mean > 0.99
    assert calibration.others.count == pytest.approx(10, rel=0.02) and calibration.others.mean < 0.2
    assert calibration.prior is not None
