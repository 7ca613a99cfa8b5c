"""The online tracker: predict, associate, observe, start, end; once per frame."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.association import Matches, cascade, similarity
from mambatrack.boxes import clip, cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mambatrack.config import Config, TrackerConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError
from mambatrack.prediction import Predictor, load_predictor
from mambatrack.tracks import Tracks, TrackTable


class Tracker:
    """Online multi-object tracking from boxes (MambaTrack, ACM MM 2024, section 3).

    config: a Config or TrackerConfig; every default is in config.py
    image_size: (width, height) in pixels; detections wholly outside are dropped. None: no check
    predictor: a motion model of your own in place of the configured one

    An instance owns its ids and its state: two trackers never influence each other.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        image_size: tuple[int, int] | None = None,
        predictor: Predictor | None = None,
    ):
        self.config = config.tracker if isinstance(config, Config) else config or TrackerConfig()
        self.image_size = _checked_size(image_size)
        self.predictor = predictor or load_predictor(
            self.config.predictor, self.image_size, self.config.device, self.config.refill
        )
        self.reset()

    def reset(self) -> None:
        """Forgets every track: the next frame is frame 0 and the next id is 1."""
        self.table = TrackTable(self.predictor.state_size)
        self.frame = 0
        self.dropped = 0

    def update(self, detections: Any = None, time_s: float | None = None) -> Tracks:
        """Advances one frame; call it for every frame, also where nothing was detected.

        detections: Detections, or rows (N, 4..6) of x1 y1 x2 y2 [score [class]], or None
        time_s: time stamp of the frame in seconds, passed through to the result
        Returns all live tracks; ``state`` tells those seen now from those only predicted.
        """
        found = self._admit(as_detections(detections))
        boxes = xyxy_to_cxcywh(found.boxes)
        table, config = self.table, self.config
        table.predict(*self.predictor.predict(table["motion"]))

        matches = self._associate(found)
        rows, seen = matches.pairs.T
        motion = self.predictor.correct(table["motion"][rows], boxes[seen])
        table.observe(rows, boxes[seen], found.select(seen), motion, config.min_hits)
        born = self._births(found, matches.unmatched_detections)
        motion = self.predictor.start(boxes[born])
        table.start(boxes[born], found.select(born), motion, config.min_hits)
        ended = table.end(config.max_age)

        self.frame += 1
        return table.snapshot(self.frame - 1, time_s, ended)

    def _associate(self, found: Detections) -> Matches:
        """Active tracks first and lost ones on the rest, or all at once (config.passes)."""
        table, config = self.table, self.config
        similarities = similarity(cxcywh_to_xyxy(table["boxes"]), found.boxes, config.height_power)
        comparable = np.broadcast_to(found.scores >= config.match_score, similarities.shape)
        if config.class_aware:
            comparable = comparable & (table["labels"][:, None] == found.labels)
        active = table["gap"] == 1
        gate = np.where(active, config.iou_gate, config.lost_iou_gate)[:, None]
        everyone = np.ones_like(active)
        if config.passes == 1:
            return cascade(similarities, [(everyone, comparable & (similarities >= gate))])
        first = (active, comparable & (similarities >= config.iou_gate))
        second = (everyone, comparable & (similarities >= config.lost_iou_gate))
        return cascade(similarities, [first, second])

    def _births(self, found: Detections, unmatched: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which unmatched detections [.] start a track: strong, and not on top of a live one."""
        born = unmatched[found.scores[unmatched] >= self.config.birth_score]
        if self.config.birth_iou < 1 and len(born) and len(self.table):
            overlap = iou(found.boxes[born], cxcywh_to_xyxy(self.table["boxes"]))
            if self.config.class_aware:
                overlap = overlap * (found.labels[born, None] == self.table["labels"])
            born = born[overlap.max(axis=1) < self.config.birth_iou]
        return born

    def _admit(self, found: Detections) -> Detections:
        """Drops detections outside the image; counts every unusable row, and warns once."""
        dropped = found.dropped
        if self.image_size is not None:
            cut = clip(found.boxes, self.image_size)
            inside = (cut[:, 2:] > cut[:, :2]).all(axis=1)
            dropped += len(found) - int(inside.sum())
            found = found.select(inside)
        if dropped and not self.dropped:
            warnings.warn(
                f"frame {self.frame}: dropped {dropped} unusable detections (not finite, of no "
                "size, repeated, or outside the image); later ones are only counted, in "
                "Tracker.dropped",
                stacklevel=3,
            )
        self.dropped += dropped
        return found


def _checked_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    try:
        width, height = (int(side) for side in image_size)
    except (TypeError, ValueError):
        width = height = 0
    if width <= 0 or height <= 0:
        raise MambatrackError(
            f"image_size is {image_size!r}; expected (width, height) in pixels, both positive"
        )
    return width, height
