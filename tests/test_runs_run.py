"""A source through detector and tracker: what reaches the outputs, and the counts."""

import numpy as np
import pytest

from mambatrack import Detections, Frame, Tracker, TrackState
from mambatrack.config import TrackerConfig
from mambatrack.motion.classical import StillPredictor
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.runs.run import STEPS, Run
from mambatrack.runs.run_outputs import PictureOutput
from mambatrack.simulation.world import make_world

KALMAN = TrackerConfig(predictor="kalman")


class Kept:
    """An output that keeps what it gets."""

    def __init__(self):
        self.frames, self.tracks = [], []

    def write(self, frame, tracks):
        self.frames.append(frame)
        self.tracks.append(tracks)


class Replay:
    names = ("person",)

    def __init__(self, world):
        self._world = world

    def __call__(self, image, index=0):
        return self._world.detections(index)


@pytest.fixture(scope="module")
def world():
    return make_world(seed=2, people=4, frames=40, size=(320, 240))


def source(world, indices):
    width, height = world.size
    for index in indices:
        yield Frame(index, index / world.fps, np.zeros((height, width, 3), np.uint8))


def test_a_run_gives_what_the_tracker_alone_gives(world):
    kept, tracker = Kept(), Tracker(KALMAN, world.size)
    run = Run(source(world, range(40)), Replay(world), Tracker(KALMAN, world.size), [kept])
    done = []
    run.go(done.append)
    ids = set()
    for index, tracks in enumerate(kept.tracks):
        expected = tracker.update(world.detections(index), index / world.fps)
        for name in ("frame", "time_s", "boxes", "ids", "state", "gap", "spread", "det_ind"):
            np.testing.assert_array_equal(getattr(tracks, name), getattr(expected, name))
        ids |= set(expected.ids[expected.state == TrackState.OBSERVED].tolist())
    assert run.frames == 40 and done == list(range(1, 41)) and run.ids == ids


def test_frames_keep_their_number_in_the_source(world):
    kept = Kept()
    Run(source(world, range(5, 30, 5)), Replay(world), Tracker(KALMAN), [kept]).go()
    assert [tracks.frame for tracks in kept.tracks] == [5, 10, 15, 20, 25]


def test_a_larger_picture_lets_its_detections_in(world):
    class Corner:
        names = ("x",)

        def __call__(self, image, index=0):
            height, width = image.shape[:2]
            return Detections(
                np.array([[width - 50, height - 50, width, height]], np.float32),
                np.ones(1, np.float32), np.zeros(1, np.int64),
            )  # fmt: skip

    kept = Kept()
    frames = [
        Frame(i, i / 25, np.zeros((side, side, 3), np.uint8)) for i, side in [(0, 99), (1, 999)]
    ]
    Run(frames, Corner(), Tracker(KALMAN, (99, 99)), [kept]).go()
    assert [tracks.observed.sum() for tracks in kept.tracks] == [1, 1]


def test_time_is_split_into_steps_and_predictions_are_not_counted_twice(world, monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr("mambatrack.runs.run.time.perf_counter", lambda: clock["now"])

    class Slow(StillPredictor):
        def predict(self, state):
            clock["now"] += 3.0
            return super().predict(state)

    def frames():
        for frame in source(world, range(4)):
            clock["now"] += 1.0
            yield frame

    def detect(image, index=0):
        clock["now"] += 2.0
        return world.detections(index)

    detect.names = ("person",)

    class Writer:
        def write(self, frame, tracks):
            clock["now"] += 4.0

    run = Run(frames(), detect, Tracker(KALMAN, world.size, Slow()), [Writer()])
    run.go()
    expected = {"decode": 1, "detect": 2, "predict": 3, "associate": 0, "write": 4}
    assert run.milliseconds() == {step: 1000 * expected[step] for step in STEPS}
    assert run.fps() == pytest.approx(4 / 40)


def test_counts_hold_when_an_output_fails(world):
    class Full:
        def write(self, frame, tracks):
            if frame.index == 3:
                raise OSError("disk full")

    run = Run(source(world, range(9)), Replay(world), Tracker(KALMAN), [Full()])
    with pytest.raises(OSError, match="disk full"):
        run.go()
    assert run.frames == 3 and run.fps() > 0


def test_a_picture_is_drawn_once_for_all_places(world):
    class Place:
        def __init__(self):
            self.images, self.times = [], []

        def write(self, image, time_s):
            self.images.append(image)
            self.times.append(time_s)

    first, second = Place(), Place()
    drawn = PictureOutput([first, second], Painter(names=("person",)))
    frames = [Frame(i, i / 25, world.render(i)) for i in range(3)]
    Run(frames, Replay(world), Tracker(KALMAN), [drawn]).go()
    assert len(first.images) == 3 and first.times == second.times == [0, 1 / 25, 2 / 25]
    assert all(a is b for a, b in zip(first.images, second.images, strict=True))
    assert (first.images[2] != world.render(2)).any()
