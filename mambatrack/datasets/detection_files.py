"""Detections in MOT text (det/det.txt): frame, id, left, top, width, height, score."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.matching import DetectionRows, detection_rows
from mambatrack.datasets.mot_text import Table, check_layout, line_of, read_mot
from mambatrack.datasets.sequences import Sequence
from mambatrack.errors import MambatrackError, complain, counted

TOLERANCE = 1e-6  # by which rounding may take a score out of 0 to 1
NO_SCORE = -1.0
LIMITS = {"plain": (0.0, 1.0), "percent": (0.0, 100.0), "logit": (-np.inf, np.inf)}


def read_detections(path: str | Path, scores: str = "plain") -> Table:
    """[R, 7] frame, id, left, top, width, height and score in [0, 1], in the file's order.

    scores: what column 7 has: "plain", 0 to 1; "percent", 0 to 100; "logit", whose logistic is the
    score. Without that column, or where every row has -1, scores are 1.
    Raises MambatrackError, with the line, for other scores, frames below 1 and shares of the
    picture. Rows of which the tracker will drop the box are among them; it counts them.
    """
    path = Path(path)
    table = read_mot(path)
    refuse = check_layout(path, table)
    if table.shape[1] < 7 or (table[:, 6] == NO_SCORE).all():
        return np.column_stack([table[:, :6], np.ones(len(table))])
    return np.column_stack([table[:, :6], checked_scores(table[:, 6], scores, refuse)])


def sequence_detections(sequence: Sequence, scores: str = "plain") -> DetectionRows:
    """The detections of a sequence in the frames that take part; see read_detections.

    Raises MambatrackError where it has none.
    """
    if sequence.det_path is None:
        raise MambatrackError(
            f"{sequence.folder} has no detections; write a detector's boxes into det/det.txt, or "
            "let 'mambatrack simulate' make some from the ground truth"
        )
    table = read_detections(sequence.det_path, scores)
    behind = np.flatnonzero(table[:, 0] > sequence.end)
    if len(behind):
        complain(
            f"{sequence.det_path}, line {line_of(sequence.det_path, behind[0])}: frame "
            f"{table[behind[0], 0]:.0f}, but sequence {sequence.name} ends with {sequence.end} "
            f"({sequence.length_from}); behind it "
            f"{counted(len(behind), 'box')} left out"
        )
    usable = np.isfinite(table).all(axis=1) & (table[:, 4:6] > 0).all(axis=1)
    if not usable.all():
        complain(
            f"{sequence.det_path}, line {line_of(sequence.det_path, int(np.argmin(usable)))}: no "
            f"usable box; such boxes are left out ({np.count_nonzero(~usable)} of {len(table)})"
        )
    return detection_rows(sequence.within(table[usable]))


def checked_scores(
    column: NDArray[np.float64], kind: str, refuse: Callable[[Any, str], None]
) -> NDArray[np.float64]:
    """Scores of this kind as numbers from 0 to 1; refuse: called with those outside its range."""
    low, high = LIMITS[kind]
    refuse(
        (column < low - TOLERANCE) | (column > high + TOLERANCE),
        f"score {{6:g}}; expected {low:g} to {high:g}{_looks(column, kind)}",
    )
    if kind == "logit":
        return 1 / (1 + np.exp(-np.clip(column, -500, 500)))
    return np.clip(column, low, high) / high


def _looks(column: NDArray[np.float64], kind: str) -> str:
    """What scores outside the range may be, and what to do."""
    column = column[np.isfinite(column)]
    if not len(column):
        return "; none of them is a finite number"
    if (column == NO_SCORE).any():
        return ", or -1 in every row where there are no scores"
    if kind == "plain" and column.min() < 0:
        return (
            f". {column.min():g} to {column.max():g} look like logits, as DPM's; with "
            "--detector.scores logit their logistic is the score"
        )
    if kind == "plain" and column.max() <= 100:
        return (
            f". {column.min():g} to {column.max():g} look like percent (--detector.scores percent) "
            "or logits (--detector.scores logit)"
        )
    return "; rescale column 7"
