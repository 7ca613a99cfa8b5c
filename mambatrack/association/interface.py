"""The protocol of associations: who is seen where.

In each frame the tracker asks, for every hypothesis it holds (one table of tracks each):

1. describe: which pairs of a track and a detection may be matched, and what is known of them
2. score: how likely each pair is; one call for the tables of all hypotheses and all cameras
3. choose, births: which pairs are matched, and which detections start tracks
4. remember: what the association keeps of each track; one call again, once it is known which
   answers go on

An association of your own derives from Association. It writes describe() and score(), the rest has
defaults. With log-odds as scores it gets several hypotheses, groups of cameras and offline
tracking, as the learned one does:

>>> class ByDistance(Association):
...     def describe(self, table, found, boxes):
...         apart = np.linalg.norm(table["boxes"][:, None, :2] - boxes[None, :, :2], axis=2)
...         apart /= table["boxes"][:, None, 3]
...         tracks, detections = (apart < 1).nonzero()
...         return Candidates(tracks, detections, apart[None, tracks, detections],
...                           found.scores[None], len(table))
...     def score(self, problems):
...         return [Scores(4 - 8 * each.candidates.features[0], each.found.scores - 0.5)
...                 for each in problems]
>>> tracker = Tracker(association=ByDistance())
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import ODDS_SHARE, alternatives, log_likelihood
from mambatrack.association.exits import with_margins
from mambatrack.association.pairs import Pairs, best
from mambatrack.association.problem import (
    Answer,
    Candidates,
    Decided,
    Decision,
    Floats,
    FrameProblem,
    Question,
    Scores,
    Weigh,
)
from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import Transform
from mambatrack.detections import Detections
from mambatrack.errors import MambatrackError
from mambatrack.state_fields import Field
from mambatrack.track_table import TrackTable

LEAST_WORTH = 1e-6  # of a pair whose score is the lowest of a match, so that it is matched


class Association(Protocol):
    """Who is seen where.

    memory_size: E, floats per track that the association keeps in the column "memory" of the table,
        shape [N, E], zeros for a new track. All it knows of a track has to lie there: tables are
        copied and saved.
    match_odds: lowest log-odds of a match; None where its scores are no log-odds. The tracker then
        keeps a single hypothesis, and looks for nobody beyond the candidates (setting reach).
    odds_per_score: about how many log-odds a score of 1 is worth, by which the setting caution
        tells whether a match is sure. May be omitted: 1.
    """

    memory_size: int = 0
    match_odds: float | None = 0.0
    odds_per_score: float = 1.0

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        """The pairs that may be matched. table: after TrackTable.predict; boxes [M, 4]: the
        detections as cxcywh. Changes nothing."""
        ...

    def score(self, problems: Sequence[FrameProblem]) -> Sequence[Scores]:
        """The scores of each of several problems, which do not depend on each other. Changes
        nothing."""
        ...

    def choose(self, problem: FrameProblem, scores: Scores) -> Indices:
        """The pairs that are matched [.], as numbers of candidates. May be omitted: those of the
        largest total score, of at least ``match_odds`` each (0 where that is None)."""
        tracks, detections = problem.candidates[:2]
        lowest = self.match_odds or 0.0
        (able,) = (scores.pairs >= lowest).nonzero()
        worth = scores.pairs[able] - lowest + LEAST_WORTH
        return able[best(Pairs(tracks[able], detections[able], worth))]

    def births(self, problem: FrameProblem, scores: Scores, chosen: Indices) -> Indices:
        """The detections that start tracks [.], ascending, where the pairs ``chosen`` are matched.
        Asked for each alternative as well. May be omitted: all unmatched ones whose log-odds of
        being a person are at least 0."""
        born = scores.people >= 0
        born[problem.candidates.detections[chosen]] = False
        return born.nonzero()[0]

    def answers(
        self, problem: FrameProblem, scores: Scores, several: bool, compared: bool
    ) -> list[Answer]:
        """The decision of choose() and births() and, with ``several``, the few closest to it. Where
        there is one and it is not ``compared`` with another hypothesis, its likelihood is 0. May be
        omitted."""
        given, odds = problem.candidates, scores.pairs
        chosen = self.choose(problem, scores)
        likeliest = Decision(chosen, self.births(problem, scores, chosen))
        near = []
        if several and self.match_odds is not None:
            near = alternatives(given, odds, chosen, self.match_odds)
        if not near and not compared:
            return [Answer(0.0, likeliest)]
        likelihood = log_likelihood(given, odds, chosen)
        answers = [Answer(likelihood, likeliest)]
        for loss, dropped, taken in near:
            other = np.sort(np.concatenate([np.setdiff1d(chosen, dropped), taken]))
            decision = Decision(other, self.births(problem, scores, other))
            answers.append(Answer(likelihood - ODDS_SHARE * loss, decision))
        return answers

    def decide(self, questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        """describe(), score() and answers(), for the tables of all hypotheses and all cameras.
        weigh: problems and scores -> the scores that count instead. May be omitted."""
        problems = [FrameProblem(*each[:3], self.describe(*each[:3])) for each in questions]
        if weigh is None:  # else something is added to the odds, and all networks are asked
            problems = with_margins(problems, questions)
        scores = self.score(problems)
        asked = zip(problems, weigh(problems, scores) if weigh else scores, questions, strict=True)
        return [
            Decided(problem, own, self.answers(problem, own, each.several, each.compared))
            for problem, own, each in asked
        ]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        """Writes into the memory of the tables what was decided, before the tracks are moved to
        their detections. May be omitted where memory_size is 0."""
        return None

    def state_fields(self, kept: Floats) -> Sequence[Field]:
        """What the memory of a saved state [N, E] may be, so that one that cannot be is refused.
        May be omitted: all that is finite."""
        return ()

    def move(self, memory: Floats, transform: Transform) -> None:
        """In place, before describe(): the camera moved, and every place in the memory [N, E] is
        where ``transform`` [3, 3] puts it (camera/transforms.py). May be omitted where there is no
        place in it, as in sizes of the boxes."""
        return None


def checked_association(association: Association) -> Association:
    """The same association. Raises MambatrackError where it does not follow the protocol."""
    members = (
        "memory_size", "match_odds", "describe", "score", "choose", "births", "answers", "decide",
        "remember", "move",
    )  # fmt: skip
    for member in members:
        if not hasattr(association, member):
            raise MambatrackError(
                f"the association {type(association).__name__} has no {member}; derive it from "
                "mambatrack.association.interface.Association, which says what each method does"
            )
    return association
