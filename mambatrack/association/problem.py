"""What an association is asked in a frame, and what it answers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable

Floats = NDArray[np.float32]


class Candidates(NamedTuple):
    """The pairs of one table and one frame that may be matched.

    tracks [K], detections [K]: rows of the table and of the detections
    features [F, K]: what the association knows of each pair; alone [A, M]: of each detection by
        itself; both are for the association's own use
    track_count: N, of all tracks of the table
    sure_by: of all or [K]: log-odds by which a decision has to be better than any other so that
        scores of which it is sure may be rough; infinite where the scores themselves count
    """

    tracks: Indices
    detections: Indices
    features: Floats
    alone: Floats
    track_count: int
    sure_by: float | Floats = np.inf

    @property
    def detection_count(self) -> int:
        """M, of all detections of the frame."""
        return self.alone.shape[1]


class FrameProblem(NamedTuple):
    """What there is to decide for one table of tracks in one frame.

    table: after TrackTable.predict; found: the detections; boxes [M, 4]: the same as cxcywh pixels
    """

    table: TrackTable
    found: Detections
    boxes: Boxes
    candidates: Candidates


class Question(NamedTuple):
    """Who is seen where? As FrameProblem, before the candidates are known.

    several: not the likeliest decision alone is asked for
    compared: how likely it is counts in any case
    beside: the table is another hypothesis of the same tracker as the question before
    """

    table: TrackTable
    found: Detections
    boxes: Boxes
    several: bool
    compared: bool
    beside: bool = False


class Scores(NamedTuple):
    """pairs [K]: log-odds that the two belong together rather than both being left alone;
    people [M]: log-odds of each detection, if it is left alone, that it is a person. An association
    whose match_odds is None may give any numbers, larger ones for likelier pairs."""

    pairs: Floats
    people: Floats


class Decision(NamedTuple):
    """chosen [.]: of the candidate pairs, those that are matched, each track and each detection at
    most once; born [.]: detections that start tracks."""

    chosen: Indices
    born: Indices


class Answer(NamedTuple):
    """One way to go on: a decision and its log-likelihood in this frame; 0 where nothing is
    compared."""

    likelihood: float
    decision: Decision


class Decided(NamedTuple):
    """What was asked, the scores that count, and the answers, the likeliest first."""

    problem: FrameProblem
    scores: Scores
    answers: list[Answer]


Weigh = Callable[[Sequence[FrameProblem], Sequence[Scores]], Sequence[Scores]]
