"""What a tracker does where nobody has the object: present in the truth, without a detection.

A gap is a maximal run of frames in which an object is present but no detection of at least
``match_score`` is matched to it (one-to-one in each frame, IoU >= 0.5), between two frames in which
one is, the object being present throughout. By the length of the gap:

    recovered     the object has the same id in the last frame before and the first one after
    covered       share of the gap's frames with a predicted box of the id from before the gap
    taken         share of the gap's frames in which that id sits on somebody else; in the rest it
                  has ended, or sits on a detection that fits nobody, or the object badly
    iou, centre   overlap of the predicted boxes with the true ones, and distance of the centres in
                  heights of the true box; means over the frames that are covered

and of all predicted boxes, also of ids that follow nobody, by the frames since the id was seen:

    ghost         nobody is there: no true box overlaps with an IoU of at least ``ghost_iou`` (0.5).
                  A benchmark would count it as a false positive. This is strict: a box that is a
                  third of its width beside a person counts as well
    alone         no true box overlaps with an IoU of at least 0.1: what a viewer calls a ghost
    on_other      the true box that overlaps most, by at least ``ghost_iou``, is not that of the
                  object which the id was last matched to

Only gaps with an id before them count for ``recovered`` and the boxes. iou and centre cover what a
tracker predicted, and one that gives up early predicts the easy frames only: read them together
with ``covered``. Interpolation recovers nothing: it draws lines between boxes with the same id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.datasets.matching import (
    DetectionRows,
    Mask,
    Rows,
    best_overlap,
    find_rows,
    invert,
    match,
    pair_iou,
    select,
)
from mambatrack.datasets.sequences import Trajectories

BINS = ("1", "2-5", "6-10", "11-30", "31-60", "> 60")
EDGES = np.array([2, 6, 11, 31, 61])
ALONE_IOU = 0.1


@dataclass(frozen=True)
class OcclusionReport:
    """Sums by gap length [6], as in BINS; the reports of several sequences add up.

    gaps: all of them; known: those with an id before; recovered: those with the same id after
    frames: in known gaps; covered, taken: of these, with a predicted box, or the id on another
    iou, centre: sums over the covered frames
    predicted: predicted boxes by frames since the id was seen; ghost, alone, on_other: of these
    """

    gaps: NDArray[np.float64]
    known: NDArray[np.float64]
    recovered: NDArray[np.float64]
    frames: NDArray[np.float64]
    covered: NDArray[np.float64]
    taken: NDArray[np.float64]
    iou: NDArray[np.float64]
    centre: NDArray[np.float64]
    predicted: NDArray[np.float64]
    ghost: NDArray[np.float64]
    alone: NDArray[np.float64]
    on_other: NDArray[np.float64]

    def __add__(self, other: "OcclusionReport") -> "OcclusionReport":
        names = [field.name for field in fields(self)]
        return OcclusionReport(*(getattr(self, name) + getattr(other, name) for name in names))

    def rows(self) -> list[dict[str, Any]]:
        """A dict for each gap length and one for "all": counts, and shares of 1 or None where
        there is nothing to take the share of. Plain numbers, for CSV and JSON."""
        sums = {item.name: getattr(self, item.name) for item in fields(self)}
        return [
            _row(name, {key: float(value[chosen].sum()) for key, value in sums.items()})
            for name, chosen in [*zip(BINS, range(len(BINS)), strict=True), ("all", slice(None))]
        ]


def occlusion_report(
    truth: Trajectories,
    detections: DetectionRows,
    results: Trajectories,
    predicted: Mask,
    match_score: float = 0.6,
    ghost_iou: float = 0.5,
) -> OcclusionReport:
    """The sums of one sequence.

    results: a tracker's rows, predicted ones included; predicted [R]: which ones these are
    match_score: the lowest score of a detection that the tracker matches
    """
    detected = match(truth, detections.select(detections.scores >= match_score)) >= 0
    observed = np.flatnonzero(~predicted)
    matched = match(truth, select(results, observed))
    identity = np.full(len(truth), -1)
    identity[matched >= 0] = results.id[observed[matched[matched >= 0]]]
    followed = np.full(len(results), -1)
    followed[observed] = invert(matched, len(observed))
    return OcclusionReport(
        *_gap_sums(truth, detected, identity, results, predicted, followed),
        *_ghost_sums(truth, results, predicted, followed, ghost_iou),
    )


def find_gaps(truth: Trajectories, detected: Mask) -> tuple[Rows, Rows]:
    """Rows of the last frame before each gap and of the first one after it.

    detected [len(truth)]: whether a detection is matched to the row's object
    """
    order = np.lexsort((truth.frame, truth.id))
    seen = order[detected[order]]
    places = np.flatnonzero(detected[order])
    before, after = seen[:-1], seen[1:]
    steps = truth.frame[after] - truth.frame[before]
    unbroken = (truth.id[after] == truth.id[before]) & (steps == np.diff(places))
    gap = unbroken & (steps > 1)
    return before[gap], after[gap]


def interpolate(
    results: Trajectories, predicted: Mask, max_gap: int = 30
) -> tuple[Trajectories, Mask]:
    """Straight lines through every gap of at most ``max_gap`` frames between two observed boxes of
    an id -> (observed and filled rows, which ones are filled). Looks ahead: not for online use."""
    seen = np.flatnonzero(~predicted)
    seen = seen[np.lexsort((results.frame[seen], results.id[seen]))]
    before, after = seen[:-1], seen[1:]
    missing = results.frame[after] - results.frame[before] - 1
    filled = (results.id[after] == results.id[before]) & (missing > 0) & (missing <= max_gap)
    start, stop = (np.repeat(rows[filled], missing[filled]) for rows in (before, after))
    step = _count_up(missing[filled])
    share = (step / (results.frame[stop] - results.frame[start]))[:, None]
    boxes = results.boxes[start] + share * (results.boxes[stop] - results.boxes[start])
    whole = Trajectories(
        np.concatenate([results.frame[seen], results.frame[start] + step]),
        np.concatenate([results.id[seen], results.id[start]]),
        np.concatenate([results.boxes[seen], boxes.astype(np.float32)]),
    )
    return whole, np.arange(len(whole)) >= len(seen)


def _gap_sums(
    truth: Trajectories, detected: Mask, identity: Rows, results: Trajectories, predicted: Mask,
    followed: Rows,
) -> Iterable[NDArray[np.float64]]:  # fmt: skip
    """gaps, known, recovered, frames, covered, taken, iou, centre.

    identity [len(truth)]: the id on each true row; followed [R]: the true row of each observed row
    """
    before, after = find_gaps(truth, detected)
    length = truth.frame[after] - truth.frame[before] - 1
    bins, known = _bins(length), identity[before] >= 0
    for chosen in (known | True, known, known & (identity[after] == identity[before])):
        yield _sums(bins[chosen])
    before, length = before[known], length[known]
    bins = np.repeat(bins[known], length)
    frame = np.repeat(truth.frame[before], length) + _count_up(length)
    true = find_rows(truth, frame, np.repeat(truth.id[before], length))
    found = find_rows(results, frame, np.repeat(identity[before], length))
    there = found >= 0
    covered, taken = there.copy(), there.copy()
    covered[there] = predicted[found[there]]
    taken[there] = (followed[found[there]] >= 0) & (followed[found[there]] != true[there])
    for chosen in (there | True, covered, taken):
        yield _sums(bins[chosen])
    true, found, bins = true[covered], found[covered], bins[covered]
    yield _sums(bins, pair_iou(truth, results, true, found))
    yield _sums(bins, _centre_error(truth.boxes[true], results.boxes[found]))


def _ghost_sums(
    truth: Trajectories, results: Trajectories, predicted: Mask, followed: Rows, ghost_iou: float
) -> Iterable[NDArray[np.float64]]:
    """predicted, ghost, alone, on_other.

    followed [R]: the true row an observed row is matched to, -1 where none is
    """
    age, owner = _since_seen(truth, results, predicted, followed)
    overlap, partner = best_overlap(select(results, predicted), truth)
    bins, owner = _bins(age[predicted]), owner[predicted]
    ghost = overlap < ghost_iou
    other = ~ghost
    other[other] = truth.id[partner[other]] != owner[other]
    for chosen in (ghost | True, ghost, overlap < ALONE_IOU, other):
        yield _sums(bins[chosen])


def _since_seen(
    truth: Trajectories, results: Trajectories, predicted: Mask, followed: Rows
) -> tuple[Rows, Rows]:
    """Of each row [R]: frames since its id was observed, and the object it was last matched to, -1
    for none. An id that was never observed counts from the frame before its first row."""
    order = np.lexsort((results.frame, results.id))
    frame, identity = results.frame[order], results.id[order]
    first = np.searchsorted(identity, identity)
    seen = _latest(~predicted[order], first)
    since = np.where(seen >= 0, frame[seen], frame[first] - 1)
    held = _latest(followed[order] >= 0, first)
    age, owner = np.empty(len(order), np.int64), np.full(len(order), -1)
    age[order] = frame - since
    owner[order[held >= 0]] = truth.id[followed[order[held[held >= 0]]]]
    return age, owner


def _latest(marked: Mask, first: Rows) -> Rows:
    """The last marked place up to each place, not before ``first``; -1 where there is none."""
    place = np.maximum.accumulate(np.where(marked, np.arange(len(marked)), -1))
    return np.where(place >= first, place, -1)


def _centre_error(true: NDArray[np.float32], found: NDArray[np.float32]) -> NDArray[np.float64]:
    """Distance of the centres in heights of the true boxes."""
    one, two = (xyxy_to_cxcywh(boxes.astype(np.float64)) for boxes in (true, found))
    return np.linalg.norm(one[:, :2] - two[:, :2], axis=1) / np.maximum(one[:, 3], 1e-9)


def _count_up(lengths: Rows) -> Rows:
    """1, 2, ... to each of the lengths, one run after the other."""
    return np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1


def _bins(frames: Rows) -> Rows:
    return np.searchsorted(EDGES, frames, "right")


def _sums(bins: Rows, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    return np.bincount(bins, values, minlength=len(BINS)).astype(np.float64)


def _row(name: str, sums: dict[str, float]) -> dict[str, Any]:
    wholes = {
        "recovered": "known", "covered": "frames", "taken": "frames", "iou": "covered",
        "centre": "covered", "ghost": "predicted", "alone": "predicted", "on_other": "predicted",
    }  # fmt: skip
    row: dict[str, Any] = {"frames": name}
    for key, value in sums.items():
        if key not in wholes:
            row["gap_frames" if key == "frames" else key] = int(value)
        else:
            whole = sums[wholes[key]]
            row[key] = value / whole if whole else None
    return row
