"""Simulated cameras: what they show, and that a tracker that is told of them is not misled."""

from dataclasses import replace

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.transforms import moved_boxes, moved_points
from mambatrack.simulation.moving_camera import KINDS, between, camera_views, picture_of
from mambatrack.simulation.world import make_world

WORLD, SIZE = (960, 540), (640, 360)
MOVING = [kind for kind in KINDS if kind not in ("stand", "cuts")]


@pytest.fixture(scope="module")
def crowd():
    return make_world(seed=5, people=10, frames=60, size=WORLD)


def through(view, found):
    """Detections of the world as the camera sees them, those beyond its picture included."""
    moved, _ = moved_boxes(view, xyxy_to_cxcywh(found.boxes))
    return replace(found, boxes=cxcywh_to_xyxy(moved))


def answers(crowd, views, told, **settings):
    """Which track each detection of each frame was given."""
    tracker, given = Tracker(**settings), []
    for index, motion in enumerate(between(views)):
        tracks = tracker.update(
            through(views[index], crowd.detections(index)), camera=motion if told else None
        )
        seen = tracks.gap == 0
        ids = np.zeros(len(crowd.detections(index)), int)
        ids[tracks.det_ind[seen]] = tracks.ids[seen]
        given.append(ids)
    return np.concatenate(given), tracker.started


@pytest.mark.parametrize("kind", MOVING)
def test_given_the_transforms_the_ids_are_those_of_the_still_scene(crowd, kind):
    views = camera_views(kind, len(crowd), WORLD, SIZE, seed=1)
    still, _ = answers(crowd, camera_views("stand", len(crowd), WORLD, SIZE), False)
    told, _ = answers(crowd, views, True)
    assert (still == told).mean() > 0.9


@pytest.mark.parametrize("settings", [
    {"predictor": name, "association": "overlap"} for name in ("kalman", "velocity", "still")
])  # fmt: skip
def test_every_predictor_moves_with_the_camera(crowd, settings):
    views = camera_views("shake", len(crowd), WORLD, SIZE, seed=1)
    still, few = answers(crowd, camera_views("stand", len(crowd), WORLD, SIZE), False, **settings)
    told, _ = answers(crowd, views, True, **settings)
    _, many = answers(crowd, views, False, **settings)
    assert (still == told).mean() > 0.9
    assert many > few


def test_points_between_frames_go_where_the_views_say():
    views = camera_views("walk", 20, WORLD, SIZE)
    point = np.array([[300.0, 200.0]])
    for frame, motion in enumerate(between(views)[1:], start=1):
        before, now = (moved_points(views[each], point)[0] for each in (frame - 1, frame))
        assert moved_points(motion, before)[0] == pytest.approx(now)


def test_a_standing_camera_shows_the_middle_of_the_world():
    image = np.random.default_rng(0).integers(0, 255, (540, 960, 3), np.uint8)
    (view,) = camera_views("stand", 1, WORLD, SIZE)
    assert (picture_of(image, view, SIZE) == image[90:450, 160:800]).all()


def test_an_unknown_camera_and_a_small_world_are_refused():
    with pytest.raises(MambatrackError, match="one of stand, pan"):
        camera_views("fly", 5, WORLD, SIZE)
    with pytest.raises(MambatrackError, match="as large"):
        camera_views("pan", 5, SIZE, WORLD)
