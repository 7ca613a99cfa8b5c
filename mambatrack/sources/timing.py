"""The time of the frames of a file."""

import math
from typing import SupportsFloat

DEFAULT_FPS = 30.0


def plausible_fps(*rates: SupportsFloat | None) -> float:
    """The first of the rates that a file states which makes sense, else DEFAULT_FPS."""
    stated = (float(rate or 0) for rate in rates)
    return next((rate for rate in stated if 0 < rate <= 1000), DEFAULT_FPS)


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
