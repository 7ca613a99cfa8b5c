"""What is told of times between updates by which no track is left, again and again."""

import warnings
from dataclasses import dataclass

from mambatrack.config import TrackerConfig
from mambatrack.errors import counted

MOST = 3  # in a row


@dataclass
class Pauses:
    """count: of updates in a row before each of which all tracks had ended"""

    count: int = 0

    def note(self, span: int, config: TrackerConfig) -> None:
        """Before an update, ``span`` frames of the motion model after the last one."""
        self.count = self.count + 1 if span > config.max_age else 0
        if self.count == MOST:
            frames = counted(config.max_age, "frame")
            warnings.warn(
                f"{MOST} times in a row more than {frames} passed between two updates, "
                "after which a track ends (tracker.max_age; with the detector motion "
                f"tracker.motion_max_age), at {config.frame_rate:g} frames a second "
                "(tracker.frame_rate), so that no track was left: are the times seconds, or is "
                "the detector too slow for this machine?",
                stacklevel=4,  # who called Tracker.update()
            )
