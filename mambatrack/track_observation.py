"""What a table of tracks keeps of the detections its tracks are seen in, and shows of it, in NumPy.

The reference of kernels/cpu/observe.h and snapshot.h, which compute the same to the bit. ``live``:
the live rows of the columns by their names (track_columns.py), N tracks.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.box_filter import BoxFilter
from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.class_votes import DECAY, vote
from mambatrack.track_noise import Sums, note_noise
from mambatrack.tracks import TrackState

Live = Mapping[str, NDArray]

# of the running means: log of width and height in pixels, twice; score, twice; velocity in box
# sizes per frame
RATES = np.array([0.3, 0.3, 0.03, 0.03, 0.3, 0.03, 0.15, 0.15], np.float32)
FILTER = BoxFilter()
LATER = np.arange(2, 64, dtype=np.float32)  # detections
# weight in the mean velocity, by the number of detections, of all but the first, which had none
MOVED = np.append(np.ones(2, np.float32), 1 - np.cumprod(1 - np.maximum(RATES[-1], 1 / LATER)))


def observe(
    live: Live,
    rows: NDArray,
    mixed: bool,
    noise: Sums | None,
    *,
    boxes: NDArray,
    scores: NDArray,
    labels: NDArray,
    det_ind: NDArray,
    shown: NDArray,
) -> bool:
    """The tracks ``rows`` [K] were seen at boxes [K, 4] cxcywh, with scores [K] and labels [K], as
    rows det_ind [K] of the caller's array, and are shown at shown [K, 4].

    noise: sums of track_noise.py, None where boxes are not steadied
    mixed: some track has votes for two classes -> whether one has now.
    """
    if noise is not None:
        note_noise(live, noise, rows, boxes)
    if "filter" in live:
        known = live["hits"][rows] > 0  # the others start where they are
        FILTER.correct(live["filter"], rows[known], shown[known])
    _update_means(live, rows, boxes, scores)
    live["boxes"][rows], live["spread"][rows] = shown, 0
    live["scores"][rows], live["det_ind"][rows] = scores, det_ind
    live["hits"][rows] += 1
    live["gap"][rows] = 0
    return _vote(live, rows, mixed, labels, scores)


def _update_means(live: Live, rows: NDArray, boxes: NDArray, scores: NDArray) -> None:
    """Running means of what tells one object from another."""
    means, last = live["means"][rows], live["last"][rows]
    rate = np.maximum(RATES, 1 / (live["hits"][rows, None] + 1))
    move = (boxes[:, :2] - last[:, :2]) / (last[:, 2:] * live["gap"][rows, None])
    logs = np.log(boxes[:, 2:])
    now = np.column_stack([logs, logs, scores, scores, move])
    live["means"][rows] = means + rate * (now - means)
    live["last"][rows] = boxes


def _vote(live: Live, rows: NDArray, mixed: bool, labels: NDArray, scores: NDArray) -> bool:
    """The class of each track; while every track has but one, only its weight is counted."""
    classes, votes, winners = (live[name] for name in ("classes", "votes", "labels"))
    if not mixed and np.array_equal(labels, winners[rows]):
        votes[rows, 0] = votes[rows, 0] * DECAY + scores
        return False
    own_classes, own_votes = classes[rows], votes[rows]
    winners[rows] = vote(own_classes, own_votes, labels, scores)
    classes[rows], votes[rows] = own_classes, own_votes
    return bool(votes[:, 1:].any())


def snapshot(live: Live, min_hits: int) -> dict[str, NDArray]:
    """Copies of the columns that a result shows, read-only."""
    kept = ("ids", "scores", "labels", "gap", "spread", "det_ind", "age")
    columns = {name: live[name].copy() for name in kept}
    state = (live["hits"] >= min_hits).astype(np.uint8)  # OBSERVED, else TENTATIVE
    state[live["gap"] > 0] = TrackState.PREDICTED.value
    columns |= {"state": state, "velocity": velocity_of(live)}
    columns["boxes"] = cxcywh_to_xyxy(live["boxes"])
    for array in columns.values():
        array.setflags(write=False)
    return columns


def velocity_of(live: Live) -> NDArray[np.float32]:
    """[N, 2] of the centre in pixels per frame, as the last detections show it."""
    moved = MOVED.take(live["hits"], mode="clip")
    velocity: NDArray[np.float32] = live["means"][:, 6:] * live["last"][:, 2:] / moved[:, None]
    return velocity
