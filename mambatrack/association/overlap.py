"""Association by overlap of boxes with gates: what the learned association is compared with."""

from collections.abc import Sequence

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.interface import Association, Candidates, FrameProblem, Scores
from mambatrack.association.pairs import Pairs, candidates, cascade
from mambatrack.boxes import Boxes, cxcywh_to_xyxy
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.overlap_frame import Overlap
from mambatrack.track_table import TrackTable


class OverlapAssociation(Association):
    """Hungarian matching of IoU, with gates (MambaTrack, ACM MM 2024, section 3.3).

    Its scores are similarities in (0, 1] and scores of detections, no log-odds.
    """

    match_odds: float | None = None
    odds_per_score: float = 10.0

    def __init__(self, config: TrackerConfig):
        self.config = config

    @property
    def in_c(self) -> Overlap:
        """Its settings for the C library."""
        config = self.config
        return Overlap(
            config.iou_gate, config.match_score, config.birth_score, config.birth_iou,
            config.height_power, config.passes, config.class_aware,
        )  # fmt: skip

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        """All pairs that overlap; features [1, K]: their similarity."""
        pairs = candidates(cxcywh_to_xyxy(table["boxes"]), found.boxes, self.config.height_power)
        return Candidates(
            pairs.tracks, pairs.detections, pairs.similarities[None], found.scores[None], len(table)
        )

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        return [Scores(each.candidates.features[0], each.found.scores) for each in problems]

    def choose(self, problem: FrameProblem, scores: Scores) -> Indices:
        """Active tracks first and lost ones on the rest, or all at once (config.passes)."""
        (tracks, detections), config = problem.candidates[:2], self.config
        comparable = (problem.found.scores >= config.match_score)[detections]
        if config.class_aware:
            comparable &= problem.table["labels"][tracks] == problem.found.labels[detections]
        passes = [comparable & (scores.pairs >= config.iou_gate)]
        if config.passes == 2:
            active = (problem.table.missed == 0)[tracks]
            passes.insert(0, passes[0] & active)
        return cascade(Pairs(tracks, detections, scores.pairs), passes)

    def births(self, problem: FrameProblem, scores: Scores, chosen: Indices) -> Indices:
        """Unmatched detections that are strong, and not on top of a live track."""
        config, found = self.config, problem.found
        strong = found.scores >= config.birth_score
        strong[problem.candidates.detections[chosen]] = False
        (born,) = strong.nonzero()
        if config.birth_iou < 1 and len(born) and len(problem.table):
            placed = _placed(problem, chosen)
            pairs = candidates(cxcywh_to_xyxy(placed), found.boxes[born])
            covering = pairs.similarities >= config.birth_iou
            if config.class_aware:
                labels = problem.table["labels"]
                covering &= labels[pairs.tracks] == found.labels[born][pairs.detections]
            born = np.delete(born, pairs.detections[covering])
        return born


def _placed(problem: FrameProblem, chosen: Indices) -> Boxes:
    """[N, 4] boxes of the live tracks once those of the chosen pairs are at their detections."""
    tracks, detections = problem.candidates[:2]
    placed = problem.table["boxes"].copy()
    placed[tracks[chosen]] = problem.boxes[detections[chosen]]
    return placed
