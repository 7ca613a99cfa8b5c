"""One loop over all sources: the newest frame of each through detector and tracker to whoever
watches.

>>> with LiveSession(sources, detectors, TrackerGroup(config, 2), [page]) as session:
...     session.run()
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from threading import Event

from mambatrack.appearance.lifeless import Lifeless
from mambatrack.camera.interface import Travel
from mambatrack.camera.transforms import CameraMotion
from mambatrack.counting.counts import Counts
from mambatrack.counting.output import CountingOutput
from mambatrack.detections import Detections
from mambatrack.detectors import Detector, problem_of
from mambatrack.live.sightings import Sightings
from mambatrack.live.source import Arrival, LiveSource
from mambatrack.live.updates import LiveUpdate, Observer, SourceStatus
from mambatrack.motion.forecast import Forecast
from mambatrack.runs.cameras import open_camera
from mambatrack.sources.frames import Frame
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracks import Tracks

LATELY = 32  # frames over which the speed is measured
WAIT_S = 0.05  # for a frame, before the caller has a turn


@dataclass
class Tally:
    """Of one source: frames tracked, when the newest of them were, and how late the last was."""

    frames: int = 0
    latency_ms: float = 0.0
    moments: deque[float] = field(default_factory=lambda: deque(maxlen=LATELY))

    def fps(self) -> float:
        if len(self.moments) < 2:
            return 0.0
        return (len(self.moments) - 1) / max(time.monotonic() - self.moments[0], 1e-9)

    def tracked(self, arrived: float) -> None:
        now = time.monotonic()
        self.frames += 1
        self.latency_ms = 1000 * (now - arrived)
        self.moments.append(now)


class LiveSession:
    """Tracks every source; each observer gets every tracked frame and every change of a source.

    sources: not started; detectors: one per source, of which several may be the same
    group: a tracker per source. horizon: frames of a forecast in each update, 0 for none
    counting: of each source, None for none; it gets every frame before the observers

    A turn takes the newest frame of those sources that have one, and waits for no other. pause()
    and resume() may be called from any thread.
    """

    def __init__(
        self, sources: Sequence[LiveSource], detectors: Sequence[Detector], group: TrackerGroup,
        observers: Sequence[Observer] = (), horizon: int = 0,
    ):  # fmt: skip
        self.sources, self.group = list(sources), group
        self.observers = list(observers)
        self.paused = False
        self.forecasts: list[Forecast | None] = [None for _ in sources]  # the newest
        self.counting: list[CountingOutput | None] = [None for _ in sources]
        self.detectors, self._horizon = list(detectors), horizon
        self._cameras = [open_camera(group.config.camera) for _ in sources]
        self._travels = [Travel() for _ in sources]
        self._tallies = [Tally() for _ in sources]
        self._sightings = [Sightings() for _ in sources]
        seconds = group.config.lifeless_s
        self._lifeless = [Lifeless(each.names, seconds) for each in detectors]
        self._told: list[tuple | None] = [None for _ in sources]
        self._news = Event()
        for source in self.sources:
            source.news = self._news

    def __enter__(self) -> "LiveSession":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts every source that does not run yet."""
        for source in self.sources:
            if not source.started:
                source.start()

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Turns until every source has ended, or ``wanted`` says no; it is asked before each turn,
        at least every WAIT_S."""
        self.start()
        while wanted():
            over = self.over
            if not self.turn() and over:
                return

    def turn(self, wait_s: float = WAIT_S) -> int:
        """Tracks what is new -> frames tracked; waits for news so long at most."""
        self._news.wait(wait_s)
        self._news.clear()
        self._tell()
        self._forget()
        arrivals = {
            index: arrival
            for index, source in enumerate(self.sources)
            if (arrival := source.take()) is not None
        }
        if self.paused or not arrivals:
            return 0
        found = {index: self._detect(index, each.frame) for index, each in arrivals.items()}
        began = time.perf_counter()
        due = {index: (found[index][0], each.frame.time_s) for index, each in arrivals.items()}
        tracks = self.group.update(due, {
            index: self._look(index, each.frame, found[index][0])
            for index, each in arrivals.items()
        }, {index: each.frame.image for index, each in arrivals.items()})  # fmt: skip
        track_ms = 1000 * (time.perf_counter() - began) / len(due)
        for index, arrival in arrivals.items():
            self._publish(index, arrival, tracks[index], found[index][1], track_ms)
        return len(arrivals)

    @property
    def over(self) -> bool:
        """Whether every source has ended."""
        return all(source.status.state == "ended" for source in self.sources)

    @property
    def statuses(self) -> list[SourceStatus]:
        """Of every source, as it is now."""
        return [self.status(index) for index in range(len(self.sources))]

    def status(self, index: int) -> SourceStatus:
        """Of one source, as it is now."""
        tally, travel = self._tallies[index], self._travels[index]
        return replace(
            self.sources[index].status,
            fps=tally.fps(),
            frames=tally.frames,
            latency_ms=tally.latency_ms,
            problem=problem_of(self.detectors[index]),
            camera=replace(travel) if travel.frames else None,
        )

    @property
    def frames(self) -> int:
        """Tracked so far, of all sources."""
        return sum(each.frames for each in self._tallies)

    def pause(self) -> None:
        """Frames are read and thrown away until resume(); tracks stay as they are."""
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        """Ends the sources and closes the observers, all of them whatever one of them does."""
        with ExitStack() as stack:
            for observer in self.observers:
                stack.callback(observer.close)
            for source in self.sources:
                source.stop()
            for source in self.sources:
                stack.callback(source.close)

    def _detect(self, index: int, frame: Frame) -> tuple[Detections, float]:
        """The detections, and the milliseconds that they took."""
        began = time.perf_counter()
        self.group.resize(index, (frame.image.shape[1], frame.image.shape[0]))
        found = self.detectors[index](frame.image, frame.index)
        return found, 1000 * (time.perf_counter() - began)

    def _look(self, index: int, frame: Frame, found: Detections) -> CameraMotion | None:
        """How the camera moved since the frame of the source that was tracked before."""
        camera = self._cameras[index]
        return None if camera is None else camera(frame.image, frame.index, found.boxes)

    def _publish(
        self, index: int, arrival: Arrival, tracks: Tracks, detect_ms: float, track_ms: float
    ) -> None:
        self._tallies[index].tracked(arrival.at)
        self._travels[index].note(tracks.camera, self.group.trackers[index].image_size)
        tracks = self._lifeless[index].mark(arrival.frame.image, tracks)
        tracks = replace(tracks, frame=arrival.frame.index)
        update = LiveUpdate(
            index,
            arrival.frame,
            tracks,
            self.status(index),
            detect_ms,
            track_ms,
            tuple(self.detectors[index].names),
            self._look_ahead(index),
            self._count(index, arrival.frame, tracks),
            self._sightings[index].update(tracks),
        )
        for observer in self.observers:
            observer.update(update)

    def _count(self, index: int, frame: Frame, tracks: Tracks) -> Counts | None:
        counting = self.counting[index]
        if counting is None:
            return None
        counting.write(frame, tracks)
        return counting.counts()

    def _forget(self) -> None:
        """Memories delete in time, whether their sources give frames or not."""
        for source, tracker in zip(self.sources, self.group.trackers, strict=True):
            if source.started and tracker.state.memory is not None:
                tracker.state.memory.forget(source.now_s)

    def _look_ahead(self, index: int) -> Forecast | None:
        if not self._horizon:
            return None
        ahead = self.group.trackers[index].forecast(self._horizon)
        self.forecasts[index] = ahead
        return ahead

    def _tell(self) -> None:
        """Tells the observers of every source that is no longer as they know it."""
        for index in range(len(self.sources)):
            status = self.status(index)
            known = status.state, status.error, status.reconnects
            if known != self._told[index]:
                self._told[index] = known
                for observer in self.observers:
                    observer.status(index, status)
