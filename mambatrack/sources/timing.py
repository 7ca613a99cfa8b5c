"""The time of the frames of a file."""

import math

DEFAULT_FPS = 30.0


def plausible_fps(fps: float) -> float:
    """The rate that a file states, or DEFAULT_FPS where it makes no sense."""
    return fps if 0 < fps <= 1000 else DEFAULT_FPS


class Stamps:
    """Seconds since a file began, which grow from frame to frame whatever its container says.

    time_s: of the newest frame; gap_s: from the one before it
    """

    def __init__(self, fps: float):
        self.time_s, self.gap_s = 0.0, 1 / fps
        self._fps, self._started = fps, False

    def step(self, stamp: float | None) -> float:
        """The time of the next frame. stamp: what the container says, in seconds; one frame after
        the last where that is missing or does not grow"""
        grows = stamp is not None and math.isfinite(stamp) and stamp > self.time_s
        now = 0.0 if not self._started else self.time_s + 1 / self._fps
        if grows and stamp is not None:
            now = stamp
        self.gap_s = now - self.time_s if self._started else 1 / self._fps
        self.time_s, self._started = now, True
        return now
