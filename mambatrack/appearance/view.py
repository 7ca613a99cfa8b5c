"""One picture: whose crops are looked at, and what they add to the log-odds of its pairs.

Not every box is looked at. A crop is worth it where several tracks may be meant, where a track is
new or was lost, and from time to time in between. One that another box covers says nothing.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import MOST_ODDS, Calibration
from mambatrack.appearance.clean import clean
from mambatrack.appearance.doubts import Doubts
from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.looks import Looks
from mambatrack.appearance.pictures import Pictures
from mambatrack.association.problem import Candidates, Decision, FrameProblem, Scores
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable

FIRST = 5  # embeddings that a track gets as soon as it can
REFRESH = 10  # frames in which a track is seen, after which it is looked at again
APART = 5  # such frames between two looks that say how like itself a track is
LOST = 5  # frames without a detection, after which a pair is looked at

Mask = NDArray[np.bool_]


class View:
    """The picture ``image`` [H, W, 3] with the detections ``found`` in it.

    pictures: gets what the tracks of the likeliest hypothesis look like; None where nobody asks
    """

    def __init__(
        self, appearance: Appearance, calibration: Calibration, image: NDArray, found: Detections,
        pictures: Pictures | None = None,
    ):  # fmt: skip
        self._pictures = pictures
        self._appearance, self._calibration, self._image = appearance, calibration, image
        self._boxes = found.boxes
        self._vectors = np.zeros((len(found), appearance.embedder.size), np.float32)
        self._known = np.zeros(len(found), bool)
        self._contested: dict[int, Mask] = {}  # by the identity of the candidates

    def take(self, rows: NDArray[np.int64], vectors: Floats, usable: Mask) -> None:
        """Detections ``rows`` [K] were looked at in the C library."""
        self._vectors[rows], self._known[rows] = vectors, usable

    def contest(self, given: Candidates, contested: Mask) -> None:
        """Likewise which candidates have a track or a detection in common with another possible
        one."""
        self._contested[id(given)] = contested

    def exchange(self, tables: Sequence[TrackTable]) -> None:
        """Before the pairs of a frame are described: tracks that look as if they had gone on with
        each other's place at a crossing get it back."""
        for table in tables:
            Doubts(Looks(table)).exchange()

    def weigh(self, problems: Sequence[FrameProblem], scores: Sequence[Scores]) -> list[Scores]:
        """The scores of each hypothesis, with what the crops say of its pairs. Changes none."""
        both = list(zip(problems, scores, strict=True))
        wanted = np.zeros(len(self._known), bool)
        for problem, score in both:
            wanted |= self._wanted(problem, score)
        self._look(wanted.nonzero()[0])
        return [self._weighed(problem, score) for problem, score in both]

    def remember(self, decided: Sequence[tuple[FrameProblem, Decision]]) -> None:
        """Notes what the matched tracks look like, in all tables, and what the likeliest decision,
        the first, says of similarities."""
        if self._known.any():
            self._calibrate(*decided[0])
        for problem, decision in decided:
            looks = Looks(problem.table)
            doubts = Doubts(looks)
            rows, seen = self._seen(problem.candidates, decision.chosen)
            placed = _placed(problem, decision)
            doubts.suspect(rows, self._vectors[seen], placed, self._calibration)
            open_now = doubts.open[rows]
            doubts.weigh(rows[open_now], self._vectors[seen[open_now]], self._calibration)
            doubts.settle()
            rows, seen = self._sure(problem.candidates, decision, doubts.open)
            looks.note(rows, self._vectors[seen])
            if self._pictures is not None and problem is decided[0][0]:
                self._pictures.note(problem.table["ids"][rows], self._image, self._boxes[seen])
            doubts.begin(placed)

    def _wanted(self, problem: FrameProblem, score: Scores) -> Mask:
        """[M] which detections are worth a look."""
        given, table, looks = problem.candidates, problem.table, Looks(problem.table)
        possible = score.pairs >= -MOST_ODDS
        contested = possible & _shared(given, possible)
        self._contested[id(given)] = contested
        due = (looks.counts < FIRST) | (looks.ages >= REFRESH) | (table.missed >= LOST)
        due |= Doubts(looks).open
        wanted = np.zeros(given.detection_count, bool)
        wanted[given.detections[contested | (possible & due[given.tracks])]] = True
        return wanted

    def _look(self, rows: NDArray[np.int64]) -> None:
        rows = rows[clean(self._boxes, rows)]
        if len(rows) and not self._appearance.gave_up:
            vectors, usable = self._appearance.look(self._image, self._boxes[rows])
            self._vectors[rows], self._known[rows] = vectors, usable

    def _weighed(self, problem: FrameProblem, score: Scores) -> Scores:
        looks, (tracks, detections, *_) = Looks(problem.table), problem.candidates
        (told,) = (self._known[detections] & (looks.counts[tracks] > 0)).nonzero()
        if not len(told):
            return score
        alike = looks.products(tracks[told], self._vectors[detections[told]])
        pairs = score.pairs.copy()
        pairs[told] += self._calibration.log_odds(alike)
        return score._replace(pairs=pairs)

    def _seen(
        self, given: Candidates, chosen: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tracks and detections of the chosen pairs [.] whose crops are known."""
        tracks, detections = given.tracks[chosen], given.detections[chosen]
        known = self._known[detections]
        return tracks[known], detections[known]

    def _sure(
        self, given: Candidates, decision: Decision, doubtful: Mask
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Those of them for which nothing else was possible, of tracks that are not in doubt."""
        chosen = decision.chosen
        sure = ~self._contested[id(given)][chosen] & ~doubtful[given.tracks[chosen]]
        return self._seen(given, chosen[sure])

    def _calibrate(self, problem: FrameProblem, decision: Decision) -> None:
        given, looks = problem.candidates, Looks(problem.table)
        doubtful = Doubts(looks).open
        rows, seen = self._sure(given, decision, doubtful)
        alike = looks.products(rows, self._vectors[seen])
        able = looks.known & ~doubtful
        self._calibration.same.note(alike[able[rows] & (looks.ages[rows] >= APART)])
        others = given.tracks[decision.chosen]
        others = others[able[others]]
        apart = others[:, None] != rows
        self._calibration.others.note((looks.means[others] @ self._vectors[seen].T)[apart])


def _placed(problem: FrameProblem, decision: Decision) -> Boxes:
    """[N, 4] cxcywh of the tracks in this frame."""
    placed, chosen = problem.table["boxes"].copy(), decision.chosen
    given = problem.candidates
    placed[given.tracks[chosen]] = problem.boxes[given.detections[chosen]]
    return placed


def _shared(given: Candidates, possible: Mask) -> Mask:
    """[K] which pairs have a track or a detection in common with another possible one."""
    tracks, detections = given.tracks, given.detections
    of_track = np.bincount(tracks[possible], minlength=given.track_count)
    of_detection = np.bincount(detections[possible], minlength=given.detection_count)
    return (of_track[tracks] > 1) | (of_detection[detections] > 1)
