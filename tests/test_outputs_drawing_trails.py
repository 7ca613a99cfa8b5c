"""Trails: smooth, true, fading, and on the ground."""

from dataclasses import replace

import numpy as np
import pytest

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, make_tracks
from mambatrack.camera.transforms import CUT, CameraMotion
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.outputs.drawing.rules import HEAD, Rules
from mambatrack.outputs.drawing.trails import Trails
from mambatrack.settings import DrawingConfig

SIZE = (1280, 720)
ONLY_TRAILS = DrawingConfig(layers=("trails", "lost"))


def walker(frame, x, state=OBSERVED, bottom=400.0, **columns):
    """A person with the feet at (x, bottom), 100 pixels high."""
    return make_tracks(frame, [(x - 20, bottom - 100, x + 20, bottom)], [state], **columns)


class Scene:
    """Rules and trails, fed frame by frame at 25 frames a second."""

    def __init__(self, seconds=2.0):
        self.rules, self.trails = Rules(fps=25.0), Trails(seconds, 25.0)

    def show(self, tracks):
        self.trails.update(tracks, self.rules.update(tracks, SIZE))
        return self.trails


def test_a_trail_is_smoother_than_the_boxes_and_keeps_up_with_them():
    rng, scene = np.random.default_rng(0), Scene()
    feet = np.stack([300 + 4.0 * np.arange(100), 400 + rng.normal(0, 4, 100)], axis=1)
    for frame, (x, y) in enumerate(feet):
        trails = scene.show(walker(frame, x, bottom=y))
    points, seen, ages = trails.lines(0)
    assert seen.all() and len(points) in (50, 51)
    assert np.abs(np.diff(points[:, 1], n=2)).mean() < 0.3 * np.abs(np.diff(feet[:, 1], n=2)).mean()
    np.testing.assert_allclose(points[:, 0], feet[-len(points) :, 0], atol=4)
    assert (np.diff(ages) < 0).all() and ages[-1] == 0


def test_a_trail_is_as_long_as_its_seconds_at_any_rate():
    for fps in (10, 60):
        rules, trails = Rules(), Trails(3.0)
        for frame in range(4 * fps):
            tracks = walker(frame, 300 + 200 * frame / fps, time_s=frame / fps)
            trails.update(tracks, rules.update(tracks, SIZE))
        points, _, ages = trails.lines(0)
        assert ages.max() == pytest.approx(3.0, abs=1.1 / fps)
        assert np.ptp(points[:, 0]) == pytest.approx(600, abs=30)


def test_a_box_that_is_cut_for_a_moment_leaves_no_spike():
    scene = Scene()
    for frame in range(40):
        trails = scene.show(walker(frame, 300 + 4 * frame, bottom=340 if frame == 30 else 400))
    points, _, _ = trails.lines(0)
    assert np.abs(points[:, 1] - 400).max() < 12


def test_a_gap_ends_where_the_track_is_found_again():
    scene = Scene()
    for frame in range(40):
        hidden = 20 <= frame < 30
        way = 4 * frame if frame < 20 or hidden else 80 + (frame - 20)  # slower than guessed
        state = PREDICTED if hidden else OBSERVED
        trails = scene.show(walker(frame, 300 + way, state))
    points, seen, _ = trails.lines(0)
    steps = np.diff(points[:, 0])
    assert (~seen).sum() == 10
    assert np.abs(steps).max() < 8, "a jump back where it was found again"
    assert abs(points[30, 0] - 390) < 12


def test_trails_go_with_their_tracks_in_half_a_second():
    scene = Scene()
    for frame in range(30):
        scene.show(walker(frame, 300 + 4 * frame))
    opacity = []
    for frame in range(30, 50):
        trails = scene.show(make_tracks(frame, ()))
        opacity.append(float(trails.opacity[0]) if len(trails.ids) else 0.0)
    assert 0.9 < opacity[0] < 1 and (np.diff(opacity) <= 0).all()
    assert 11 <= np.count_nonzero(opacity) <= 13
    assert len(trails.ids) == 0


