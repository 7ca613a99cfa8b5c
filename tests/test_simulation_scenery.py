"""The picture of the synthetic world."""

import cv2
import numpy as np

from mambatrack.simulation.crowd import Camera, Crowd, stand_pillars
from mambatrack.simulation.scenery import Scenery
from mambatrack.simulation.world import make_world, simulate
from test_simulation_world import SMALL


def test_the_picture_shows_people_where_the_boxes_are():
    world = make_world(seed=1, frames=60)
    empty = make_world(seed=1, people=0, frames=1).render(0)
    for index in range(0, 60, 10):
        picture = world.render(index)
        assert picture.shape == (540, 960, 3) and picture.dtype == np.uint8
        moved = np.abs(picture.astype(int) - empty).max(axis=2) > 40
        boxed = np.zeros(moved.shape, np.uint8)
        for x1, y1, x2, y2 in world.frames[index].boxes.round().astype(int).tolist():
            cv2.rectangle(boxed, (x1 - 2, y1 - 2), (x2 + 2, y2 + 2), 1, cv2.FILLED)
        assert moved.sum() > 2000
        outside = moved & (boxed == 0)
        assert outside.sum() < 0.15 * moved.sum()  # shadows


def test_rendering_twice_gives_the_same_fresh_picture():
    frame = next(simulate(seed=1, size=SMALL))
    first = frame.render()
    expected = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(frame.render(), expected)


def test_a_person_wears_the_same_in_every_frame_of_a_world():
    camera, pillars = Camera(*SMALL), np.zeros((0, 3))
    first, second, other = (Scenery(camera, pillars, seed) for seed in (1, 1, 2))
    parts = [[scenery._outfit(identity).parts for identity in range(30)]
             for scenery in (first, second, other)]  # fmt: skip
    assert parts[0] == parts[1] != parts[2]
    tops = {tuple(np.round(outfit[10], 3)) for outfit in parts[0]}
    assert len(tops) == 30
    for identity in range(400):
        first._outfit(identity)
    assert len(first._outfits) <= 257  # an endless world does not fill the memory
    assert first._outfit(7).parts == parts[0][7]


def test_an_empty_room_is_copied_and_pillars_stand_in_it():
    camera = Camera(*SMALL)
    pillars = stand_pillars(np.random.default_rng(0), camera, 2)
    crowd = Crowd(np.random.default_rng(0), camera, pillars, 0, 25)
    bare, pillared = (Scenery(camera, each, 5) for each in (pillars[:0], pillars))
    one, two = bare.paint(crowd.figures()), bare.paint(crowd.figures())
    assert one is not two and np.array_equal(one, two)
    changed = (np.abs(pillared.paint(crowd.figures()).astype(int) - one) > 15).any(axis=2)
    centres = SMALL[0] / 2 + pillars[:, 0] * camera.focal / pillars[:, 1]
    assert (changed[:, centres.round().astype(int)].mean(axis=0) > 0.3).all()
    assert not changed[:, round(centres.mean())].any()


def test_whoever_is_behind_a_pillar_is_not_seen():
    camera = Camera(*SMALL)
    pillars = np.array([[0.0, 5.6, 0.4]])
    crowd = Crowd(np.random.default_rng(0), camera, pillars[:0], 1, 25)
    scenery = Scenery(camera, pillars, 5)
    crowd.people["place"] = [[0.0, 12.0]]
    room = scenery.paint(Crowd(np.random.default_rng(0), camera, pillars, 0, 25).figures())
    changed = (scenery.paint(crowd.figures()) != room).any(axis=2)
    left, right = (round(SMALL[0] / 2 + side * 0.2 * camera.focal / 5.6) for side in (-1, 1))
    assert not changed[:, left + 1 : right - 1].any()
    crowd.people["place"] = [[2.0, 12.0]]
    assert (scenery.paint(crowd.figures()) != room).any(axis=2).sum() > 100


def test_in_uniform_all_look_the_same():
    scenery = Scenery(Camera(*SMALL), np.zeros((0, 3)), 1, uniform=True)
    first, second = scenery._outfit(1), scenery._outfit(2)
    assert first.parts == second.parts and first.long_hair == second.long_hair
