import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Tracker, load_config
from mambatrack.class_votes import CANDIDATES, vote


def tracker(**settings_):
    overrides = {"tracker.predictor": "still", "tracker.association": "overlap"}
    return Tracker(load_config(None, overrides | settings_))


def box(place, score, label):
    return [100.0 * place, 0, 100.0 * place + 50, 100, score, label]


def classes_after(*seen):
    tracked = tracker()
    return [int(tracked.update([box(0, score, label)]).labels[0]) for score, label in seen]


def test_one_glimpse_of_another_class_does_not_change_a_tracks():
    assert classes_after(*[(0.9, 2)] * 5, (0.9, 7), (0.9, 2)) == [2] * 7


def test_a_sure_detection_counts_more_than_an_unsure_one():
    assert classes_after((0.61, 2), (0.95, 7), (0.61, 2)) == [2, 7, 2]


def test_a_track_can_become_another_class():
    labels = classes_after(*[(0.9, 2)] * 1000, *[(0.9, 7)] * 60)
    assert labels[999] == 2 and labels[1010] == 2 and labels[-1] == 7


def test_neighbours_keep_their_own_classes():
    tracked = tracker()
    for step in range(8):
        rows = [box(0, 0.9, 1), box(1, 0.9, 5 if step == 3 else 2), box(2, 0.9, 3)]
        rows = rows[: 2 if step == 4 else 3]  # the third is not seen once
        assert tracked.update(rows).labels.tolist() == [1, 2, 3]


def test_a_new_track_owes_nothing_to_the_one_that_had_its_row():
    tracked = tracker(**{"tracker.max_age": 1})
    for label in (1, 1, 1, 4):
        tracked.update([box(0, 0.9, label)])
    tracked.update(), tracked.update()
    assert tracked.update([box(5, 0.7, 6)]).labels.tolist() == [6]
    assert tracked.update([box(5, 0.9, 1)]).labels.tolist() == [1]


def test_counting_one_class_is_the_same_with_and_without_the_short_way():
    short, long = tracker(), tracker()
    long.state.hypotheses.table.mixed = True
    for step in range(50):
        rows = [box(0, 0.6 + step / 200, 3), box(1, 0.9, 4)]
        short.update(rows), long.update(rows)
        long.state.hypotheses.table.mixed = True
        np.testing.assert_array_equal(
            short.state.hypotheses.table["votes"], long.state.hypotheses.table["votes"]
        )
    assert not short.state.hypotheses.table.mixed


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0.0625, 1, width=32)), max_size=40))
def test_few_classes_are_counted_exactly(seen):
    """Against a plain count without a bound on the candidates."""
    classes, votes = np.zeros((1, CANDIDATES), np.int64), np.zeros((1, CANDIDATES), np.float32)
    weights = {}
    for label, score in seen:
        weights = {key: 0.98 * each for key, each in weights.items()}
        weights[label] = weights.get(label, 0) + score
        (winner,) = vote(classes, votes, np.array([label]), np.array([score], np.float32))
        assert weights[int(winner)] >= max(weights.values()) - 1e-3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 50), st.floats(0, 1, width=32)), min_size=1, max_size=60))
def test_any_number_of_classes_stays_bounded(seen):
    classes, votes = np.zeros((1, CANDIDATES), np.int64), np.zeros((1, CANDIDATES), np.float32)
    for label, score in seen:
        (winner,) = vote(classes, votes, np.array([label]), np.array([score], np.float32))
        assert winner in {each for each, _ in seen}
        assert label in classes and (votes >= 0).all() and votes.sum() <= 51
        alive = classes[votes > 0]
        assert len(set(alive.tolist())) == len(alive)
