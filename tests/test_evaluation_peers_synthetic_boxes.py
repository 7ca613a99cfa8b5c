"""Boxes to time trackers with."""

import numpy as np

from mambatrack.evaluation.peers.synthetic_boxes import LATER, SIZE, meeting_boxes, moving_boxes


def test_timed_boxes_are_the_same_every_time_and_are_sometimes_missing():
    first, second = moving_boxes(20, 50), moving_boxes(20, 50)
    assert np.array_equal(first.detections, second.detections)
    frame, scores = first.detections[:, 0], first.detections[:, 5]
    seen = np.bincount(frame.astype(int))[1:]
    assert (np.diff(frame) >= 0).all() and len(seen) == 50 and seen.max() <= 20
    assert 0.85 < seen.mean() / 20 < 0.95
    assert ((scores >= 0.1) & (scores < 1)).all() and 0.1 < (scores < 0.6).mean() < 0.2


def test_people_who_meet_are_the_same_every_time_and_overlap():
    one, ten = meeting_boxes(10, 60), meeting_boxes(100, 60)
    assert np.array_equal(one.detections, meeting_boxes(10, 60).detections)
    assert one.size == SIZE and ten.size == (4 * SIZE[0], 3 * SIZE[1])
    assert 6 < len(one.detections) / 60 < 14 and 60 < len(ten.detections) / 60 < 140
    assert overlaps(one) > 5 * overlaps(moving_boxes(10, 60))
    assert (np.diff(ten.detections[:, 0]) >= 0).all()


def test_each_group_who_meets_has_a_picture_of_its_own():
    one, two = meeting_boxes(10, 60), meeting_boxes(20, 40)
    boxes = two.detections[:, 1:5]
    right = boxes[:, 0] >= SIZE[0]
    assert (boxes[~right, 2] <= SIZE[0]).all() and two.size == (2 * SIZE[0], SIZE[1])
    later = one.detections[one.detections[:, 0] == LATER + 1]
    first = two.detections[right & (two.detections[:, 0] == 1)]
    assert np.array_equal(first[:, 1:] - [SIZE[0], 0, SIZE[0], 0, 0], later[:, 1:])


def overlaps(video) -> float:
    """Pairs of boxes of a frame that overlap, on average."""
    pairs = 0
    for frame in range(1, video.frames + 1):
        boxes = video.detections[video.detections[:, 0] == frame, 1:5]
        low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
        high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
        pairs += ((high > low).all(axis=2).sum() - len(boxes)) / 2
    return pairs / video.frames
