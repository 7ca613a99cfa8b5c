"""The people of a sequence: their true boxes, and the detections of each."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou, xyxy_to_cxcywh
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import by_frame, match_confident_first
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.datasets.truth import read_ground_truth

CROSSING = 0.4  # IoU with a neighbour above which two people count as crossing


@dataclass(frozen=True)
class People:
    """Ground truth of one sequence: boxes [F, P, 4] (NaN where absent), age [F, P] in unbroken
    frames up to this one, overlap [F, P] the largest IoU with anybody else; found [F, P, 4], what a
    detector saw of them (NaN where it missed them), None where nobody asked. step: frames of the
    motion model from one picture to the next; the others are between two pictures."""

    boxes: NDArray[np.float32]
    age: NDArray[np.int64]
    overlap: NDArray[np.float32]
    image_size: tuple[int, int]
    found: NDArray[np.float32] | None = None
    step: int = 1

    def pictured(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these frames, from 0, have a picture."""
        return frames % self.step == 0


def read_people(sequence: Sequence, detected: bool = False) -> People:
    """The ground truth of a sequence as arrays over frames and people; detected: with the
    detections of each, whatever their score."""
    truth = read_ground_truth(sequence)
    people, person = np.unique(truth.id, return_inverse=True)
    frames = int(truth.frame.max(initial=0))
    boxes = np.full((frames, len(people), 4), np.nan, np.float32)
    boxes[truth.frame - 1, person] = xyxy_to_cxcywh(truth.boxes)
    overlap = np.zeros(boxes.shape[:2], np.float32)
    for t, rows in by_frame(truth.frame):
        shared = iou(truth.boxes[rows], truth.boxes[rows])
        np.fill_diagonal(shared, 0)
        overlap[t - 1, person[rows]] = shared.max(axis=1)
    found = None
    if detected:
        found = np.full_like(boxes, np.nan)
        row, seen = _detections_of(sequence, truth)
        (hit,) = (row >= 0).nonzero()
        found[truth.frame[hit] - 1, person[hit]] = seen[row[hit]]
    return People(boxes, _ages(boxes), overlap, sequence.image_size, found)


def in_model_frames(people: People, step: int) -> People:
    """The same people in frames of the motion model, ``step`` of them from one picture to the next.
    Between two pictures that show somebody the true box goes in a straight line, no detector sees
    it, and it overlaps others as in the first of the two."""
    if step == 1 or not len(people.boxes):
        return people
    pictures, between = np.divmod(np.arange((len(people.boxes) - 1) * step + 1), step)
    here, share = people.boxes[pictures], (between / np.float32(step))[:, None, None]
    there = people.boxes[np.minimum(pictures + 1, len(people.boxes) - 1)]
    shown = (between == 0)[:, None, None]
    boxes = np.where(shown, here, here + share * (there - here)).astype(np.float32)
    found = None if people.found is None else np.where(shown, people.found[pictures], np.nan)
    return replace(
        people, boxes=boxes, age=_ages(boxes), overlap=people.overlap[pictures], step=step,
        found=None if found is None else found.astype(np.float32),
    )  # fmt: skip


def _ages(boxes: NDArray[np.float32]) -> NDArray[np.int64]:
    """[F, P] frames in which a person was there without a break, up to this one."""
    age = np.zeros(boxes.shape[:2], np.int64)
    for t, present in enumerate(~np.isnan(boxes[..., 0])):
        age[t] = np.where(present, (age[t - 1] if t else 0) + 1, 0)
    return age


def _detections_of(
    sequence: Sequence, truth: Trajectories
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each true box the row of its detection, -1 where it was missed; and the detections
    cxcywh [M, 4]."""
    found = sequence_detections(sequence)
    return match_confident_first(truth, found), xyxy_to_cxcywh(found.boxes).astype(np.float32)
