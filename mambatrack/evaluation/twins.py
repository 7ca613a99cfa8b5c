"""Two networks of one kind on the same tracks: the first decides, and how far the second is from
it is written down."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.interface import FrameProblem, Scores
from mambatrack.association.learned import LearnedAssociation
from mambatrack.association.loading import lenient
from mambatrack.association.scorer import Committee, CommitteeEncoder
from mambatrack.boxes import Boxes, own_size
from mambatrack.camera.transforms import Transform
from mambatrack.config import TrackerConfig
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.sequences import Sequence as MotSequence
from mambatrack.motion.predictor import Predictor, State
from mambatrack.tracking.tracker import Tracker

RARE = 99  # per cent of what is compared differs less than what is told


class TwinPredictor(Predictor):
    """The motion model ``first``, with ``second`` told of the same tracks.

    apart: [N, 4] of each frame, how far their predicted boxes are from each other as a share of the
    box's sides
    """

    def __init__(self, first: Predictor, second: Predictor):
        self.first, self.second = first, second
        self.state_size = first.state_size + second.state_size
        self.image_size = first.image_size
        self.apart: list[Boxes] = []

    def start(self, boxes: Boxes) -> State:
        return np.concatenate([self.first.start(boxes), self.second.start(boxes)], axis=1)

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        of_first, of_second = self._parts(state)
        boxes, spread = self.first.predict(of_first)
        others, _ = self.second.predict(of_second)
        self.apart.append(np.abs(others - boxes) / own_size(boxes))
        return boxes, spread

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        of_first, of_second = self._parts(state)
        self.first.correct(of_first, rows, boxes)
        self.second.correct(of_second, rows, boxes)

    def move(self, state: State, transform: Transform) -> None:
        of_first, of_second = self._parts(state)
        self.first.move(of_first, transform)
        self.second.move(of_second, transform)

    def _parts(self, state: State) -> tuple[State, State]:
        return state[:, : self.first.state_size], state[:, self.first.state_size :]


class Parts(NamedTuple):
    """Of a learned association: committee_of()."""

    scorer: Committee
    encoder: CommitteeEncoder
    code_size: int


class TwinAssociation(LearnedAssociation):
    """The association ``first``, with ``second`` told of the same matches.

    apart: [K] of each frame, how far their log-odds of pairs are from each other
    otherwise: of each frame, whether the second would have matched other pairs
    """

    def __init__(self, first: Parts, second: Parts, config: TrackerConfig):
        members = [*first.scorer.members, *second.scorer.members]
        sizes = [*first.scorer.code_sizes, *second.scorer.code_sizes]
        encoder = CommitteeEncoder([*first.encoder.members, *second.encoder.members])
        super().__init__(Committee(members, sizes), encoder, sum(sizes), lenient(config))
        self.first, self.second = first, second
        self.apart: list[NDArray[np.float32]] = []
        self.otherwise: list[bool] = []

    def score(self, problems: Sequence[FrameProblem]) -> list[Scores]:
        return [self._score(each) for each in problems]

    def _score(self, problem: FrameProblem) -> Scores:
        codes = self.codes(problem.table)
        size = self.first.code_size
        scores = self.first.scorer(problem.candidates, codes[:, :size])
        others = self.second.scorer(problem.candidates, codes[:, size:])
        self.apart.append(np.abs(others.pairs - scores.pairs))
        chosen, other = (self.choose(problem, each) for each in (scores, others))
        self.otherwise.append(not np.array_equal(np.sort(chosen), np.sort(other)))
        return scores


def follow(sequence: MotSequence, tracker: Tracker) -> None:
    """Tracks the detections of a sequence, in the time of its frame rate."""
    found = sequence_detections(sequence)
    rows = rows_by_frame(found.frame, np.arange(1, sequence.last + 1))
    boxes = np.column_stack([found.boxes, found.scores])
    for index, each in enumerate(rows):
        tracker.update(boxes[each], index / sequence.fps)


def differences(apart: Iterable[NDArray[np.float32]]) -> dict[str, float]:
    """Mean and RARE of all numbers; NaN of none."""
    values = np.concatenate([np.ravel(each) for each in apart] or [np.zeros(0, np.float32)])
    if not len(values):
        return {"mean": float("nan"), f"below_{RARE}": float("nan")}
    rounded = partial(np.format_float_positional, precision=3, fractional=False)
    measured = {"mean": np.mean(values), f"below_{RARE}": np.percentile(values, RARE)}
    return {name: float(rounded(value)) for name, value in measured.items()}
