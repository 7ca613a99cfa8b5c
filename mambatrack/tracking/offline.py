"""Tracking of a whole sequence that may look ahead: not an online result.

The online tracker runs forwards and backwards in time, several times with other models. From these
results one is made (consensus.py). Gaps are filled from both ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.interface import Association, checked_association
from mambatrack.association.loading import load_association, load_members
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.scene import moved_by_frame, views_of
from mambatrack.camera.transforms import CameraMotion, Transform, as_motion, inverted
from mambatrack.config import Config, TrackerConfig, tracker_settings
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import Gap, fill_gaps
from mambatrack.motion.loading import configured_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking.consensus import consensus, cut
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracking.tracker_state import data_of
from mambatrack.tracks import Tracks, TrackState

LEAST_DETECTIONS = 2  # of a track
Floats = NDArray[np.float32]


def track_offline(
    detections: Sequence[Any],
    config: Config | TrackerConfig | None = None,
    image_size: tuple[int, int] | None = None,
    times: Sequence[float | None] | None = None,
    predictor: Predictor | None = None,
    association: Association | None = None,
    cameras: Sequence[Any] | None = None,
) -> list[Tracks]:
    """Tracks of every frame, decided after the last one was seen.

    detections: for each frame what Tracker.update takes; times: time stamps in seconds
    predictor, association: as of Tracker; cameras: for each frame what Tracker.update takes
    A gap is filled between two detections of one track: PREDICTED, with its spread; ``gap`` counts
    frames since the earlier one. Nothing follows the last detection of a track, which ends in the
    next frame.
    """
    settings = tracker_settings(config)
    found = [as_detections(each) for each in detections]
    stamps: list[float | None] = list(times) if times is not None else [None] * len(found)
    if len(stamps) != len(found):
        raise MambatrackError(f"{len(found)} frames have {len(stamps)} time stamps; give one each")
    given = list(cameras) if cameras is not None else [None] * len(found)
    motions = [as_motion(each) for each in given]
    if len(motions) != len(found):
        raise MambatrackError(f"{len(found)} frames have {len(motions)} transforms; give one each")
    sequence = _Sequence.of(found, stamps, motions, image_size)
    members = _members(settings, image_size, predictor, association)
    track = _decide(sequence, settings, members)
    return _results(sequence, _renumbered(track, sequence.frame))


class _Sequence(NamedTuple):
    """frame [D] of each detection, from 0; first [T + 1]: where the detections of a frame begin"""

    found: list[Detections]
    times: list[float | None]
    cameras: list[CameraMotion | None]
    image_size: tuple[int, int] | None
    frame: Indices
    first: Indices

    @classmethod
    def of(
        cls,
        found: list[Detections],
        times: list[float | None],
        cameras: list[CameraMotion | None],
        size: tuple[int, int] | None,
    ) -> "_Sequence":
        counts = [len(each) for each in found]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(found, times, cameras, size, np.repeat(np.arange(len(found)), counts), first)


def _decide(
    sequence: _Sequence, config: TrackerConfig, members: Sequence[tuple[Predictor, Association]]
) -> Indices:
    """The track of every detection [D], -1 for none."""
    results = _tracked(sequence, config, members)
    decided = _long(consensus(sequence.frame, results))
    return cut(sequence.frame, decided, results, max(config.caution, 0.0))


def _tracked(
    sequence: _Sequence, config: TrackerConfig, members: Sequence[tuple[Predictor, Association]]
) -> NDArray[np.int64]:
    """[2 K, D] the track of every detection as each of the K members has it, forwards and then
    backwards in time."""
    online, directions = replace(config, caution=0.0), (False, True)
    results = np.full((len(members) * len(directions), len(sequence.frame)), -1)
    for track, (member, backward) in zip(results, product(members, directions), strict=True):
        for tracks in _run(sequence, online, *member, backward):
            seen = tracks.gap == 0
            track[tracks.det_ind[seen]] = tracks.ids[seen]
    return results


def _members(
    config: TrackerConfig,
    image_size: tuple[int, int] | None,
    predictor: Predictor | None,
    association: Association | None,
) -> list[tuple[Predictor, Association]]:
    """Who decides: motion model and association as configured or given, the same association with
    another motion model, and each network of a committee by itself."""
    own = predictor or configured_predictor(config, image_size)
    whole = checked_association(association or load_association(config))
    second = replace(config, predictor="mamba" if config.predictor == "kalman" else "kalman")
    alone = [] if association is not None else load_members(config)
    return [
        (own, whole), (configured_predictor(second, image_size), whole),
        *((own, each) for each in alone),
    ]  # fmt: skip


def _run(
    sequence: _Sequence,
    config: TrackerConfig,
    predictor: Predictor,
    association: Association,
    backward: bool,
) -> Iterator[Tracks]:
    """One pass of the tracker; detections are numbered through all frames."""
    tracker = Tracker(config, sequence.image_size, predictor, association)
    count = len(sequence.found)
    cameras = [*map(inverted, sequence.cameras[1:]), None] if backward else sequence.cameras
    for index in reversed(range(count)) if backward else range(count):
        first, time_s = int(sequence.first[index]), sequence.times[index]
        if backward and time_s is not None:
            time_s = -time_s
        found = sequence.found[index]
        numbered = replace(found, rows=first + np.arange(len(found)))
        yield tracker.update(numbered, time_s, cameras[index])


def _long(track: Indices) -> Indices:
    """[D] -1 for tracks of too few detections."""
    counts = np.bincount(track[track >= 0], minlength=1)
    return np.where((track >= 0) & (counts[track] >= LEAST_DETECTIONS), track, -1)


def _renumbered(track: Indices, frame: Indices) -> Indices:
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


def _results(sequence: _Sequence, ids: Indices) -> list[Tracks]:
    rows = np.flatnonzero(ids > 0)
    rows = rows[np.lexsort((sequence.frame[rows], ids[rows]))]
    seen = _seen(sequence, ids, rows)
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


def _seen(sequence: _Sequence, ids: Indices, rows: Indices) -> _Rows:
    columns = ("scores", "labels", "rows", "boxes")
    empty = [Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int))]
    scores, labels, det_ind, boxes = (
        np.concatenate([getattr(each, name) for each in [*empty, *sequence.found]])[rows]
        for name in columns
    )
    gap, spread = np.zeros(len(rows), int), np.zeros((len(rows), 4), np.float32)
    return _Rows(sequence.frame[rows], ids[rows], scores, labels, gap, det_ind, boxes, spread)


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
    every: _Rows, rows: NDArray, frame: int, sequence: _Sequence, ended: list[int]
) -> Tracks:
    ids, gap = every.ids[rows], every.gap[rows]
    state = np.where(gap > 0, TrackState.PREDICTED, TrackState.OBSERVED).astype(np.uint8)
    return Tracks(
        frame, sequence.times[frame], every.boxes[rows].astype(np.float32), ids, every.scores[rows],
        every.labels[rows], state, gap, every.spread[rows].astype(np.float32),
        every.det_ind[rows], np.array(sorted(ended), np.int64), sequence.cameras[frame],
        data_of(sequence.found[frame], every.det_ind[rows]),
    )  # fmt: skip
