"""A session of live tracking without cameras: synthetic people, tracked in a thread of its own."""

import contextlib
import itertools
import threading
import time
from dataclasses import replace

import numpy as np

from mambatrack import Tracker
from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.camera.interface import Travel
from mambatrack.counting.counter import Counter
from mambatrack.counting.output import CountingOutput
from mambatrack.live.sightings import Sightings
from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.live.web.server import serve
from mambatrack.motion.forecast import Forecast, forecast
from mambatrack.simulation.world import simulate
from mambatrack.sources.frames import Frame


class FakeControls:
    paused = False

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False


class FakeSession(FakeControls):
    """Feeds an observer from as many worlds as there are names, ``fps`` frames a second each.

    horizon: frames of the forecast, 0 for none; places: lines and zones, of every source
    cameras: how that of each source moves from now on, None where nobody says
    Call ``lose`` and ``restore`` for a stream that dies and comes back.
    """

    def __init__(self, names=("door",), size=(320, 180), people=4, fps=20.0, horizon=0,
                 places=()):  # fmt: skip
        self.names, self.fps, self.horizon, self.observer = list(names), fps, horizon, None
        self.worlds = [simulate(seed, people, size, fps) for seed in range(len(names))]
        self.trackers = [Tracker(image_size=size) for _ in names]
        self.statuses = [SourceStatus(name) for name in names]
        self.counting = [CountingOutput(Counter(places, ("person",)), None) for _ in names]
        self.sightings = [Sightings() for _ in names]
        self.cameras, self.travels = [None for _ in names], [Travel() for _ in names]
        self._stop, self._lock = threading.Event(), threading.RLock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, observer):
        self.observer = observer
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(10)

    def set_status(self, source, **changes):
        with self._lock:
            self.statuses[source] = replace(self.statuses[source], **changes)
            self.observer.status(source, self.statuses[source])

    def lose(self, source, error):
        self.set_status(source, state="lost", error=error, fps=0.0)

    def restore(self, source):
        reconnects = self.statuses[source].reconnects + 1
        self.set_status(source, state="open", error=None, reconnects=reconnects)

    def step(self, source):
        """Tracks one frame and tells the observer."""
        world, tracker = next(self.worlds[source]), self.trackers[source]
        began = time.perf_counter()
        tracks = tracker.update(world.detections, world.time_s, self.cameras[source])
        spent = 1000 * (time.perf_counter() - began)
        image, travel = world.render(), self.travels[source]
        travel.note(tracks.camera, image.shape[1::-1])
        self.statuses[source] = replace(
            self.statuses[source], state="open", camera=replace(travel) if travel.frames else None,
            size=image.shape[1::-1], frames=world.index + 1,
            fps=self.fps, latency_ms=spent + 8.0 + 2 * np.sin(world.index / 40),
        )  # fmt: skip
        ahead = self._forecast(tracker, tracks) if self.horizon else None
        frame = Frame(world.index, world.time_s, image)
        self.counting[source].write(frame, tracks)
        self.observer.update(
            LiveUpdate(
                source, frame, tracks, self.statuses[source], 8.0, spent, ("person",), ahead,
                self.counting[source].counts(), self.sightings[source].update(tracks),
            )
        )  # fmt: skip

    def _forecast(self, tracker, tracks):
        state = tracker.state.hypotheses.table["motion"].copy()
        boxes, spread = forecast(tracker.predictor, state, self.horizon)
        return Forecast(tracks.frame, tracks.ids, cxcywh_to_xyxy(boxes), spread)

    def _run(self):
        for tick in itertools.count():
            due = time.monotonic() + 1 / self.fps
            for source in range(len(self.names)):
                with self._lock:
                    if not self.paused and (tick == 0 or self.statuses[source].state == "open"):
                        self.step(source)
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return


@contextlib.contextmanager
def page_of(names=("door", "yard"), frames=3, places=(), **options):
    """-> (session, page): a page that was told of some frames of each source; none move on."""
    session = FakeSession(names, places=places)
    page = serve(session, names, port=0, **options)
    session.observer = page
    try:
        for _ in range(frames):
            for source in range(len(names)):
                session.step(source)
        yield session, page
    finally:
        page.close()


def wait_for(condition, seconds=30.0):
    """The first value of ``condition()`` that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found
