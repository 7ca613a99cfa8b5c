"""The time of the frames of a file, also in frames of the motion model."""

import math
from typing import SupportsFloat

DEFAULT_FPS = 30.0
SLACK = 1e-6  # frames; half a frame is often a little less, as time stamps are rounded


def model_frames(time_s: float, rate: float, most: float = math.inf) -> int:
    """How many frames of a motion model of ``rate`` frames a second a time counts as: the nearest
    whole number, from 1 to ``most``, and one for any time where there is no rate."""
    frames = time_s * rate if rate else 1.0
    return math.floor(min(max(frames, 1.0), most) + 0.5 + SLACK)


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
