import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Tracker
from mambatrack.config import TrackerConfig
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.leaps import FEWEST

BALL, PERSON = 32, 0


def balls(steps, frames=20, size=20.0, label=BALL, score=0.9):
    """Rows of each frame of objects that move by ``steps`` [N] of their sizes, row below row."""
    steps = np.array(steps)
    top = 60.0 * np.arange(len(steps))
    for frame in range(frames):
        left = frame * size * steps
        corners = [left, top, left + size, top + size]
        yield np.column_stack([*corners, np.full(len(steps), score), np.full(len(steps), label)])


def ids_of(tracker, frames):
    """[frames, N]: the id of each row, 0 where it has none."""
    found = []
    for rows in frames:
        tracks = tracker.update(rows)
        ids = np.zeros(len(rows), np.int64)
        ids[tracks.det_ind[tracks.observed]] = tracks.ids[tracks.observed]
        found.append(ids)
    return np.array(found)


@pytest.mark.parametrize("predictor", ["mamba", "mamba-window", "kalman"])
def test_a_ball_that_moves_five_of_its_widths_a_frame_is_followed(predictor):
    ids = ids_of(Tracker(predictor=predictor), balls([5.0]))[:, 0]
    assert len(set(ids[FEWEST:])) == 1 and len(set(ids)) == FEWEST
    assert len(set(ids_of(Tracker(predictor=predictor, reach=0), balls([5.0]))[:, 0])) == 20


def test_a_ball_is_followed_among_people_who_stand():
    people = np.array([[300.0 * k, 400, 300.0 * k + 60, 560, 0.9, PERSON] for k in range(9)])
    ids = ids_of(Tracker(), [np.concatenate([people, ball]) for ball in balls([4.0])])
    assert (ids[:, :9] == np.arange(1, 10)).all() and len(set(ids[FEWEST:, 9])) == 1


def test_the_first_leap_of_several_is_to_the_nearest():
    ids = ids_of(Tracker(), balls([2.0, 3.0, 4.0]))
    assert (ids == [1, 2, 3]).all()


def test_a_fast_one_that_was_hidden_goes_on_where_its_speed_takes_it():
    frames = list(balls([3.0, 3.0, 3.0]))
    frames[8:11] = [np.zeros((0, 6))] * 3
    tracker = Tracker()
    for rows in frames:
        tracks = tracker.update(rows)
    assert tracks.ids.tolist() == [1, 2, 3] and tracks.observed.all()
    np.testing.assert_allclose(tracks.velocity, [[60, 0]] * 3, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "settings", [{"reach": 0.0}, {"caution": 0.5}, {"association": "overlap"}, {"reach": 3.0}]
)
def test_nobody_is_joined_where_that_is_not_asked_for(settings):
    assert len(set(ids_of(Tracker(**settings), balls([5.0], 6))[:, 0])) == 6


@settings(max_examples=6, deadline=None)
@given(st.lists(st.floats(-4, 4, width=16), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_caution_cuts_where_somebody_leapt_and_changes_nothing_else(steps, seed):
    rng = np.random.default_rng(seed)
    frames = [rows[rng.random(len(rows)) < 0.8] for rows in balls(steps, 12)]
    coarse, fine = (
        [ids for rows in frames for ids in ids_of(tracker, [rows])[0].tolist()]
        for tracker in (Tracker(), Tracker(caution=0.01))
    )
    assert len(set(zip(coarse, fine, strict=True))) == len(set(fine)) >= len(set(coarse))


def test_another_class_or_size_is_another_object():
    frames = list(balls([2.0, 2.0, 2.0], 4))
    frames[2][:, 5] = PERSON
    frames[3][:, 2] += 20
    ids = ids_of(Tracker(), frames)
    assert (ids[0] == ids[1]).all() and len(np.unique(ids)) == 9


def test_short_lived_false_alarms_among_people_join_nothing():
    rng = np.random.default_rng(0)
    people = np.array([[150.0 * k, 400, 150.0 * k + 60, 560, 0.9, PERSON] for k in range(8)])
    frames = [people]
    for _ in range(20):
        left, top = rng.uniform(0, 1000), rng.uniform(0, 150)
        alarm = [left, top, left + 60, top + 160, 0.9, PERSON]
        frames.append(np.concatenate([people, [alarm]]))
    one, other = (Tracker(reach=reach) for reach in (0.0, 8.0))
    for rows in frames:
        np.testing.assert_array_equal(one.update(rows).to_array(), other.update(rows).to_array())


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.floats(-9, 9, width=16), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
    st.integers(1, 9),
)
def test_a_state_a_group_and_another_order_change_nothing(steps, seed, saved_at):
    rng = np.random.default_rng(seed)
    config = TrackerConfig(hypotheses=int(rng.integers(1, 4)), caution=rng.choice([0.0, 0.5]))
    group, tracker, restored = TrackerGroup(config, 1), Tracker(config), Tracker(config)
    for number, rows in enumerate(balls(steps, 12)):
        rows = rows[rng.random(len(rows)) < 0.8]
        tracks = tracker.update(rows)
        assert len(set(tracks.ids.tolist())) == len(tracks)
        np.testing.assert_array_equal(
            group.update({0: (rows, None)})[0].to_array(), tracks.to_array()
        )
        if number >= saved_at:
            np.testing.assert_array_equal(restored.update(rows).to_array(), tracks.to_array())
        if number == saved_at - 1:
            restored.load_state_dict(tracker.state_dict())
