"""One box for each object: the best of those that overlap."""

from mambatrack.detections import as_detections
from mambatrack.detectors.nms import suppress


def test_suppression_keeps_the_best_of_each_class():
    table = [
        [0, 0, 10, 10, 0.5, 0],
        [0, 0, 10, 11, 0.9, 0],
        [0, 0, 10, 10.5, 0.7, 1],
        [20, 0, 30, 10, 0.0, 0],
    ]
    assert suppress(as_detections(table), 0.65).tolist() == [1, 2, 3]
    assert suppress(as_detections(table), 0.95).tolist() == [1, 2, 0, 3]
    assert suppress(as_detections(None), 0.5).tolist() == []


def test_boxes_that_overlap_exactly_as_allowed_both_stay():
    pair = as_detections([[0, 0, 10, 10, 0.9, 0], [0, 0, 10, 5, 0.8, 0]])
    assert len(suppress(pair, 0.5)) == 2 and len(suppress(pair, 0.499)) == 1
