"""The estimate from pictures, against what painted cameras did."""

from functools import cache

import numpy as np
import pytest

from mambatrack.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.pictures import PictureCamera
from mambatrack.camera.transforms import distance, moved_boxes, moved_points
from mambatrack.simulation.moving_camera import between, camera_views, picture_of
from mambatrack.simulation.world import make_world

WORLD, SIZE, FRAMES = (960, 540), (640, 360), 31
CORNERS = np.array([[0, 0], [640, 0], [0, 360], [640, 360]], np.float64)
NOBODY = np.zeros((0, 4), np.float32)


@cache
def painted(people):
    """Pictures and true boxes of a world that the cameras look at."""
    world = make_world(seed=5, people=people, frames=FRAMES, size=WORLD)
    return [(world.render(frame), world.frames[frame].boxes) for frame in range(FRAMES)]


def shown(kind, people):
    """Picture, boxes in it and true transform of each frame, as the camera sees them."""
    views = camera_views(kind, FRAMES, WORLD, SIZE, seed=1)
    for (image, boxes), view, truth in zip(painted(people), views, between(views), strict=True):
        moved, _ = moved_boxes(view, xyxy_to_cxcywh(boxes))
        yield picture_of(image, view, SIZE), cxcywh_to_xyxy(moved), truth


def covered(boxes):
    """Share of the picture that the boxes cover."""
    mask = np.zeros(SIZE[::-1], bool)
    for x0, y0, x1, y1 in clip(boxes, SIZE).astype(int):
        mask[y0:y1, x0:x1] = True
    return mask.mean()


@pytest.mark.parametrize(
    ("kind", "people"),
    [("pan", 8), ("pan", 22), ("zoom", 8), ("shake", 8), ("shake", 22), ("walk", 8)],
)
def test_a_far_point_is_found_again_after_30_frames(kind, people):
    camera, guessed, true, cover = PictureCamera(), np.eye(3), np.eye(3), []
    for index, (image, boxes, truth) in enumerate(shown(kind, people)):
        motion = camera(image, index, boxes)
        guessed, true = motion.transform @ guessed, truth @ true
        cover.append(covered(boxes))
        assert not motion.cut
    apart = np.linalg.norm(
        moved_points(guessed, CORNERS)[0] - moved_points(true, CORNERS)[0], axis=1
    )
    assert apart.max() < 0.01 * np.hypot(*SIZE)
    assert max(cover) > (0.5 if people > 20 else 0.2)


@pytest.mark.parametrize("people", [8, 22])
def test_a_standing_camera_is_not_moved(people):
    camera = PictureCamera()
    for index, (image, boxes, _) in enumerate(shown("stand", people)):
        assert distance(camera(image, index, boxes).transform, SIZE) < 0.1


def test_people_are_not_taken_for_the_scene():
    """One who fills half of the picture walks past a camera that stands."""
    rng, camera = np.random.default_rng(0), PictureCamera()
    scene, figure = (rng.integers(0, 255, (360, side, 3), np.uint8) for side in (640, 330))
    for index in range(10):
        image, left = scene.copy(), 50 + 8 * index
        image[:, left : left + 330] = figure
        box = np.array([[left, 0, left + 330, 360]], np.float32)
        assert camera(image, index, box).stands


def test_another_view_is_a_cut_and_what_follows_is_not():
    camera, other = PictureCamera(), painted(22)[0][0][:360, 300:940]
    motions = [camera(image, index, boxes)
               for index, (image, boxes, _) in enumerate(list(shown("pan", 8))[:4])]  # fmt: skip
    pictures = np.random.default_rng(0).integers(0, 255, (3, 90, 160, 3), np.uint8)
    pictures = [np.kron(each, np.ones((4, 4, 1), np.uint8)) for each in pictures]
    assert not any(each.cut for each in motions)
    assert camera(pictures[0], 4, NOBODY).cut
    assert camera(pictures[0], 5, NOBODY).stands
    assert camera(other, 6, NOBODY).cut


def test_where_nothing_can_be_followed_nothing_is_said():
    camera, grey = PictureCamera(), np.full((360, 640, 3), 90, np.uint8)
    motions = [camera(grey, index, NOBODY) for index in range(3)]
    assert all(each.certainty == 0 and each.stands and not each.cut for each in motions)
    assert camera(np.zeros((0, 0, 3), np.uint8), 3, NOBODY) is None
    assert camera(np.zeros((200, 100, 3), np.uint8), 4, NOBODY).certainty == 0


def test_a_homography_follows_a_tilted_plane():
    rng, camera = np.random.default_rng(1), PictureCamera(homography=True)
    scene = np.kron(rng.integers(0, 255, (60, 100, 3), np.uint8), np.ones((10, 10, 1), np.uint8))
    tilt = np.array([[1, 0.01, -2], [0, 1.01, 1], [2e-5, 1e-5, 1]])
    view = np.array([[1.0, 0, -150], [0, 1, -100], [0, 0, 1]])
    for index in range(5):
        motion = camera(picture_of(scene, view, SIZE), index, NOBODY)
        view = tilt @ view
    found, true = (moved_points(each, CORNERS)[0] for each in (motion.transform, tilt))
    assert found == pytest.approx(true, abs=0.3)


def test_large_pictures_are_reduced_and_the_transform_is_theirs():
    views = camera_views("pan", 6, (1600, 900), (1280, 720), seed=1)
    image, _ = painted(8)[0]
    large = np.kron(image[:450, :800], np.ones((2, 2, 1), np.uint8))
    camera = PictureCamera()
    for index, (view, truth) in enumerate(zip(views, between(views), strict=True)):
        motion = camera(picture_of(large, view, (1280, 720)), index, NOBODY)
        if index:
            assert motion.transform == pytest.approx(truth, abs=0.4)
