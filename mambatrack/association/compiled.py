"""The learned association in the C library: the same numbers in a call for each step."""

from collections.abc import Sequence

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import (
    ALTERNATIVE_LOG_ODDS,
    LARGEST_LOG_ODDS,
    MATCH_LOG_LIKELIHOOD,
    ODDS_SHARE,
)
from mambatrack.association.crowds import TILE
from mambatrack.association.features import MOST_REACH, REACH, REACH_PER_FRAME
from mambatrack.association.interface import (
    LEAST_WORTH,
    Answer,
    Candidates,
    Decision,
    Floats,
    FrameProblem,
    Scores,
)
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.pairs import ROUNDS, Pairs, hungarian
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.answers import Answerer, Limits, ScoredPairs
from mambatrack.kernels.cpu.candidates import PairDescriber, Reach
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.networks.units import CODE_LIMIT
from mambatrack.track_table import TrackTable


class CompiledAssociation(LearnedAssociation):
    """LearnedAssociation with its arrays and networks in C, to the bit where nothing but the order
    of a network's sums differs. It may be asked from several threads."""

    def __init__(
        self,
        pairs: Sequence[PairsNetwork],
        encoders: Sequence[CausalNetwork],
        config: TrackerConfig,
    ):
        self.network = CommitteeNetwork(pairs, encoders, CODE_LIMIT)
        self.config, self.match_odds = config, config.match_odds
        self.code_size, self.memory_size = self.network.code_size, self.network.memory_size
        encoder = "CommitteeEncoder" if len(encoders) > 1 else "CausalNetwork"
        self.state_layout = f"LearnedAssociation/{encoder}"
        self._limits = Limits(
            config.match_odds, LEAST_WORTH, config.birth_score, config.birth_odds,
            ALTERNATIVE_LOG_ODDS, ROUNDS, ODDS_SHARE, LARGEST_LOG_ODDS, MATCH_LOG_LIKELIHOOD,
        )  # fmt: skip
        self._describers: list[PairDescriber] = []  # one for each thread that was in a call
        self._answerers: list[Answerer] = []  # likewise

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        """A crowd, which is taken apart into tiles, is left to numpy."""
        if max(len(table), len(found)) > TILE:
            return super().describe(table, found, boxes)
        labels = found.labels.copy() if self.config.class_aware else None
        try:
            describer = self._describers.pop()
        except IndexError:  # all are in use, by other threads
            describer = PairDescriber(GATE)
        parts = describer(table.in_c, table.missed, table.span, _rows(found, boxes), labels)
        self._describers.append(describer)
        return Candidates(*parts, len(table))

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        return [self._score(each) for each in problems]

    def choose(self, problem: FrameProblem, scores: Scores) -> Indices:
        return self.answers(problem, scores, several=False, compared=False)[0].decision.chosen

    def answers(
        self, problem: FrameProblem, scores: Scores, several: bool, compared: bool
    ) -> list[Answer]:
        given = problem.candidates
        tracks, detections = given.tracks, given.detections

        def solve(left: Indices, worth: Floats) -> Indices:
            return left[hungarian(Pairs(tracks[left], detections[left], worth[left]))]

        counts = given.track_count, given.detection_count
        found_scores = problem.found.scores.astype(np.float32, copy=False)
        pairs = ScoredPairs(tracks, detections, counts, *scores, found_scores)
        answerer = self._answerers.pop() if self._answerers else Answerer(self._limits)
        found = answerer(pairs, several, compared, solve)
        self._answerers.append(answerer)
        return [Answer(likelihood, Decision(*decided)) for likelihood, *decided in found]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        for problem, (chosen, _) in zip(problems, decisions, strict=True):
            if len(chosen):
                tracks, _, features, *_ = problem.candidates
                rows, memory = tracks.take(chosen), problem.table["memory"]
                self.network.remember(features, chosen, rows, memory)

    def _score(self, problem: FrameProblem) -> Scores:
        tracks, detections, features, alone, _ = problem.candidates
        memory = problem.table["memory"]
        return Scores(*self.network.scores(features, tracks, detections, memory, alone))


GATE = Reach(REACH, REACH_PER_FRAME, MOST_REACH)


def _rows(found: Detections, boxes: Boxes) -> Floats:
    """[M, 9] as xyxy, cxcywh, score."""
    rows = np.empty((len(found), 9), np.float32)
    rows[:, :4], rows[:, 4:8], rows[:, 8] = found.boxes, boxes, found.scores
    return rows
