"""Sources, a detector and a watcher of a live session that do what a test says."""

import time

import numpy as np

from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.live.session import LiveSession
from mambatrack.live.source import Arrival
from mambatrack.live.updates import SourceStatus
from mambatrack.sources.frames import Frame
from mambatrack.tracking.group import TrackerGroup

CONFIG = TrackerConfig("kalman", association="overlap", frame_rate=25, max_age=1000)


class Scripted:
    """A source whose newest frame is set by hand."""

    def __init__(self, name="camera"):
        self.name, self.started, self.newest, self.index = name, True, None, -1
        self.status, self.closed = SourceStatus(name, "open"), False
        self.now_s = 0.0

    def show(self, shade=0, size=(64, 48)):
        self.index += 1
        image = np.full((size[1], size[0], 3), shade, np.uint8)
        frame = Frame(self.index, self.index / 25, image)
        self.newest = Arrival(frame, time.monotonic())
        self.news.set()

    def take(self):
        newest, self.newest = self.newest, None
        return newest

    def become(self, state, error=None):
        self.status = SourceStatus(self.name, state, error=error)
        self.news.set()

    def stop(self):
        self.closed = True

    def close(self):
        assert self.closed


class Seeing:
    """Finds one box, further right the brighter the image is; ``during`` happens meanwhile."""

    names = ("thing",)

    def __init__(self, during=lambda image: None):
        self.during, self.images = during, []

    def __call__(self, image, index=0):
        self.images.append(image)
        self.during(image)
        x = float(image[0, 0, 0]) / 10
        return as_detections([[x, 5, x + 20, 40, 0.9]])


class Watching:
    def __init__(self):
        self.updates, self.changes, self.closed = [], [], 0

    def update(self, update):
        self.updates.append(update)

    def status(self, source, status):
        self.changes.append((source, status.state, status.error))

    def close(self):
        self.closed += 1


def make_session(sources, detector=None, **options):
    watching = Watching()
    detectors = [detector or Seeing()] * len(sources)
    group = TrackerGroup(CONFIG, len(sources))
    return LiveSession(sources, detectors, group, [watching], **options), watching
