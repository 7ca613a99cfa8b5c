"""What is put out of a whole sequence once its tracks are decided, with the gaps filled."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.scene import moved_by_frame, views_of
from mambatrack.camera.transforms import Transform
from mambatrack.detections import Detections
from mambatrack.gaps.filling import Gap, fill_gaps
from mambatrack.tracking.offline_sequence import OfflineSequence
from mambatrack.tracking.tracker_state import data_of
from mambatrack.tracks import Tracks, TrackState

Floats = NDArray[np.float32]


def renumbered(track: Indices, frame: Indices) -> Indices:
    """Ids from 1 in the order in which tracks begin."""
    kept = np.flatnonzero(track >= 0)
    kept = kept[np.argsort(frame[kept], kind="stable")]
    _, first, of = np.unique(track[kept], return_index=True, return_inverse=True)
    ids = np.full(len(track), -1)
    ids[kept] = np.argsort(np.argsort(first))[of] + 1
    return ids


class _Rows(NamedTuple):
    """Boxes of tracks: frame, id, score, label, gap, det_ind [R]; boxes xyxy and spread [R, 4]"""

    frame: Indices
    ids: Indices
    scores: Floats
    labels: Indices
    gap: Indices
    det_ind: Indices
    boxes: Floats
    spread: Floats


def results(sequence: OfflineSequence, ids: Indices, boxes: Floats) -> list[Tracks]:
    """Those of each frame. ids [D]: of the track of each detection, -1 for none; boxes [D, 4] xyxy:
    where it is shown then."""
    rows = np.flatnonzero(ids > 0)
    rows = rows[np.lexsort((sequence.frame[rows], ids[rows]))]
    seen = _seen(sequence, ids, rows, boxes)
    added = _between(seen, views_of(sequence.cameras))
    every = _Rows(*(np.concatenate([seen[i], added[i]]) for i in range(len(seen))))
    last = {int(identity): int(frame) for identity, frame in zip(seen.ids, seen.frame, strict=True)}
    ended: list[list[int]] = [[] for _ in range(len(sequence.found) + 1)]
    for identity, frame in last.items():
        ended[frame + 1].append(identity)
    order = np.lexsort((every.ids, every.frame))
    bounds = np.searchsorted(every.frame[order], np.arange(len(sequence.found) + 1))
    return [
        _tracks(every, order[bounds[i] : bounds[i + 1]], i, sequence, ended[i])
        for i in range(len(sequence.found))
    ]


def _seen(sequence: OfflineSequence, ids: Indices, rows: Indices, boxes: Floats) -> _Rows:
    columns = ("scores", "labels", "rows")
    empty = [Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int))]
    scores, labels, det_ind = (
        np.concatenate([getattr(each, name) for each in [*empty, *sequence.found]])[rows]
        for name in columns
    )
    gap, spread = np.zeros(len(rows), int), np.zeros((len(rows), 4), np.float32)
    return _Rows(sequence.frame[rows], ids[rows], scores, labels, gap, det_ind, boxes[rows], spread)


def _between(seen: _Rows, views: dict[int, Transform] | None) -> _Rows:
    """What fills the gaps of ``seen``, which is in the order of tracks and frames. views: of a
    camera that moves, where gaps are filled in the picture of the first frame."""
    same = seen.ids[1:] == seen.ids[:-1]
    before = np.flatnonzero(same & (np.diff(seen.frame) > 1))
    places = xyxy_to_cxcywh(seen.boxes)
    if views is not None:
        places, _ = moved_by_frame(views, seen.frame, places, back=True)
    start = np.searchsorted(seen.ids, seen.ids[before])
    stop = np.searchsorted(seen.ids, seen.ids[before], side="right")
    gaps = [
        Gap(seen.frame[a:b], places[a:b], seen.frame[b:c], places[b:c])
        for a, b, c in zip(start.tolist(), (before + 1).tolist(), stop.tolist(), strict=True)
    ]
    filled = fill_gaps(gaps) if gaps else []
    row = np.repeat(before, [len(each.frames) for each in filled]).astype(np.int64)
    none = [np.zeros((0, 4), np.float32)]
    frame = np.concatenate([np.zeros(0, int), *(each.frames for each in filled)])
    boxes = np.concatenate([*none, *(each.boxes for each in filled)])
    spread = np.concatenate([*none, *(each.spread for each in filled)])
    if views is not None:
        boxes, sides = moved_by_frame(views, frame, boxes)
        spread = spread * sides
    return _Rows(
        frame, seen.ids[row], seen.scores[row], seen.labels[row], frame - seen.frame[row],
        np.full(len(row), -1), cxcywh_to_xyxy(boxes), spread,
    )  # fmt: skip


def _tracks(
    every: _Rows, rows: NDArray, frame: int, sequence: OfflineSequence, ended: list[int]
) -> Tracks:
    ids, gap = every.ids[rows], every.gap[rows]
    state = np.where(gap > 0, TrackState.PREDICTED, TrackState.OBSERVED).astype(np.uint8)
    return Tracks(
        frame, sequence.times[frame], every.boxes[rows].astype(np.float32), ids, every.scores[rows],
        every.labels[rows], state, gap, every.spread[rows].astype(np.float32),
        every.det_ind[rows], np.array(sorted(ended), np.int64), sequence.cameras[frame],
        data_of(sequence.found[frame], every.det_ind[rows]),
    )  # fmt: skip


def named_again(tracks: Tracks, people: Indices) -> Tracks:
    """The same with one id for each person. people: by id, the first id of the same person."""
    ids, ended = people[tracks.ids], np.sort(people[tracks.ended])
    return replace(tracks, ids=ids, ended=ended).select(ids.argsort())
