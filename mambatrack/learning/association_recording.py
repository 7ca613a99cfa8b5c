"""What the learned association learns from: its own decisions on sequences whose truth is known.

A tracker that errs meets other tracks than one that never does, so each iteration of training
tracks anew with the network of the iteration before, and learns from the last few (after dataset
aggregation, Ross et al., AISTATS 2011, which keeps all: early iterations, in which the truth or a
weak network decides, teach too much trust). In the first iteration the truth decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.features import describe_pairs
from mambatrack.association.interface import (
    Association,
    Candidates,
    Decision,
    FrameProblem,
    Scores,
)
from mambatrack.boxes import Boxes
from mambatrack.config import TrackerConfig
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import (
    DetectionRows,
    Mask,
    invert,
    match_confident_first,
    rows_by_frame,
)
from mambatrack.datasets.sequences import Sequence as MotSequence
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.detections import Detections
from mambatrack.errors import MambatrackError
from mambatrack.files import read_arrays, replacing
from mambatrack.track_table import TrackTable
from mambatrack.tracking.tracker import Tracker

FORGETTING = 0.93  # a frame, of what speaks for a track's identity
CLEAR = 0.5  # score from which the teacher starts a track
LARGEST = 1e4  # of a feature; a box that shrank in a long gap gives numbers that float16 lacks


@dataclass
class Recording:
    """One tracked sequence; per frame the numbers of pairs, tracks and detections [T] each.

    features [F, all pairs], tracks, detections: indices within the frame; same: the two are one
    person; chosen: what the tracker matched; ids [all tracks]; alone [A, all detections]; person
    """

    pairs: NDArray[np.int64]
    rows: NDArray[np.int64]
    found: NDArray[np.int64]
    features: NDArray[np.float16]
    tracks: NDArray[np.int32]
    detections: NDArray[np.int32]
    same: Mask
    chosen: Mask
    ids: NDArray[np.int64]
    alone: NDArray[np.float16]
    person: Mask

    def save(self, path: Path) -> None:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """Raises MambatrackError for a file that is damaged, or no recording."""
        stored = read_arrays(path)
        try:
            recording = cls(**{each.name: stored[each.name] for each in fields(cls)})
            recording._check()
        except (LookupError, ValueError, TypeError) as error:
            raise MambatrackError(f"{path} is damaged: {error}") from None
        return recording

    def _check(self) -> None:
        """Raises ValueError where the arrays do not fit each other."""
        pairs, rows, found = self.pairs, self.rows, self.found
        if not len(pairs) == len(rows) == len(found) or min(map(_least, (pairs, rows, found))) < 0:
            raise ValueError("its numbers of pairs, tracks and detections do not fit")
        lengths = (
            (pairs, (self.features.T, self.tracks, self.detections, self.same, self.chosen)),
            (rows, (self.ids,)), (found, (self.alone.T, self.person)),
        )  # fmt: skip
        for counts, arrays in lengths:
            if (
                self.features.ndim != 2
                or self.alone.ndim != 2
                or any(len(each) != counts.sum() for each in arrays)
            ):
                raise ValueError("its arrays are of other lengths than its frames say")
        for index, count in ((self.tracks, rows), (self.detections, found)):
            if _least(index) < 0 or (index >= np.repeat(count, pairs)).any():
                raise ValueError("a pair names a track or detection that is not there")


def _least(array: NDArray) -> int:
    return int(array.min(initial=0))


class Recorder(Association):
    """Writes down what it is asked, and answers as ``policy``, or as the truth where there is none.

    people: for each frame the identity of each detection, -1 for nobody's
    class_aware: without a policy, whether pairs of two classes are candidates
    """

    match_odds: float | None = None  # one hypothesis: what is written down is what happened

    def __init__(
        self,
        people: Sequence[Indices],
        policy: Association | None = None,
        class_aware: bool = False,
    ):
        self.people, self.policy, self.class_aware = people, policy, class_aware
        self.memory_size = policy.memory_size if policy else 0
        self.frames: list[tuple] = []
        self.votes: dict[int, dict[int, float]] = {}
        self._same = np.zeros(0, bool)  # which candidates of the frame at hand are right

    def describe(self, table: TrackTable, found: Detections, boxes: Boxes) -> Candidates:
        if self.policy is None:
            given = describe_pairs(table, found, boxes, self.class_aware)
        else:
            given = self.policy.describe(table, found, boxes)
        self._same = self._right(given, table, self._who(found))
        return given

    def score(self, problems: Sequence[FrameProblem]) -> Sequence[Scores]:
        if self.policy is None:
            return [Scores(each.candidates.features[0], each.found.scores) for each in problems]
        return self.policy.score(problems)

    def choose(self, problem: FrameProblem, scores: Scores) -> Indices:
        if self.policy is None:
            return self._same.nonzero()[0]
        return self.policy.choose(problem, scores)

    def births(self, problem: FrameProblem, scores: Scores, chosen: Indices) -> Indices:
        if self.policy is not None:
            return self.policy.births(problem, scores, chosen)
        clear = (self._who(problem.found) >= 0) & (problem.found.scores >= CLEAR)
        clear[problem.candidates.detections[chosen]] = False
        return clear.nonzero()[0]

    def remember(self, problems: Sequence[FrameProblem], decisions: Sequence[Decision]) -> None:
        """Writes the frame down."""
        if self.policy is not None:
            self.policy.remember(problems, decisions)
        for (table, found, _, given), (chosen, born) in zip(problems, decisions, strict=True):
            who, matched = self._who(found), np.zeros(len(given.tracks), bool)
            matched[chosen] = True
            self.frames.append((given, self._same, matched, table["ids"].copy(), who >= 0))
            new = np.arange(len(born)) + table.next_id
            ids = np.concatenate([table["ids"][given.tracks[chosen]], new])
            self._vote(ids, who[np.concatenate([given.detections[chosen], born])])

    def _who(self, found: Detections) -> Indices:
        """[M] whose the detections of the frame at hand are, -1 for nobody's."""
        return self.people[len(self.frames)][found.rows]

    def _right(self, given: Candidates, table: TrackTable, who: Indices) -> Mask:
        """[K] which pairs are right. Of several tracks of one person the one seen last is, and of
        those the one seen most."""
        votes = (self.votes.get(int(each), {}) for each in table["ids"])
        identity = np.array([max(each, key=each.__getitem__, default=-1) for each in votes], int)
        of_track = identity[given.tracks] if len(identity) else np.zeros(0, int)
        right = np.flatnonzero((of_track >= 0) & (of_track == who[given.detections]))
        tracks, detections = given.tracks[right], given.detections[right]
        order = np.lexsort((-table["hits"][tracks], table["gap"][tracks], detections))
        first = np.diff(detections[order], prepend=-1) != 0
        same = np.zeros(len(given.tracks), bool)
        same[right[order[first]]] = True
        return same

    def _vote(self, ids: Indices, who: Indices) -> None:
        for track, person in zip(ids.tolist(), who.tolist(), strict=True):
            if person >= 0:
                votes = self.votes.setdefault(track, {})
                for each in votes:
                    votes[each] *= FORGETTING
                votes[person] = votes.get(person, 0.0) + 1

    def recording(self) -> Recording:
        """All frames so far."""
        given, same, chosen, ids, person = zip(*self.frames, strict=True)
        pairs, rows, found = (
            np.array([len(each) for each in part]) for part in (same, ids, person)
        )
        features, alone = (
            np.concatenate(part, axis=1).clip(-LARGEST, LARGEST).astype(np.float16)
            for part in ([each.features for each in given], [each.alone for each in given])
        )
        return Recording(
            pairs,
            rows,
            found,
            features,
            np.concatenate([each.tracks for each in given]).astype(np.int32),
            np.concatenate([each.detections for each in given]).astype(np.int32),
            np.concatenate(same),
            np.concatenate(chosen),
            np.concatenate(ids),
            alone,
            np.concatenate(person),
        )  # fmt: skip


def record(sequence: MotSequence, policy: Association | None, config: TrackerConfig) -> Recording:
    """Tracks a sequence that has gt and det, in the time of its frame rate; all detections take
    part, whatever their score, and only those near a track are matched."""
    found = sequence_detections(sequence)
    rows, who = identities(sequence, found)
    recorder = Recorder([who[each] for each in rows], policy, config.class_aware)
    tracker = Tracker(config, sequence.image_size, association=recorder, reach=0.0)
    arrays = np.column_stack([found.boxes, found.scores])
    for index, each in enumerate(rows):
        tracker.update(arrays[each], index / sequence.fps)
    return recorder.recording()


def identities(sequence: MotSequence, found: DetectionRows) -> tuple[list[Indices], Indices]:
    """Rows of the detections ``found`` of each frame, and the identity of every row, -1 for
    nobody's."""
    truth = read_ground_truth(sequence)
    row = invert(match_confident_first(truth, found), len(found))
    who = np.full(len(found), -1)
    who[row >= 0] = truth.id[row[row >= 0]]
    frames = np.arange(1, max(sequence.frames, int(found.frame.max(initial=0))) + 1)
    return rows_by_frame(found.frame, frames), who