def test_a_trail_ends_where_its_hidden_track_was_drawn_last():
    scene, ends = Scene(seconds=4.0), []
    for frame in range(100):
        trails = scene.show(walker(frame, 300 + 4 * frame, OBSERVED if frame < 40 else PREDICTED))
        if trails.opacity[0] > 0:
            ends.append(float(trails.lines(0)[0][-1, 0]))
    assert 300 + 4 * 62 <= ends[-1] <= 300 + 4 * 67
    assert len(ends) < 80 and trails.opacity[0] == 0


def test_an_id_that_comes_back_after_it_faded_begins_anew():
    scene = Scene()
    for frame in range(10):
        scene.show(walker(frame, 300))
    for frame in range(10, 40):
        scene.show(make_tracks(frame, ()))
    trails = scene.show(walker(40, 600))
    assert len(trails.lines(0)[0]) == 1


@pytest.mark.parametrize(
    "transform",
    [
        [[1, 0, -7], [0, 1, 3]],
        [[1.01, 0.002, -7], [-0.001, 0.99, 3]],
        [[1.01, 0.002, -7], [-0.001, 0.99, 3], [1e-5, -2e-5, 1]],
    ],
)
def test_trails_stay_on_the_ground_when_the_camera_moves(transform):
    whole = np.eye(3)
    whole[: len(transform)] = transform
    world = np.stack([300 + 5.0 * np.arange(30), 400 + 1.0 * np.arange(30), np.ones(30)], axis=1)
    scene, now = Scene(), np.eye(3)
    for frame, place in enumerate(world):
        now = whole @ now if frame else now
        foot = now @ place
        x, y = foot[:2] / foot[2]
        tracks = replace(walker(frame, x, bottom=y), camera=CameraMotion(whole))
        trails = scene.show(tracks)
    ground = world @ now.T
    points, _, _ = trails.lines(0)
    np.testing.assert_allclose(points, ground[:, :2] / ground[:, 2:], atol=3)


def test_a_cut_ends_all_trails():
    scene = Scene()
    for frame in range(20):
        scene.show(walker(frame, 300 + 4 * frame))
    trails = scene.show(replace(walker(20, 380), camera=CUT))
    assert len(trails.lines(0)[0]) == 1


def marks(states, width=1280):
    """What the trails of a walk through these states change in the picture."""
    painter = Painter(ONLY_TRAILS, fps=25.0)
    for frame, state in enumerate(states):
        image = np.full((720, width, 3), 90, np.uint8)
        picture = painter.draw(image, walker(frame, 300 + 8 * frame, state))
    return np.abs(picture.astype(int) - 90).sum(axis=2)


def test_a_trail_fades_towards_the_past_and_is_thin_where_the_track_was_hidden():
    seen = marks([OBSERVED] * 40)
    old, new = seen[:, 330].sum(), seen[:, 590].sum()
    assert 0 < old < new / 2
    partly = marks([OBSERVED] * 20 + [PREDICTED] * 8 + [OBSERVED] * 12)
    assert 0 < partly[:, 300 + 8 * 24].sum() < 0.6 * seen[:, 300 + 8 * 24].sum()


def test_a_trail_is_faint_on_the_head_of_its_own_track():
    painter, clean = Painter(ONLY_TRAILS, fps=25.0), np.full((720, 1280, 3), 90, np.uint8)
    for frame in range(40):  # towards the camera
        bottom = 300 + 3.0 * frame
        box = (280, bottom - 150, 340, bottom)
        picture = painter.draw(clean, make_tracks(frame, [box]))
    change = np.abs(picture.astype(int) - 90).sum(axis=(1, 2))
    head = round(bottom - 150), round(bottom - 150 + HEAD * 150)
    assert (
        0 < change[head[1] - 8 : head[1] - 2].sum() < 0.5 * change[head[1] + 2 : head[1] + 8].sum()
    )


def test_who_stands_or_is_tentative_has_no_trail():
    assert not marks([TENTATIVE] * 30).any()
    painter = Painter(ONLY_TRAILS, fps=25.0)
    for frame in range(30):
        picture = painter.draw(np.full((720, 1280, 3), 90, np.uint8), walker(frame, 300))
    assert (picture == 90).all()
