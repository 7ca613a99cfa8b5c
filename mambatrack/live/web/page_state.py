"""What the page and the API know about a session; filled by one thread, read by any."""

import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mambatrack.live.updates import Controls, LiveUpdate, SourceStatus
from mambatrack.live.web.overlay import Overlay
from mambatrack.live.web.timeline import Timeline
from mambatrack.live.web.track_log import LIMIT, Recording
from mambatrack.settings import DrawingConfig
from mambatrack.sources.addresses import without_secrets, without_secrets_in
from mambatrack.tracks import Tracks, TrackState

SAMPLES = 300  # of a second each


class Tracked(NamedTuple):
    """One frame without its picture: what is kept of every frame."""

    source: int
    status: SourceStatus
    tracks: Tracks
    names: tuple[str, ...]
    detect_ms: float
    track_ms: float
    at: float  # time.monotonic()
    size: tuple[int, int]  # of its picture


class Changed(NamedTuple):
    """A source that is no longer as it was."""

    source: int
    status: SourceStatus


class SourceView:
    """One source as its watchers see it.

    file_name: its name as files of it are called
    newest: the newest update with its picture, None before the first
    samples: [fps, latency, detect, track] of the last seconds, milliseconds, newest last
    """

    def __init__(self, name: str, limit: int, file_name: str, drawing: DrawingConfig | None = None):
        self.status, self.file_name = SourceStatus(name), file_name
        self.newest: LiveUpdate | None = None
        self.names: tuple[str, ...] = ()
        self.timeline, self.recording = Timeline(), Recording(limit)
        self.overlay = Overlay(drawing)
        self.samples: deque[list[float]] = deque(maxlen=SAMPLES)
        self.identities, self.returned, self.ended, self.at = 0, 0, 0, 0.0
        self.detect_s, self.track_s = 0.0, 0.0
        self.counts = dict.fromkeys(("tentative", "observed", "predicted"), 0)

    def add(self, tracked: Tracked) -> None:
        tracks = tracked.tracks
        self.names = self.recording.names = tracked.names
        self.at = tracked.at
        self.detect_s += tracked.detect_ms / 1000
        self.track_s += tracked.track_ms / 1000
        self.identities = max(self.identities, int(tracks.ids[-1]) if len(tracks) else 0)
        self.returned += len(tracks.known_again)
        self.ended += len(tracks.ended)
        seen = np.bincount(tracks.state, minlength=3).tolist()
        self.counts = {
            "tentative": seen[TrackState.TENTATIVE],
            "observed": seen[TrackState.OBSERVED],
            "predicted": seen[TrackState.PREDICTED],
        }
        self.recording.add(tracks)
        self.timeline.add(tracks, tracked.at)
        self.overlay.update(tracks, tracked.size, tracked.names)

    @property
    def fps(self) -> float:
        """Frames tracked a second, also while none come."""
        silent = time.monotonic() - self.at
        return min(self.status.fps, 1 / silent) if silent >= 1 else self.status.fps

    def sample(self) -> None:
        """Takes the point of this second for the graph."""
        newest = self.newest
        spent = (newest.detect_ms, newest.track_ms) if newest is not None else (0.0, 0.0)
        point = (self.fps, self.status.latency_ms, *spent)
        self.samples.append([round(float(value), 2) for value in point])


class LiveState:
    """All sources of a session, and what the server counts about itself.

    drawing: what is drawn of the tracks
    """

    def __init__(
        self, controls: Controls, names: Sequence[str], limit: int = LIMIT,
        drawing: DrawingConfig | None = None,
    ):  # fmt: skip
        self.controls, self.drawing = controls, drawing or DrawingConfig()
        shown = [without_secrets(name) for name in names]
        self.sources = [
            SourceView(name, limit, file_name, drawing)
            for name, file_name in zip(shown, file_names(shown), strict=True)
        ]
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.missed = 0  # frames that were not recorded as the worker was behind
        self.pictures, self.dropped_clients, self.problem = 0, 0, ""

    def take(self, news: Tracked | Changed) -> None:
        """In the order in which it came."""
        view = self.sources[news.source]
        error = news.status.error and without_secrets_in(news.status.error)
        view.status = replace(news.status, error=error, name=view.status.name)
        if isinstance(news, Tracked):
            with self.lock:
                view.add(news)

    @property
    def ready(self) -> bool:
        return any(source.status.state == "open" for source in self.sources)

    def close(self) -> None:
        for source in self.sources:
            source.recording.close()


def file_names(names: Sequence[str]) -> list[str]:
    """Each name in letters that every system and header takes; all with the number of their source
    where two would be the same or nothing is left of one."""
    plain = [re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")[:80] for name in names]
    if all(plain) and len(set(plain)) == len(plain):
        return plain
    return [f"{name or 'source'}-{number}" for number, name in enumerate(plain)]
