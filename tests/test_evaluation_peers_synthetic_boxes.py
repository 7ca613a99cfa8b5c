"""Boxes to time trackers with."""

import numpy as np

from mambatrack.evaluation.peers.synthetic_boxes import moving_boxes


def test_timed_boxes_are_the_same_every_time_and_are_sometimes_missing():
    first, second = moving_boxes(20, 50), moving_boxes(20, 50)
    assert np.array_equal(first.detections, second.detections)
    frame, scores = first.detections[:, 0], first.detections[:, 5]
    seen = np.bincount(frame.astype(int))[1:]
    assert (np.diff(frame) >= 0).all() and len(seen) == 50 and seen.max() <= 20
    assert 0.85 < seen.mean() / 20 < 0.95
    assert ((scores >= 0.1) & (scores < 1)).all() and 0.1 < (scores < 0.6).mean() < 0.2
