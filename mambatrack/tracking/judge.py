"""How likely an association finds links that others decided."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import ODDS_SHARE, surety
from mambatrack.association.interface import (
    Association,
    Candidates,
    Decision,
    Floats,
    FrameProblem,
    Scores,
)
from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import Transform
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable

Doubles = NDArray[np.float64]

LOG_LIKELIHOOD_FLOOR = -8.0  # of one event


class Judge(Association):
    """Decides as it was told, and notes how likely another association finds that.

    tracks [D]: the track of each detection, -1 for none
    evidence [D]: log-likelihood of what made each detection part of its track, and of the frames
        after it in which the track was not seen
    surety [D]: how sure the match of each detection is, in log-odds (alternatives.surety); infinite
        where a track begins
    """

    match_odds: float | None = None

    def __init__(self, policy: Association, tracks: Indices):
        self.policy, self.tracks, self.memory_size = policy, tracks, policy.memory_size
        self.evidence = np.zeros(len(tracks))
        self.surety = np.full(len(tracks), np.inf)
        self._newest: dict[int, int] = {}  # detection of each id of the table
        self._ids: dict[int, int] = {}  # of the table, for each track

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        """The pairs that are to be matched, and no others."""
        rows = {identity: row for row, identity in enumerate(table["ids"].tolist())}
        tracks = self.tracks[found.rows].tolist()
        row = np.array([rows.get(self._ids.get(track, -1), -1) for track in tracks], int)
        (seen,) = (row >= 0).nonzero()
        nothing = np.zeros((0, len(seen)), np.float32), np.zeros((0, len(found)), np.float32)
        return Candidates(row[seen], seen, *nothing, len(table))

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        """Nothing depends on them."""
        return [
            Scores(
                np.zeros(len(each.candidates.tracks), np.float32),
                np.zeros(each.candidates.detection_count, np.float32),
            )
            for each in problems
        ]

    def choose(self, problem: FrameProblem, scores: Scores) -> Indices:
        return np.arange(len(problem.candidates.tracks))

    def births(self, problem: FrameProblem, scores: Scores, chosen: Indices) -> Indices:
        born = self.tracks[problem.found.rows] >= 0
        born[problem.candidates.detections] = False
        return born.nonzero()[0]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        """Weighs what was decided by the odds of the other association, which then remembers it."""
        for (table, found, boxes, made), (_, born) in zip(problems, decisions, strict=True):
            given = self.policy.describe(table, found, boxes)
            problem = FrameProblem(table, found, boxes, given)
            (scores,) = self.policy.score([problem])
            chosen = _numbers_of(given, made)
            unseen = self._weigh(given, scores.pairs, chosen, made.detections, born, found.rows)
            self.policy.remember([problem], [Decision(chosen, born)])
            self._note(table, made, born, unseen, found.rows)

    def move(self, memory: Floats, transform: Transform) -> None:
        self.policy.move(memory, transform)

    def _weigh(
        self,
        given: Candidates,
        odds: Floats,
        chosen: Indices,
        seen: Indices,
        born: Indices,
        number: Indices,
    ) -> Doubles:
        """Notes how sure and likely each match and birth is. -> [N] log-likelihood of each track to
        stay unseen, with the sign turned."""
        shares = ODDS_SHARE * odds.astype(np.float64)
        of_track = _log_total(shares, given.tracks, given.track_count)
        of_detection = _log_total(shares, given.detections, len(number))
        likely = np.zeros(len(number))
        likely[seen] = LOG_LIKELIHOOD_FLOOR
        at = given.detections[chosen]
        likely[at] = shares[chosen] - (of_track[given.tracks[chosen]] + of_detection[at]) / 2
        likely[born] = -of_detection[born] / 2
        self.surety[number[seen]] = -np.inf
        self.surety[number[at]] = surety(given, odds, chosen)
        self.evidence[number] += np.maximum(likely, LOG_LIKELIHOOD_FLOOR)
        return np.minimum(of_track / 2, -LOG_LIKELIHOOD_FLOOR)

    def _note(
        self,
        table: TrackTable,
        made: Candidates,
        born: Indices,
        unseen: Doubles,
        number: Indices,
    ) -> None:
        """Which id is which track, what is its newest detection; tracks that were not seen."""
        new = np.arange(len(born)) + table.next_id
        self._ids.update(zip(self.tracks[number[born]].tolist(), new.tolist(), strict=True))
        ids = np.concatenate([table["ids"][made.tracks], new])
        newest = number[np.concatenate([made.detections, born])]
        missed = np.delete(np.arange(len(table)), made.tracks)
        for row, identity in zip(missed.tolist(), table["ids"][missed].tolist(), strict=True):
            self.evidence[self._newest[identity]] -= unseen[row]
        self._newest.update(zip(ids.tolist(), newest.tolist(), strict=True))


def _log_total(odds: Doubles, index: Indices, count: int) -> Doubles:
    """log(1 + sum of exp(odds)) of each group [count]."""
    total = np.zeros(count)
    np.logaddexp.at(total, index, odds)
    return total


def _numbers_of(given: Candidates, made: Candidates) -> Indices:
    """Which of the given pairs were made; some of those made may be none."""
    count = given.detection_count + 1
    wanted = made.tracks * count + made.detections
    return np.isin(given.tracks * count + given.detections, wanted).nonzero()[0]
