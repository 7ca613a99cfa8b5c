"""The thread between the loop that tracks and the server: keeps, draws up, encodes, hands over."""

import threading
import time
import traceback
import warnings
from collections import deque
from collections.abc import Callable

from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.live.web.hub import Demand, Payload
from mambatrack.live.web.messages import (
    dumps,
    frame_json,
    picture_message,
    tick_message,
    timeline_message,
)
from mambatrack.live.web.page_state import Changed, LiveState, Tracked

MOST_FPS = 15.0  # pictures of a source a second
SENDS_PER_S = 200.0  # to all watchers together; sending shares the interpreter with the tracker
PACE_S = 0.03  # the worker looks at most this often
SAMPLE_S = 1.0  # a point of the graphs
TIMELINE_S = 2.0
CALM_CLIENTS = 25  # with more of them the state is told less often
BACKLOG = 4096  # frames without their pictures

Publish = Callable[[str, Payload, bool, int | None], None]


class Worker:
    """Takes updates without ever making the caller wait; works only as much as is asked for.

    demand: what the watchers want now. publish: kind, payload, pictures, source; from this thread
    """

    def __init__(self, state: LiveState, demand: Callable[[], Demand], publish: Publish):
        self._state, self._demand, self._publish = state, demand, publish
        self._handing = threading.Lock()  # of what comes, for no longer than to put it down
        self._backlog: deque[Tracked | Changed] = deque(maxlen=BACKLOG)
        self._newest: dict[int, LiveUpdate] = {}
        self._signal, self._stop = threading.Event(), threading.Event()
        count = len(state.sources)
        self._sent: list[LiveUpdate | None] = [None] * count
        self._due = [0.0] * count
        self._changes = 0  # of the watchers
        self._sample_due = self._tick_due = self._timeline_due = 0.0
        self._fresh = 0  # points of the graphs not yet told
        self._thread = threading.Thread(target=self._work, name="page-worker", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def take(self, update: LiveUpdate) -> None:
        """Keeps the newest update of each source, and of every update all but its picture."""
        height, width = update.frame.image.shape[:2]
        tracked = Tracked(
            update.source, update.status, update.tracks, update.names, update.detect_ms,
            update.track_ms, time.monotonic(), (width, height),
        )  # fmt: skip
        with self._handing:
            self._newest[update.source] = update
            if len(self._backlog) == BACKLOG:
                self._state.missed += 1
            self._backlog.append(tracked)
        self._signal.set()

    def change(self, source: int, status: SourceStatus) -> None:
        """Tells everybody at once, not at the next second."""
        with self._handing:
            self._backlog.append(Changed(source, status))
        self._tick_due = 0.0
        self._signal.set()

    def close(self) -> None:
        self._stop.set()
        self._signal.set()
        self._thread.join(5)

    def _work(self) -> None:
        while not self._stop.is_set():
            self._signal.wait(PACE_S if self._waiting() else SAMPLE_S)
            self._signal.clear()
            try:
                self._keep()
                self._send_frames(time.monotonic())
                self._send_state(time.monotonic())
            except Exception:
                self._report()
            self._stop.wait(PACE_S)

    def _report(self) -> None:
        """Tells of the first failure only: whatever happens here, tracking goes on."""
        if not self._state.problem:
            self._state.problem = traceback.format_exc()
            warnings.warn(f"the page of live tracking failed:\n{self._state.problem}", stacklevel=2)

    def _keep(self) -> None:
        """The newest update of a source goes with the frames that are kept: what is drawn of it
        follows from them."""
        with self._handing:
            backlog, newest = list(self._backlog), self._newest
            self._backlog.clear()
            self._newest = {}
        for news in backlog:
            self._state.take(news)
        for source, update in newest.items():
            self._state.sources[source].newest = update

    def _waiting(self) -> bool:
        """Whether a frame was held back by the limit of its rate."""
        demand = self._demand()
        return any(
            view.newest is not sent and (demand.watchers.get(source) or demand.events)
            for source, (view, sent) in enumerate(zip(self._state.sources, self._sent, strict=True))
        )

    def _send_frames(self, now: float) -> None:
        demand = self._demand()
        if demand.changes != self._changes:
            self._changes = demand.changes
            self._sent = [None] * len(self._sent)
        sends = sum(demand.watchers.values()) + demand.events * len(self._state.sources)
        interval = max(1 / MOST_FPS, sends / SENDS_PER_S)
        for source, view in enumerate(self._state.sources):
            newest = view.newest
            if newest is None or newest is self._sent[source] or now < self._due[source]:
                continue
            if demand.watchers.get(source):
                self._publish("frame", picture_message(newest, view.overlay), True, source)
                self._state.pictures += 1
            if demand.events:
                event = f"event: tracks\ndata: {dumps(frame_json(newest))}\n\n"
                self._publish("tracks", event, False, source)
            self._sent[source], self._due[source] = newest, now + interval

    def _send_state(self, now: float) -> None:
        demand = self._demand()
        stretch = max(1.0, demand.clients / CALM_CLIENTS)
        if now >= self._sample_due:
            self._sample_due = now + SAMPLE_S
            self._fresh += 1
            for view in self._state.sources:
                view.sample()
        if demand.clients and now >= self._tick_due:
            self._tick_due = now + SAMPLE_S * stretch
            tick = tick_message(self._state, self._fresh)
            self._fresh = 0
            self._publish("tick", tick, True, None)
            self._publish("tick", f"event: state\ndata: {tick}\n\n", False, None)
        if now >= self._timeline_due:
            self._timeline_due = now + TIMELINE_S * stretch
            for source in (each for each, watchers in demand.watchers.items() if watchers):
                self._publish("timeline", timeline_message(self._state, source), True, source)
