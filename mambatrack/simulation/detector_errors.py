"""What a detector gets wrong, where both its boxes and the truth are known.

A detection belongs to a true box where they are matched one-to-one (IoU >= 0.5). Of what is left,
an extra detection, such as a half or a duplicate, belongs to the true box that it overlaps most,
and the rest to the background. The error of a box is that of each edge as a share of the true width
or height: an occluder cuts off one edge, which centre and size would spread over four numbers.
"""

from typing import NamedTuple

import numpy as np

from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import (
    DetectionRows,
    Mask,
    Rows,
    best_overlap,
    invert,
    match_confident_first,
    pair_iou,
    pairs_in_frames,
    select,
)
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.simulation.crossing_context import Floats

ATTACHED = 0.1  # IoU from which a false positive belongs to a true box
EXTRAS = 2  # false positives of one true box; more are too rare to count


class Errors(NamedTuple):
    """Of the detection and the extra ones (slots S) of each true box: scores [N, S], NaN where
    there is none, and errors of left, top, right and bottom [N, S, 4] as shares of the true width
    and height."""

    scores: Floats
    edges: Floats

    def take(self, rows: Rows, flipped: Mask) -> "Errors":
        """Those of ``rows``, in a mirror where ``flipped``."""
        edges = self.edges[rows]
        mirrored = edges[..., [2, 1, 0, 3]] * [-1, 1, -1, 1]
        return Errors(self.scores[rows], np.where(flipped[:, None, None], mirrored, edges))


class Observed(NamedTuple):
    """One sequence.

    truth, errors: the true boxes by identity and frame, and what became of each
    background [R, 3]: false positives elsewhere: score, and width and height as multiples of those
        of the sequence's median true box
    separate: the largest IoU of two detections of a frame, the threshold of the detector's NMS
    """

    truth: Trajectories
    errors: Errors
    background: Floats
    separate: float


def observe(sequence: Sequence) -> Observed:
    """The errors of det/det.txt against gt/gt.txt; detections of all scores take part.

    Raises MambatrackError where one of the files is missing.
    """
    truth, found = read_ground_truth(sequence), sequence_detections(sequence)
    matched = match_confident_first(truth, found)
    slots = [_errors(truth, found, matched)]
    rest = found.select(invert(matched, len(found)) < 0)
    overlap, host = best_overlap(rest, truth)
    background = _background_rows(truth, rest.select(overlap < ATTACHED))
    rest, host = rest.select(overlap >= ATTACHED), host[overlap >= ATTACHED]
    for _ in range(EXTRAS):
        ascending = np.argsort(rest.scores, kind="stable")
        matched = np.full(len(truth), -1)
        matched[host[ascending]] = ascending
        slots.append(_errors(truth, rest, matched))
        left = invert(matched, len(rest)) < 0
        rest, host = rest.select(left), host[left]
    order = np.lexsort((truth.frame, truth.id))
    errors = Errors(*(np.stack(part, axis=1)[order] for part in zip(*slots, strict=True)))
    return Observed(select(truth, order), errors, background, _largest_overlap(found))


def _errors(truth: Trajectories, found: DetectionRows, matched: Rows) -> tuple[Floats, Floats]:
    """Scores [N] and edges [N, 4] of one slot."""
    there = matched >= 0
    scores, edges = np.full(len(truth), np.nan), np.full((len(truth), 4), np.nan)
    scores[there] = found.scores[matched[there]]
    true = truth.boxes[there].astype(np.float64)
    edges[there] = (found.boxes[matched[there]] - true) / np.tile(_sides(true), 2)
    return scores, edges


def _sides(boxes: Floats) -> Floats:
    """[N, 2] width and height, at least a pixel."""
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 1)


def _background_rows(truth: Trajectories, found: DetectionRows) -> Floats:
    """None without true boxes, which are the measure of size."""
    if not len(found) or not len(truth):
        return np.zeros((0, 3))
    usual = np.median(_sides(truth.boxes.astype(np.float64)), axis=0)
    return np.column_stack([found.scores, _sides(found.boxes.astype(np.float64)) / usual])


def _largest_overlap(found: DetectionRows) -> float:
    rows, others = pairs_in_frames(found.frame, found.frame)
    overlap = pair_iou(found, found, rows, others)[rows < others]
    return float(overlap.max(initial=0))
