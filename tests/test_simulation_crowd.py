"""How the people of the synthetic world move, in metres and pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.simulation.crowd import (
    FAR,
    JOINTS,
    NEAR,
    Camera,
    Crowd,
    elbow_room,
    stand_pillars,
)

CAMERA = Camera(640, 360)


def crowd_of(people, seed=0, pillars=0, fps=25.0):
    rng = np.random.default_rng(seed)
    return Crowd(rng, CAMERA, stand_pillars(rng, CAMERA, pillars), people, fps)


@given(st.floats(NEAR, FAR), st.floats(-3, 3), st.floats(0.5, 2))
def test_what_is_further_away_is_smaller_and_higher_in_the_picture(depth, x, height):
    near, far = np.array([x, depth]), np.array([x, depth + 1])
    feet, head = np.zeros(2), np.array([0, height])
    tall = [CAMERA.project(p, feet)[1] - CAMERA.project(p, head)[1] for p in (near, far)]
    assert tall[0] > tall[1] > 0
    assert tall[0] == pytest.approx(height * CAMERA.focal / depth)
    assert CAMERA.project(near, feet)[1] > CAMERA.project(far, feet)[1] > CAMERA.horizon


@given(st.floats(NEAR, FAR), st.sampled_from([-1, 1]))
def test_the_edge_of_the_view_is_the_edge_of_the_picture(depth, side):
    edge = np.array([side * CAMERA.half_view(depth), depth])
    assert CAMERA.project(edge, np.zeros(2))[0] == pytest.approx(320 + side * 320)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_pillars_stand_in_the_view_and_before_everyone(count):
    pillars = stand_pillars(np.random.default_rng(1), CAMERA, count)
    assert pillars.shape == (count, 3)
    assert (np.abs(pillars[:, 0]) < CAMERA.half_view(pillars[:, 1])).all()
    assert (pillars[:, 1] < NEAR).all() and (np.diff(pillars[:, 0]) > 0.5).all()


def test_bodies_are_whole_farthest_first_and_their_boxes_hold_every_joint():
    figures = crowd_of(9).figures()
    assert figures.joints.shape == (9, JOINTS, 2) and sorted(figures.ids) == list(range(1, 10))
    assert (np.diff(figures.depth) <= 0).all()
    boxes = figures.boxes()
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    assert ((figures.joints > low) & (figures.joints < high)).all()
    heads, feet = figures.joints[:, 0, 1], figures.joints[:, -1, 1]
    assert (heads < feet).all()


def test_everybody_stays_on_the_floor_and_ids_are_never_used_again():
    crowd, ids, gone = crowd_of(6, seed=2, pillars=2), [], set()
    for _ in range(600):
        crowd.step()
        now = crowd.people["id"].tolist()
        assert len(set(now)) == len(now) and not gone & set(now)
        gone |= set(ids) - set(now)
        ids = now
        depth = crowd.people["place"][:, 1]
        assert ((depth > NEAR - 1) & (depth < FAR + 1)).all()
        assert np.isfinite(crowd.figures().joints).all()
    assert gone


def test_the_number_of_frames_a_second_does_not_change_the_speed():
    def pace(fps):
        crowd, walked = crowd_of(12, fps=fps), []
        for _ in range(round(20 * fps)):
            crowd.step()
            walked.append(np.linalg.norm(crowd.people["velocity"], axis=1).mean())
        return np.mean(walked)

    assert pace(50.0) == pytest.approx(pace(12.5), rel=0.3)


places = st.lists(st.tuples(st.floats(-3, 3), st.floats(NEAR, FAR)), max_size=6)


@given(places)
def test_who_stands_too_close_is_pushed_apart(given_places):
    place = np.array(given_places, float).reshape(-1, 2)
    push = elbow_room(place)
    assert push.shape == place.shape and np.isfinite(push).all()
    np.testing.assert_allclose(push.sum(axis=0), 0, atol=1e-9)
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1) + 9 * np.eye(len(place))
    assert not push[(apart >= 0.5).all(axis=1)].any()


def test_two_who_meet_go_apart():
    push = elbow_room(np.array([[0.0, 8.0], [0.3, 8.0]]))
    assert push[0, 0] < 0 < push[1, 0]
