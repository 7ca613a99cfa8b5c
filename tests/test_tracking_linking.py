"""Two results made into one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.tracking.linking import Weighed, followers, merge, pieces

FRAME = np.repeat(np.arange(40), 2)
STRAIGHT = np.tile([0, 1], 40)
CROSSED = np.where(FRAME < 20, STRAIGHT, 1 - STRAIGHT)


def surely(track, evidence=0.0):
    return Weighed(track, np.full(len(track), float(evidence)))


def same_partition(one, other):
    return len({*zip(one.tolist(), other.tolist(), strict=True)}) == len({*one.tolist()})


def test_next_detection_of_a_track():
    after = followers(np.array([1, -1, 1, 0, 1]), np.array([0, 0, 2, 2, 1]))
    assert after.tolist() == [4, -1, -1, -1, 2]
    of, length = pieces(after)
    assert of[0] == of[2] == of[4] and length[of[0]] == 3


def test_the_likelier_result_wins():
    assert same_partition(merge(FRAME, surely(STRAIGHT), surely(CROSSED, -1)), STRAIGHT)
    assert same_partition(merge(FRAME, surely(STRAIGHT, -1), surely(CROSSED)), CROSSED)


def test_evidence_far_from_the_difference_does_not_count():
    far = np.where(FRAME < 5, -100.0, 0.0)
    near = np.where(FRAME == 20, -1.0, 0.0)
    one, other = Weighed(STRAIGHT, near), Weighed(CROSSED, far)
    assert same_partition(merge(FRAME, one, other), CROSSED)


def test_changing_places_at_another_moment_is_one_decision():
    later = np.where(FRAME < 24, STRAIGHT, 1 - STRAIGHT)  # 4 frames after CROSSED
    merged = merge(FRAME, surely(CROSSED, -1), surely(later))
    assert same_partition(merged, later)


def test_a_link_is_worth_some_evidence():
    frame, whole, broken = np.arange(30), np.zeros(30, int), (np.arange(30) >= 15).astype(int)
    assert same_partition(merge(frame, surely(broken), surely(whole, -0.5)), whole)
    assert same_partition(merge(frame, surely(broken), surely(whole, -5)), broken)


tracks = st.lists(st.permutations([0, 1, -1]), min_size=2, max_size=30)


@given(tracks, tracks, st.integers(0, 99))
def test_a_track_has_one_detection_in_a_frame(one, other, seed):
    count = min(len(one), len(other))
    frame = np.repeat(np.arange(count), 3)
    rng = np.random.default_rng(seed)
    given = [
        Weighed(np.array(each[:count]).ravel(), -rng.random(3 * count)) for each in (one, other)
    ]
    merged = merge(frame, *given)
    used = merged >= 0
    assert len({*zip(frame[used], merged[used], strict=True)}) == used.sum()
    assert used[given[0].track >= 0].all()
