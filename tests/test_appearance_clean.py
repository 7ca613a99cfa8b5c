"""Which boxes show one object."""

import numpy as np

from mambatrack.appearance.clean import clean

ALONE, FRONT, BEHIND = [0, 0, 40, 100], [100, 10, 140, 110], [110, 0, 150, 100]


def test_boxes_that_others_cover_are_not_clean():
    boxes = np.array([ALONE, FRONT, BEHIND], np.float32)
    assert clean(boxes, np.arange(3)).tolist() == [True, False, False]
    assert clean(boxes, np.array([0, 2])).tolist() == [True, False]
    assert clean(boxes, np.zeros(0, np.int64)).tolist() == []


def test_who_stands_in_front_may_be_touched_more():
    front, behind = [100, 10, 140, 110], [128, 0, 168, 100]
    boxes = np.array([front, behind], np.float32)
    assert clean(boxes, np.arange(2)).tolist() == [True, False]
