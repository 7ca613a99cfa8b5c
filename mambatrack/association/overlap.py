"""Association by overlap of boxes with gates: what the learned association is compared with."""

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.interface import Associated
from mambatrack.association.pairs import candidates, cascade
from mambatrack.boxes import Boxes, cxcywh_to_xyxy
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable


class OverlapAssociation:
    """Hungarian matching of IoU, with gates (MambaTrack, ACM MM 2024, section 3.3)."""

    memory_size = 0

    def __init__(self, config: TrackerConfig):
        self.config = config

    def __call__(self, table: TrackTable, found: Detections, boxes: Boxes) -> Associated:
        rows, seen = self._match(table, found)
        placed = table["boxes"].copy()
        placed[rows] = boxes[seen]
        return Associated(rows, seen, self._births(table, placed, found, seen))

    def _match(self, table: TrackTable, found: Detections) -> tuple[Indices, Indices]:
        """Active tracks first and lost ones on the rest, or all at once (config.passes)."""
        config = self.config
        pairs = candidates(cxcywh_to_xyxy(table["boxes"]), found.boxes, config.height_power)
        comparable = (found.scores >= config.match_score)[pairs.detections]
        if config.class_aware:
            comparable &= table["labels"][pairs.tracks] == found.labels[pairs.detections]
        passes = [comparable & (pairs.similarities >= config.iou_gate)]
        if config.passes == 2:
            active = (table.missed == 0)[pairs.tracks]
            passes.insert(0, passes[0] & active)
        chosen = cascade(pairs, passes)
        return pairs.tracks[chosen], pairs.detections[chosen]

    def _births(
        self, table: TrackTable, placed: Boxes, found: Detections, seen: Indices
    ) -> Indices:
        """Which unmatched detections [.] start a track: strong, and not on top of a live one, whose
        boxes are ``placed`` [N, 4]."""
        strong = found.scores >= self.config.birth_score
        strong[seen] = False
        (born,) = strong.nonzero()
        if self.config.birth_iou < 1 and len(born) and len(table):
            pairs = candidates(cxcywh_to_xyxy(placed), found.boxes[born])
            covering = pairs.similarities >= self.config.birth_iou
            if self.config.class_aware:
                covering &= table["labels"][pairs.tracks] == found.labels[born][pairs.detections]
            born = np.delete(born, pairs.detections[covering])
        return born
