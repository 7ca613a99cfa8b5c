"""The learned association: a causal Mamba encodes each track's history, and a small network scores
every (track, detection) pair of a frame in the light of all others.

One pass for all pairs; numpy and the C library, no torch. The network in torch and its training are
in learning/association_network.py and learning/association_training.py.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.association.features import describe_pairs
from mambatrack.association.interface import (
    Association,
    Candidates,
    Decision,
    Floats,
    FrameProblem,
    Scores,
)
from mambatrack.association.scorer import Scorer
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.detections import Detections
from mambatrack.networks.units import CARRIED_LIMIT, CODE_LIMIT
from mambatrack.state_fields import Field
from mambatrack.track_table import SHARED_CALL_TRACKS, TrackTable


class LearnedAssociation(Association):
    """Hungarian matching of the scores of pairs; births by the score of what is left alone.

    A track's memory in the table is the code of its history [E], then the encoder's carried state:
    only a match moves it on. Each network is called once for all tables: pairs of different tables
    have no track and no detection in common, so their scores do not depend on each other.
    """

    def __init__(self, scorer: Scorer, encoder: Any, code_size: int, config: TrackerConfig):
        self.scorer, self.encoder, self.config = scorer, encoder, config
        self.code_size, self.memory_size = code_size, code_size + encoder.carried_size
        self.match_odds = config.match_odds

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        return describe_pairs(table, found, boxes, self.config.class_aware)

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        codes = [self.codes(each.table) for each in problems]
        if len(problems) < 2:
            return [self.scorer(each.candidates, codes[0]) for each in problems]
        given = [each.candidates for each in problems]
        scores = self.scorer(_join(given), np.concatenate(codes))
        pairs = np.split(scores.pairs, _ends([len(each.tracks) for each in given]))
        people = np.split(scores.people, _ends([each.detection_count for each in given]))
        return [Scores(*both) for both in zip(pairs, people, strict=True)]

    def codes(self, table: TrackTable) -> Floats:
        """[N, E] what the encoder knows of each track."""
        return table["memory"][:, : self.code_size]

    def state_fields(self, kept: Floats) -> list[Field]:
        code, carried = kept[:, : self.code_size], kept[:, self.code_size :]
        return [
            Field("codes in memory", code, -CODE_LIMIT, CODE_LIMIT),
            Field("carried state in memory", carried, -CARRIED_LIMIT, CARRIED_LIMIT),
        ]

    def births(self, problem: FrameProblem, scores: Scores, chosen: Indices) -> Indices:
        """Strong detections; one near a track, which may be its duplicate, has to be a person by
        the odds, too."""
        given, found = problem.candidates, problem.found
        doubtful = np.zeros(len(found), bool)
        doubtful[given.detections] = True
        doubtful &= scores.people < self.config.birth_odds
        born = (found.scores >= self.config.birth_score) & ~doubtful
        born[given.detections[chosen]] = False
        return born.nonzero()[0]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        """Each chosen pair is the next token of its track."""
        chosen = [each.chosen for each in decisions]
        count = sum(map(len, chosen))
        if len(problems) < 2 or count > SHARED_CALL_TRACKS:
            for problem, pairs in zip(problems, chosen, strict=True):
                self._remember(problem, pairs)
        elif count:
            self._remember_together(problems, chosen)

    def _remember(self, problem: FrameProblem, chosen: Indices) -> None:
        if len(chosen):
            memory, rows = problem.table["memory"], problem.candidates.tracks[chosen]
            tokens = self.scorer.tokens(problem.candidates.features.take(chosen, axis=1))
            carried = memory[:, self.code_size :]
            code = self.encoder(tokens, carried, rows)
            memory[rows, : self.code_size] = np.clip(code, -CODE_LIMIT, CODE_LIMIT)

    def _remember_together(
        self, problems: Sequence[FrameProblem], chosen: Sequence[Indices]
    ) -> None:
        """_remember() of all problems, copied into one call of the encoder."""
        both = list(zip(problems, chosen, strict=True))
        features = [each.candidates.features.take(pairs, axis=1) for each, pairs in both]
        places = [(each.table["memory"], each.candidates.tracks[pairs]) for each, pairs in both]
        tokens = self.scorer.tokens(np.concatenate(features, axis=1))
        carried = np.concatenate([memory[rows, self.code_size :] for memory, rows in places])
        code = np.clip(self.encoder(tokens, carried), -CODE_LIMIT, CODE_LIMIT)
        moved = np.concatenate([code, carried], axis=1)
        parts = np.split(moved, _ends([len(rows) for _, rows in places]))
        for (memory, rows), part in zip(places, parts, strict=True):
            memory[rows] = part


def _join(given: Sequence[Candidates]) -> Candidates:
    """All pairs, with the tracks and detections of each behind those of the ones before."""
    tracks = np.cumsum([0, *(each.track_count for each in given)])
    detections = np.cumsum([0, *(each.detection_count for each in given)])
    return Candidates(
        np.concatenate([each.tracks + i for each, i in zip(given, tracks, strict=False)]),
        np.concatenate([each.detections + i for each, i in zip(given, detections, strict=False)]),
        np.concatenate([each.features for each in given], axis=1),
        np.concatenate([each.alone for each in given], axis=1),
        int(tracks[-1]),
        np.concatenate([np.broadcast_to(each.sure_by, len(each.tracks)) for each in given]),
    )


def _ends(counts: Sequence[int]) -> Indices:
    """Where all but the last end when they are put one behind the other."""
    return np.cumsum(counts)[:-1]
