"""The loop over all sources: newest frames, nobody held up, everybody told."""

import itertools
import threading

import numpy as np
import pytest

from mambatrack.config import load_config
from mambatrack.detectors.motion import MotionDetector
from mambatrack.embedders.colour import colour_embedder
from mambatrack.live.outputs import OnACopy, SourceOutputs
from mambatrack.live.session import LiveSession
from mambatrack.live.source import Backoff, LiveSource
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.runs.run_outputs import PictureOutput
from mambatrack.settings import MemoryConfig
from mambatrack.sources.frames import as_bgr
from mambatrack.tracking.group import TrackerGroup
from mjpeg_server import ByHand, MjpegServer, jpeg, until
from scripted_session import Scripted, Seeing, Watching, make_session


def test_every_frame_is_told_with_its_number_its_time_and_its_tracks():
    camera = Scripted()
    session, watching = make_session([camera])
    for shade in range(4):
        camera.show(shade)
        camera.index += 2  # as if two had been dropped
        assert session.turn() == 1
    frames = [(each.frame.index, each.tracks.frame) for each in watching.updates]
    assert frames == [(0, 0), (3, 3), (6, 6), (9, 9)]
    assert [each.tracks.time_s for each in watching.updates] == [0, 0.12, 0.24, 0.36]
    assert [each.tracks.ids.tolist() for each in watching.updates] == [[1]] * 4
    last = watching.updates[-1]
    assert (last.source, last.names, last.status.frames) == (0, ("thing",), 4)
    assert last.status.fps > 0 and last.status.latency_ms > 0 and last.detect_ms > 0
    assert session.frames == 4 and session.turn(0) == 0


def test_each_source_is_told_how_its_camera_moved_frames_that_were_dropped_included(tmp_path):
    lines = [f"{frame} 1 0 {frame} 0 1 0\n" for frame in range(9)]
    (tmp_path / "camera.txt").write_text("".join(lines))
    config = load_config(None, {"tracker.camera": str(tmp_path / "camera.txt")})
    cameras, watching = [Scripted(), Scripted()], Watching()
    session = LiveSession(cameras, [Seeing()] * 2, TrackerGroup(config, 2), [watching])
    for skipped in (0, 2):
        for number, camera in enumerate(cameras):
            camera.index += skipped * number
            camera.show(0)
        session.turn()
    shifts = [each.tracks.camera.transform[0, 2] for each in watching.updates]
    assert shifts == [0, 0, 1, 1 + 2 + 3]
    travels = [status.camera for status in session.statuses]
    assert [(each.frames, each.pixels) for each in travels] == [(2, 1), (2, 6)]
    told = [each.status.camera.frames for each in watching.updates]
    assert told == [1, 1, 2, 2]  # as it was then


def test_of_a_camera_that_nobody_tells_of_nothing_is_said():
    camera = Scripted()
    session, _ = make_session([camera])
    camera.show()
    session.turn()
    assert session.status(0).camera is None


def test_a_slow_detector_is_given_the_newest_frame_and_the_others_are_dropped():
    """What is tracked is never older than the frame that was newest when its turn began, and no
    turn is longer than one detection."""
    sent = threading.Semaphore(0)

    class Camera:
        live, length, fps, size, time_s, count = True, None, 30.0, (64, 48), 0.0, 0

        def advance(self):
            return sent.acquire() and self.count < 999

        def image(self):
            self.count += 1
            return np.full((48, 64, 3), self.count, np.uint8)

        def problem(self, frames):
            return "over"

        def close(self):
            pass

    camera = Camera()

    def meanwhile(image):  # five frames arrive during each detection
        before = camera.count
        for _ in range(5):
            sent.release()
        until(lambda: camera.count == before + 5 and source.status.state == "open")
        until(lambda: source._newest is not None)

    source = LiveSource("0", opener=lambda *_: camera)
    session, watching = make_session([source], Seeing(meanwhile))
    session.start()
    sent.release()
    for _ in range(4):
        until(session.turn)
    seen = [int(each.frame.image[0, 0, 0]) for each in watching.updates]
    assert seen == [1, 6, 11, 16] == [each.frame.index + 1 for each in watching.updates]
    assert session.status(0).dropped == 4 * 4
    camera.count = 999
    sent.release()
    session.close()


def test_a_dead_source_holds_up_nobody():
    living, dead = Scripted("living"), Scripted("dead")
    session, watching = make_session([dead, living])
    dead.become("connecting", "no route")
    for shade in range(3):
        living.show(shade)
        assert session.turn(60) == 1
    assert [each.source for each in watching.updates] == [1, 1, 1]
    assert watching.changes == [(0, "connecting", "no route"), (1, "open", None)]


def test_ids_are_each_sources_own_and_every_source_is_tracked_in_one_turn():
    cameras = [Scripted(), Scripted(), Scripted()]
    session, watching = make_session(cameras)
    for _ in range(2):
        for camera in cameras:
            camera.show()
        assert session.turn() == 3
    assert [each.source for each in watching.updates] == [0, 1, 2, 0, 1, 2]
    assert all(each.tracks.ids.tolist() == [1] for each in watching.updates)


def test_a_change_is_told_once():
    camera = Scripted()
    session, watching = make_session([camera])
    for state, error in [("open", None), ("open", None), ("lost", "gone"), ("open", None)]:
        camera.become(state, error)
        session.turn(0)
        session.turn(0)
    states = [state for _, state, _ in watching.changes]
    assert states == ["open", "lost", "open"]


