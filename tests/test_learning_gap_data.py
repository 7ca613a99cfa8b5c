"""Gaps of true boxes to learn from."""

import numpy as np

from mambatrack.learning.gap_data import GapSampler, _reversed, observations, read_seen_people
from test_gaps_filling import LONGEST, Q
from test_learning_gap_training import world


def test_sampled_gaps_are_gaps_of_the_truth(tmp_path):
    people = read_seen_people([world(tmp_path / "a"), world(tmp_path / "b", seed=1)])
    assert np.diff(people.run).min() >= 0 and people.run[-1] == 5
    sampler = GapSampler(people, Q, LONGEST)
    (ends, true), again = (sampler.batch(np.random.default_rng(3), 200) for _ in range(2))
    np.testing.assert_array_equal(true, again[1])
    assert ends.length.min() >= 1 and ends.length.max() <= LONGEST
    assert ends.known[:, Q - 1 : Q + 1].all() and not ends.known.all()
    side = np.sign(true[:, 0, 0])
    for row, length in enumerate(ends.length):
        known = ends.known[row]
        assert (np.diff(ends.times[row][known]) > 0).all()
        assert ends.times[row, Q - 1] == 0 and ends.times[row, Q] == length + 1
        gone = np.abs(np.diff(true[row, :length, :2], axis=0)).max(initial=0)
        assert gone < 10  # the truth moves at most 8 pixels a frame
        ends_off = np.abs(ends.boxes[row, [Q - 1, Q]] - true[row, [0, length - 1]]).max()
        assert ends_off < 16 and (np.sign(ends.boxes[row, known, 0]) == side[row]).all()


def test_time_backwards_twice_is_forwards(tmp_path):
    sampler = GapSampler(read_seen_people([world(tmp_path / "a")]), Q, LONGEST)
    ends, true = sampler.batch(np.random.default_rng(0), 50)
    turned = np.ones(50, bool)
    back, back_true = _reversed(ends, true, turned)
    forth, forth_true = _reversed(back, back_true, turned)
    for row, length in enumerate(ends.length):
        np.testing.assert_array_equal(true[row, :length], forth_true[row, :length])
        np.testing.assert_array_equal(true[row, :length], back_true[row, :length][::-1])
    for one, other in zip(ends, forth, strict=True):
        np.testing.assert_array_equal(one, other)


def test_observations_know_their_gaps(tmp_path):
    people = read_seen_people([world(tmp_path / "a")])
    found = observations(people, 0.0, LONGEST)
    assert len(found.gaps)
    for place in found.gaps:
        first, last = found.rows[place], found.rows[place + 1]
        assert (people.scores[first + 1 : last] == -1).all() and last > first + 1
