"""What a pair of a track and a detection is described by."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from association_models import WIDTH, Kept, track_with, world
from mambatrack.association.features import ALONE, NAMES, best_other, nearest, neighbours
from mambatrack.learning.association_pieces import distrusted, mirrored


def turned(detections):
    """The same scene in a mirror."""
    boxes = detections.boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [WIDTH, 0, WIDTH, 0]
    return np.column_stack([boxes, detections.scores, detections.labels])


def test_features_in_a_mirror_are_the_mirrored_features():
    """One frame after another: what is learnt on the left side holds on the right."""
    plain, other = Kept(), Kept()
    frames = world()
    track_with(plain, frames)
    track_with(other, [turned(each) for each in frames])
    assert len(plain.given) == len(other.given) == len(frames)
    for ours, theirs in zip(plain.given, other.given, strict=True):
        np.testing.assert_array_equal(ours.tracks, theirs.tracks)
        np.testing.assert_allclose(mirrored(ours.features.T, NAMES), theirs.features.T, atol=2e-3)
        np.testing.assert_allclose(mirrored(ours.alone.T, ALONE), theirs.alone.T, atol=2e-3)


def test_features_of_a_doubtful_detector_are_those_of_its_scores():
    """The scores of a whole video scaled, or the features of the video scaled."""
    plain, other = Kept(), Kept()
    frames = world()
    doubtful = [
        np.column_stack([each.boxes, 0.1 + (each.scores - 0.1) * 0.9, each.labels])
        for each in frames
    ]
    settings_ = {"tracker.association": "overlap"}
    track_with(plain, frames, **settings_)
    track_with(other, doubtful, **settings_)
    compared = 0
    for ours, theirs in zip(plain.given, other.given, strict=True):
        if ours.features.shape == theirs.features.shape:
            compared += ours.features.shape[1]
            expected = distrusted(ours.features.T, NAMES, 0.9)
            np.testing.assert_allclose(expected, theirs.features.T, atol=1e-4)
            expected = distrusted(ours.alone.T, ALONE, 0.9)
            np.testing.assert_allclose(expected, theirs.alone.T, atol=1e-4)
    assert compared > 100


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1, width=32)), max_size=20))
def test_best_other_is_the_largest_of_the_rest(pairs):
    index = np.array([i for i, _ in pairs], np.int64)
    values = np.array([v for _, v in pairs], np.float32)
    expected = [
        max((values[j] for j in range(len(pairs)) if j != i and index[j] == index[i]), default=0)
        for i in range(len(pairs))
    ]
    np.testing.assert_array_equal(best_other(values, index, 5), np.array(expected, np.float32))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 9)), max_size=30),
    st.integers(1, 4),
)
def test_nearest_pairs_have_few_nearer_ones_of_their_track_or_detection(pairs, most):
    rows, columns, far = (np.array([each[i] for each in pairs], np.int64) for i in range(3))
    expected = [
        min(np.count_nonzero((side == side[pair]) & (far < far[pair])) for side in (rows, columns))
        < most
        for pair in range(len(pairs))
    ]
    assert nearest(rows, columns, far.astype(np.float32), most).tolist() == expected


def test_neighbours_are_those_that_overlap_most():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [8, 0, 18, 10], [50, 0, 60, 10]], np.float32)
    most, which = neighbours(boxes.T.copy())
    assert which.tolist() == [1, 0, 1, 3]
    np.testing.assert_allclose(most, [9 / 11, 9 / 11, 3 / 17, 0], rtol=1e-5)
    assert neighbours(np.zeros((4, 0), np.float32))[0].shape == (0,)