def test_a_pause_throws_frames_away_and_leaves_the_tracks():
    camera, detector = Scripted(), Seeing()
    session, watching = make_session([camera], detector)
    camera.show()
    session.turn()
    session.pause()
    for _ in range(5):
        camera.show()
        assert session.turn() == 0 and camera.newest is None
    session.resume()
    camera.show()
    session.turn()
    assert len(detector.images) == 2
    assert [each.frame.index for each in watching.updates] == [0, 6]
    assert watching.updates[-1].tracks.ids.tolist() == [1]


def test_a_change_of_size_reaches_the_tracker():
    camera = Scripted()
    session, watching = make_session([camera])
    session.group.trackers[0].state.dropped = 1  # has warned
    for size in ((64, 48), (10, 48)):
        camera.show(200, size)
        session.turn()
        assert session.group.trackers[0].image_size == size
    (row,) = np.flatnonzero(watching.updates[-1].tracks.ids == 1)
    assert watching.updates[-1].tracks.predicted[row]  # its box is outside now


def test_it_runs_until_all_have_ended_and_the_last_frame_is_tracked():
    cameras = [Scripted(), Scripted()]
    session, watching = make_session(cameras)
    turns = iter(range(1000))

    def wanted():
        turn = next(turns)
        if turn == 2:
            cameras[1].become("ended")
        if turn == 4:
            cameras[0].show()
            cameras[0].become("ended")
        return True

    session.run(wanted)
    assert next(turns) == 6 and [each.source for each in watching.updates] == [0]


def test_it_stops_when_it_is_no_longer_wanted():
    session, _ = make_session([Scripted()])
    answers = iter([True, True, False])
    session.run(lambda: next(answers))
    assert next(answers, None) is None


def test_everything_is_closed_also_where_one_of_it_fails():
    cameras = [Scripted(), Scripted()]
    session, watching = make_session(cameras)

    class Failing(Watching):
        def close(self):
            raise RuntimeError("cannot")

    session.observers.append(Failing())
    with pytest.raises(RuntimeError, match="cannot"):
        session.close()
    assert watching.closed == 1 and all(camera.closed for camera in cameras)


def test_identities_live_through_a_killed_camera():
    """A box that stands still before the camera, which is killed and started again."""
    with MjpegServer(lambda k: jpeg(100), fps=60) as server:
        source = LiveSource(server.address, backoff=Backoff(0.01, 0.05), timeout_s=5)
        session, watching = make_session([source])
        with session:
            session.start()
            for number in range(1, 6):
                count = len(watching.updates)
                until(lambda n=count: session.turn(0.01) and len(watching.updates) > n + 3)
                server.kill()
                until(lambda: session.turn(0.01) or source.status.state == "lost")
                server.start()
                until(lambda n=number: session.turn(0.01) or source.status.reconnects >= n)
            until(lambda: session.turn(0.01) and source.status.reconnects == 5)
    assert {identity for each in watching.updates for identity in each.tracks.ids.tolist()} == {1}
    # the reason may become another one while it is lost
    states = [state for state, _ in itertools.groupby(each[1] for each in watching.changes)]
    assert states.count("lost") == 5


def test_whatever_a_camera_sends_is_tracked_or_counted():
    """Sizes, kinds and damages at random, through detector, tracker and drawing."""
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (64, 48), (640, 7), (3, 300), (200, 150)]

    def any_picture():
        width, height = sizes[rng.integers(len(sizes))]
        shape = [(height, width), (height, width, 1), (height, width, 3), (height, width, 4)]
        kind = rng.choice([np.uint8, np.uint16, np.float32, np.int64], p=[0.6, 0.2, 0.1, 0.1])
        image = rng.integers(0, 256, shape[rng.integers(4)]).astype(kind)
        return (image, None, image[:0], "no picture")[rng.choice(4, p=[0.7, 0.1, 0.1, 0.1])]

    given = [any_picture() for _ in range(150)]
    usable = [as_bgr(each) is not None for each in given]
    camera = ByHand()
    source = LiveSource("0", opener=camera.open)
    session, watching = make_session([source], MotionDetector())
    shown = []
    drawing = OnACopy(PictureOutput([Shown(shown)], Painter(names=("thing",))))
    session.observers.append(SourceOutputs([[drawing]]))
    session.start()
    for number, (picture, good) in enumerate(zip(given, usable, strict=True)):
        camera.give(picture)
        if good:
            until(session.turn)
        else:
            until(lambda n=number + 1: source.skipped == n - sum(usable[:n]))
    assert len(watching.updates) == len(shown) == sum(usable) > 50
    indices = [each.frame.index for each in watching.updates]
    assert indices == np.flatnonzero(usable).tolist()
    for each in watching.updates:
        assert np.isfinite(each.tracks.boxes).all() and len(set(each.tracks.ids)) == len(
            each.tracks
        )
    camera.give(StopIteration)
    session.close()


class Shown:
    def __init__(self, images):
        self.images = images

    def write(self, image, time_s):
        self.images.append(image)


def test_a_memory_forgets_in_time_while_its_source_gives_no_frame():
    config = load_config(overrides={"tracker.frame_rate": 25})
    memory = MemoryConfig(seconds=60)
    group = TrackerGroup(config, 1, embedder=colour_embedder(), memory=memory)
    source = Scripted()
    session = LiveSession([source], [Seeing()], group)
    gallery = group.trackers[0].state.memory.gallery
    codes = np.eye(2, gallery.codes.shape[1], dtype=np.float32)
    gallery.add(np.array([1, 2]), codes, np.array([10.0, 20.0]))
    kept = []
    for source.now_s in (69, 71, 79, 81):
        session.turn(0)
        kept.append(gallery.ids.tolist())
    assert kept == [[1, 2], [2], [2], []]
