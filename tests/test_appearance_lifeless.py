"""Things that a detector takes for people: tentative once nothing about them has changed."""

import numpy as np
import pytest

from mambatrack import Detections, Frame, Tracker, TrackState
from mambatrack.appearance.lifeless import Lifeless
from mambatrack.config import TrackerConfig
from mambatrack.live.session import LiveSession
from mambatrack.live.source import Arrival
from mambatrack.runs.run import Run
from mambatrack.tracking.group import TrackerGroup
from scripted_session import Scripted, Watching

CONFIG = TrackerConfig(
    "kalman", association="overlap", max_age=1000, match_score=0.1, birth_score=0.1
)
FPS, SECONDS = 10, 5
BOX = np.array([40, 30, 60, 80], np.float32)
rng = np.random.default_rng(0)
SCENE = rng.integers(0, 256, (12, 16, 3)).repeat(10, 0).repeat(10, 1).astype(np.uint8)


def noisy(scene, seed):
    noise = np.random.default_rng(seed).normal(0, 4, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


def painted(scene, box, seed):
    x0, y0, x1, y1 = np.asarray(box, int)
    scene = scene.copy()
    shape = (y1 - y0, x1 - x0, 3)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 5, 3)).astype(np.uint8)
    scene[y0:y1, x0:x1] = coarse.repeat(9, 0).repeat(9, 1)[: shape[0], : shape[1]]
    return scene


def states(pictures, boxes=None, score=0.5, names=("person",), seconds=SECONDS, fps=FPS):
    """The state of the only track in each picture; None where there is none."""
    tracker, lifeless = Tracker(CONFIG), Lifeless(names, seconds)
    found = []
    for number, picture in enumerate(pictures):
        box = BOX if boxes is None else boxes[number]
        rows = np.array([[*box, score]], np.float32)
        tracks = lifeless.mark(picture, tracker.update(rows, number / fps))
        found.append(int(tracks.state[0]))
    assert tracker.started == 1
    return np.array(found)


def thing_from(found):
    """The first frame from which on the track is of a thing, to the end."""
    assert set(found) <= {TrackState.TENTATIVE, TrackState.OBSERVED}
    seen = (found == TrackState.OBSERVED).nonzero()[0]
    return 0 if not len(seen) else int(seen[-1]) + 1


def test_what_never_changes_is_a_thing_after_so_many_seconds_and_keeps_its_id():
    found = states([noisy(SCENE, each) for each in range(100)])
    assert SECONDS * FPS <= thing_from(found) <= (SECONDS + 0.5) * FPS
    later = states([noisy(SCENE, each) for each in range(100)], seconds=8)
    assert 8 * FPS <= thing_from(later) < 9 * FPS


@pytest.mark.parametrize(
    "given",
    [{"score": 0.8}, {"names": ("car",)}, {"names": ()}, {"seconds": 0}],
    ids=["a sure detector", "no person", "a class without name", "switched off"],
)
def test_others_are_seen_as_before(given):
    found = states([noisy(SCENE, each) for each in range(100)], **given)
    assert (found == TrackState.OBSERVED).all()


def test_who_moves_a_hand_is_alive():
    pictures = []
    for frame in range(150):
        scene = SCENE.copy()
        scene[40:50, 50:58] = 255 * (frame // 30 % 2)
        pictures.append(noisy(scene, frame))
    assert (states(pictures) == TrackState.OBSERVED).all()


def test_who_walks_is_alive_and_so_is_a_thing_that_is_carried_away():
    steps = np.minimum(np.arange(150), 20)[:, None] * [2, 0, 2, 0]
    walks = BOX + np.array(steps, np.float32)
    found = states([noisy(SCENE, each) for each in range(150)], walks)
    assert 20 + SECONDS * FPS - FPS <= thing_from(found) <= 20 + (SECONDS + 1) * FPS
    away = np.concatenate([np.tile(BOX, (80, 1)), walks[:40]])
    found = states([noisy(SCENE, each) for each in range(120)], away)
    assert found[75] == TrackState.TENTATIVE and (found[100:] == TrackState.OBSERVED).all()


def test_who_passes_in_front_of_a_thing_makes_nobody_of_it_but_what_changes_for_long_does():
    for covered, state in (
        (range(80, 90), TrackState.TENTATIVE),
        (range(80, 110), TrackState.OBSERVED),
    ):
        pictures = [
            noisy(painted(SCENE, BOX, 5) if each in covered else SCENE, each) for each in range(111)
        ]
        found = states(pictures)
        assert found[79] == TrackState.TENTATIVE
        assert found[110] == state


def test_light_that_changes_changes_no_thing():
    pictures = [noisy(SCENE * (1 - each / 1000), each) for each in range(300)]
    found = states(pictures)
    assert thing_from(found) < 6 * FPS


def test_a_stream_that_stands_tells_nothing():
    moving = [noisy(SCENE, each) for each in range(10)]
    frozen = [moving[-1]] * 200
    assert (states([*moving, *frozen]) == TrackState.OBSERVED).all()


def test_what_shows_too_little_is_left_alone():
    flat = np.full_like(SCENE, 90)
    assert (
        states([noisy(flat, each) // 8 * 8 for each in range(100)]) == TrackState.OBSERVED
    ).all()
    tiny = np.tile(np.array([40, 30, 45, 50], np.float32), (100, 1))
    found = states([noisy(SCENE, each) for each in range(100)], tiny)
    assert (found == TrackState.OBSERVED).all()
    outside = np.tile(np.array([-30, 30, -5, 80], np.float32), (100, 1))
    found = states([noisy(SCENE, each) for each in range(100)], outside)
    assert (found == TrackState.OBSERVED).all()


class Post:
    """A detector that takes a post for a person."""

    names = ("person",)

    def __call__(self, image, index=0):
        return Detections(BOX[None], np.full(1, 0.5, np.float32), np.zeros(1, np.int64))


class Kept:
    def __init__(self):
        self.states = []

    def write(self, frame, tracks):
        self.states += tracks.state.tolist()


def test_a_run_marks_what_is_lifeless():
    kept = Kept()
    frames = [Frame(each, each / FPS, noisy(SCENE, each)) for each in range(80)]
    Run(frames, Post(), Tracker(CONFIG), [kept]).go()
    assert kept.states[40] == TrackState.OBSERVED and kept.states[70] == TrackState.TENTATIVE


def test_each_camera_marks_its_own():
    cameras, watching = [Scripted(), Scripted()], Watching()
    session = LiveSession(cameras, [Post(), Post()], TrackerGroup(CONFIG, 2), [watching])
    for number in range(80):
        for changes, camera in enumerate(cameras):
            scene = noisy(painted(SCENE, BOX, number // 10 if changes else 0), number)
            camera.show()
            frame = Frame(number, number / FPS, scene)
            camera.newest = Arrival(frame, camera.newest.at)
        session.turn()
    last = {each.source: each.tracks.state.tolist() for each in watching.updates}
    assert last == {0: [TrackState.TENTATIVE], 1: [TrackState.OBSERVED]}
