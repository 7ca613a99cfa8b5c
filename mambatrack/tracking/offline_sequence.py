"""A whole sequence that is tracked offline, as the passes of the tracker see it."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.assignment import Indices
from mambatrack.camera.transforms import CameraMotion, as_motion
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError


class OfflineSequence(NamedTuple):
    """found, times, cameras: of each of the T frames;  looks: what the boxes look like, None where
    nobody looked;  frame [D] of each detection, from 0;  first [T + 1]: where the detections of a
    frame begin"""

    found: list[Detections]
    times: list[float | None]
    cameras: list[CameraMotion | None]
    image_size: tuple[int, int] | None
    looks: SequenceLooks | None
    frame: Indices
    first: Indices

    @classmethod
    def of(
        cls,
        detections: Sequence[Any],
        times: Sequence[float | None] | None,
        cameras: Sequence[Any] | None,
        image_size: tuple[int, int] | None,
        looks: SequenceLooks | None,
    ) -> "OfflineSequence":
        """As track_offline() takes it. Raises MambatrackError where something is not of as many
        frames."""
        found = [as_detections(each) for each in detections]
        stamps: list[float | None] = [None] * len(found) if times is None else list(times)
        given = [None] * len(found) if cameras is None else list(cameras)
        motions = [as_motion(each) for each in given]
        for kind, count in (("time stamps", len(stamps)), ("transforms", len(motions))):
            if count != len(found):
                raise MambatrackError(f"{len(found)} frames have {count} {kind}; give one each")
        if looks is not None and len(looks.frames) != len(found):
            raise MambatrackError(
                f"{len(found)} frames were looked at in {len(looks.frames)}; call "
                "SequenceLooks.note() for each, also where there is no picture"
            )
        counts = [len(each) for each in found]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        frame = np.repeat(np.arange(len(found)), counts)
        return cls(found, stamps, motions, image_size, looks, frame, first)

    def seconds(self, rate: float) -> NDArray[np.float64]:
        """[T] when each frame was; by ``rate`` frames a second where not all times are known."""
        known = [each for each in self.times if each is not None and math.isfinite(each)]
        if len(known) < len(self.found):
            return np.arange(len(self.found)) / rate
        return np.maximum.accumulate(np.array(known, np.float64))
