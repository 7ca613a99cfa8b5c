"""Several results made into one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.tracking.consensus import NEEDED_SHARE, consensus, cut

FRAME = np.repeat(np.arange(40), 2)
STRAIGHT = np.tile([0, 1], 40)


def crossed(*moments):
    """Two people who change places in these frames."""
    times = sum((moment <= FRAME).astype(int) for moment in moments)
    return np.where(times % 2, 1 - STRAIGHT, STRAIGHT)


def same_partition(one, other):
    pairs = {*zip(one.tolist(), other.tolist(), strict=True)}
    return len(pairs) == len({*one.tolist()}) == len({*other.tolist()})


@st.composite
def results(draw):
    """frame [D] and tracks [K, D] of results in which a track has one detection in a frame."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    frames, people, count = (draw(st.integers(1, most)) for most in (15, 4, 5))
    frame = np.repeat(np.arange(frames), people)
    rows = [
        np.concatenate([random.permutation(people + 2)[:people] for _ in range(frames)])
        if random.random() < 0.3
        else np.tile(random.permutation(people), frames)
        for _ in range(count)
    ]
    tracks = np.array(rows)
    tracks[random.random(tracks.shape) < draw(st.sampled_from([0.0, 0.2, 0.7]))] = -1
    return frame, tracks


@settings(deadline=None)
@given(results())
def test_a_track_has_one_detection_in_a_frame(given_results):
    frame, tracks = given_results
    track = consensus(frame, tracks)
    places = [(f, t) for f, t in zip(frame.tolist(), track.tolist(), strict=True) if t >= 0]
    assert len(set(places)) == len(places)
    assert np.array_equal(track >= 0, (tracks >= 0).mean(axis=0) > 0.5)


@settings(deadline=None)
@given(results())
def test_one_result_alone_stays_as_it_is(given_results):
    frame, tracks = given_results
    used = tracks[0] >= 0
    for count in (1, 3):
        track = consensus(frame, tracks[:1].repeat(count, axis=0))
        assert same_partition(track[used], tracks[0][used]) and (track[~used] == -1).all()


def test_what_most_results_have_wins_everywhere():
    """Each of three results has a mistake of its own; together they have none."""
    tracks = np.array([crossed(10), crossed(20), crossed(30)])
    assert same_partition(consensus(FRAME, tracks), crossed(20))
    tracks = np.array([crossed(10, 14), crossed(20, 24), crossed(30, 34)])
    assert same_partition(consensus(FRAME, tracks), STRAIGHT)


def test_what_hardly_any_result_joins_stays_apart():
    broken = np.where(FRAME < 20, STRAIGHT, STRAIGHT + 2)
    few = np.array([STRAIGHT] + [broken] * 7)
    some = np.array([STRAIGHT] * 3 + [broken] * 5)
    assert 1 / 8 < NEEDED_SHARE < 3 / 8
    assert same_partition(consensus(FRAME, few), broken)
    assert same_partition(consensus(FRAME, some), STRAIGHT)


def test_no_detection_and_none_on_a_track():
    nothing = np.zeros((2, 0), int)
    assert consensus(np.zeros(0, int), nothing).shape == (0,)
    assert cut(np.zeros(0, int), np.zeros(0, int), nothing, 1.0).shape == (0,)
    assert consensus(np.arange(3), np.full((2, 3), -1)).tolist() == [-1] * 3


def test_links_that_few_results_have_are_cut():
    tracks = np.array([STRAIGHT, STRAIGHT, crossed(20), crossed(10)])
    for least, parts in ((0.75, 2), (0.8, 6), (0.0, 2), (1.0, 6)):
        assert len(set(cut(FRAME, STRAIGHT, tracks, least).tolist())) == parts
    assert cut(FRAME[:2], np.array([-1, 4]), tracks[:, :2], 1.0).tolist() == [-1, 0]


@settings(deadline=None)
@given(results(), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_share_cuts_wherever_a_lower_one_does(given_results, one, other):
    frame, tracks = given_results
    track = consensus(frame, tracks)
    low, high = (cut(frame, track, tracks, each) for each in sorted((one, other)))
    assert np.array_equal(low >= 0, high >= 0) and np.array_equal(low >= 0, track >= 0)
    for coarse, fine in ((track, low), (low, high)):
        pairs = {*zip(fine.tolist(), coarse.tolist(), strict=True)}
        assert len(pairs) == len({*fine.tolist()})
