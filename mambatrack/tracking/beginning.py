"""What is told of detections while no track has started: that they may not be what is expected."""

import warnings
from dataclasses import dataclass

import numpy as np

from mambatrack.association.pairs import candidates
from mambatrack.camera.transforms import Size
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections

SHARES = 2  # pixels; boxes given as shares of the picture end here
ALIKE = 0.7  # IoU; no two boxes that a detector leaves after NMS overlap more
FEWEST = 4  # boxes that say something of all
PATIENCE = 10  # frames with detections


@dataclass
class Beginning:
    """frames: with detections, in which no track started; highest: score of all of these"""

    frames: int = 0
    highest: float = 0.0

    def admit(self, found: Detections, outside: int, image_size: Size | None) -> None:
        """Warns where the detections are those of another picture, no pixels, or several boxes of
        each object. found: those inside of the picture; outside: number of the others, of which
        there is one where ``found`` is empty"""
        if image_size is not None and outside > len(found):
            _warn(
                f"most boxes lie outside of the picture, {image_size[0]} pixels wide and "
                f"{image_size[1]} high, and are dropped: are its sides in the other order, or are "
                "the boxes those of a picture of another size?"
            )
        elif np.abs(found.boxes).max() <= SHARES:
            _warn(
                f"all boxes lie within {SHARES} pixels of the corner of the picture; expected "
                "pixels: are they shares of its size?"
            )
        elif len(found) >= FEWEST and 2 * _repeated(found) > len(found):
            _warn(
                f"most of the {len(found)} boxes overlap another one by more than {ALIKE}, and "
                "each may become a track; expected one box for each object: suppress the others "
                "first (NMS)"
            )

    def no_track(self, found: Detections, config: TrackerConfig) -> None:
        """After a frame in which none started; warns, once, where that goes on."""
        self.frames += 1
        self.highest = max(self.highest, float(found.scores.max()))
        if self.frames == PATIENCE and self.highest < config.birth_score:
            _warn(
                f"no track has started in {PATIENCE} frames with detections: their scores are at "
                f"most {self.highest:.2g}, and a track starts from tracker.birth_score "
                f"{config.birth_score:g} on; lower it, and tracker.match_score, or are the scores "
                "of another scale than 0 to 1?"
            )


def _repeated(found: Detections) -> int:
    """Boxes that overlap another one by more than ALIKE."""
    pairs = candidates(found.boxes, found.boxes)
    alike = (pairs.similarities > ALIKE) & (pairs.tracks != pairs.detections)
    return len(np.unique(pairs.tracks[alike]))


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=5)  # who called Tracker.update()
