"""The learned association in the C library: the same numbers in a call for each step."""

from collections.abc import Sequence
from functools import partial
from math import inf

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import (
    ALTERNATIVE_LOG_ODDS,
    LARGEST_LOG_ODDS,
    MATCH_LOG_LIKELIHOOD,
    ODDS_SHARE,
)
from mambatrack.association.crowds import TILE
from mambatrack.association.exits import sure_by
from mambatrack.association.features import (
    MANY_PAIRS,
    MOST_REACH,
    NEAREST,
    REACH,
    REACH_PER_FRAME,
)
from mambatrack.association.interface import (
    LEAST_WORTH,
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
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.pairs import ROUNDS, Pairs, hungarian
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.kernels.cpu import problems as in_c
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.motion import TrackMotion
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.kernels.cpu.problem_structs import Limits, Thought
from mambatrack.kernels.cpu.problems import Problems
from mambatrack.kernels.cpu.questions import Crowd, Reach
from mambatrack.kernels.cpu.settling import Matched, settle
from mambatrack.kernels.cpu.usual_frames import UsualFrames
from mambatrack.networks.units import CODE_LIMIT
from mambatrack.track_columns import new_stamp
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
        lowest = config.match_odds, config.birth_odds
        self.network = CommitteeNetwork(pairs, encoders, CODE_LIMIT, *lowest)
        self.config, self.match_odds = config, config.match_odds
        self.code_size, self.memory_size = self.network.code_size, self.network.memory_size
        encoder = "CommitteeEncoder" if len(encoders) > 1 else "CausalNetwork"
        self.state_layout = f"LearnedAssociation/{encoder}"
        self._limits = Limits(
            config.match_odds, LEAST_WORTH, config.birth_score, config.birth_odds,
            ALTERNATIVE_LOG_ODDS, ROUNDS, ODDS_SHARE, LARGEST_LOG_ODDS, MATCH_LOG_LIKELIHOOD,
        )  # fmt: skip
        self._problems: list[Problems] = []  # one for each thread that was in a call

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        """A crowd, which is taken apart into tiles, is left to numpy."""
        if max(len(table), len(found)) > TILE:
            return super().describe(table, found, boxes)
        problems = self._borrow()
        (described,) = problems.describe(
            [in_c.Question(table.in_c, found.in_c, len(table), table.span)]
        )
        self._problems.append(problems)
        return Candidates(*described, len(table))

    def decide(self, questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        if any(max(len(each.table), len(each.found)) > TILE for each in questions):
            return super().decide(questions, weigh)
        problems = self._borrow()
        asked = [_asked(each, weigh is not None) for each in questions]
        weighed: list[FrameProblem] = []
        weigh_in_c = weigh and partial(_weigh, questions, problems, weigh, weighed)
        decided = problems.decide(asked, _solve, weigh_in_c)
        self._problems.append(problems)
        found = [
            _as_decided(question, each) for question, each in zip(questions, decided, strict=True)
        ]
        if weigh is None:
            return found
        both = zip(found, weighed, strict=True)  # whose candidates were weighed
        return [each._replace(problem=problem) for each, problem in both]

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        return [self._score(each) for each in problems]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        for problem, (chosen, _) in zip(problems, decisions, strict=True):
            if len(chosen):
                tracks, _, features, *_ = problem.candidates
                rows, memory = tracks.take(chosen), problem.table["memory"]
                self.network.remember(features, chosen, rows, memory)

    def observe(
        self,
        motion: TrackMotion,
        problems: Sequence[FrameProblem],
        decisions: Sequence[Decision],
    ) -> None:
        """remember(), and with it the matched tracks are moved to their detections, as motion model
        and table do."""
        before = [None, *(each.found for each in problems)]
        matched = [
            _matched(problem, decision, problem.found is other)
            for problem, decision, other in zip(problems, decisions, before, strict=False)
        ]
        mixed = settle(self.network, motion, matched)
        for problem, now in zip(problems, mixed, strict=True):
            problem.table.mixed = now

    def decided(
        self, frames: UsualFrames, number: int, question: Question, thought: Thought
    ) -> Decided:
        """decide() of frame ``number`` of those that were thought of."""
        found = len(question.found)
        return _as_decided(question, frames.decided(number, found, thought, _solve))

    def new_problems(self) -> Problems:
        """Memory for one thread."""
        return Problems(GATE, CROWD, self.config.class_aware, self._limits, self.network)

    def _score(self, problem: FrameProblem) -> Scores:
        tracks, detections, features, alone, _, sure = problem.candidates
        given = features, tracks, detections, problem.table["memory"], alone
        return Scores(*self.network.scores(*given, sure))

    def _borrow(self) -> Problems:
        """Memory that no other thread uses."""
        try:
            return self._problems.pop()
        except IndexError:
            return self.new_problems()


GATE = Reach(REACH, REACH_PER_FRAME, MOST_REACH)
CROWD = Crowd(MANY_PAIRS, NEAREST)


def _asked(question: Question, weighed: bool) -> in_c.Question:
    """weighed: something is added to the odds, so that all networks are asked."""
    table, found, _, several, compared, beside = question
    of_table, sure = (table.in_c, found.in_c, len(table), table.span), sure_by(question)
    return in_c.Question(*of_table, several, compared, beside, inf if weighed else sure)


def _weigh(
    questions: Sequence[Question],
    problems: Problems,
    weigh: Weigh,
    weighed: list[FrameProblem],
    thought: Thought,
) -> None:
    """The scores of all questions become those that count instead; weighed: gets what they are
    of."""
    scored = [
        problems.scores(number, len(each.found), thought) for number, each in enumerate(questions)
    ]
    weighed += [
        FrameProblem(*question[:3], Candidates(*own.described, len(question.table)))
        for question, own in zip(questions, scored, strict=True)
    ]
    before = [Scores(each.odds, each.people) for each in scored]
    for each, (odds, people) in zip(scored, weigh(weighed, before), strict=True):
        each.odds[:], each.people[:] = odds, people


def _solve(tracks: Indices, detections: Indices, worth: Floats) -> Indices:
    return hungarian(Pairs(tracks, detections, worth))


def _matched(problem: FrameProblem, decision: Decision, beside: bool) -> Matched:
    table, found, _, given = problem
    of_table = table.in_c, found.in_c, len(table), table.mixed, new_stamp(), beside
    return Matched(*of_table, given.features, given.tracks, given.detections, decision.chosen)


def _as_decided(question: Question, decided: in_c.Decided) -> Decided:
    given = Candidates(*decided.described, len(question.table), sure_by(question))
    problem = FrameProblem(question.table, question.found, question.boxes, given)
    scores = Scores(decided.odds, decided.people)
    return Decided(
        problem, scores, [Answer(odds, Decision(*own)) for odds, *own in decided.answers]
    )
