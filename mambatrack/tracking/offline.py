"""Tracking of a whole sequence that may look ahead: not an online result.

The online tracker runs forwards and backwards in time. Each of the two results is then weighed in
both directions by the learned association: how likely is every one of its links?
Where they differ, the likelier one counts (linking.py). Gaps are filled from both ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.features import Candidates, Floats, describe_pairs
from mambatrack.association.interface import Associated, Association
from mambatrack.association.learned import LearnedAssociation, load_association
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.config import Config, TrackerConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import Gap, fill_gaps
from mambatrack.track_table import TrackTable
from mambatrack.tracking.hypotheses import CERTAIN
from mambatrack.tracking.linking import Weighed, merge
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks, TrackState

Doubles = NDArray[np.float64]

LEAST = 2  # detections of a track
WORST = 8.0  # least log-likelihood of one event is minus this


def track_offline(
    detections: Sequence[Any],
    config: Config | TrackerConfig | None = None,
    image_size: tuple[int, int] | None = None,
    times: Sequence[float | None] | None = None,
) -> list[Tracks]:
    """Tracks of every frame, decided after the last one was seen.

    detections: for each frame what Tracker.update takes; times: time stamps in seconds
    A gap is filled between two detections of one track: PREDICTED, with its spread; ``gap`` counts
    frames since the earlier one. Nothing follows the last detection of a track, which ends in the
    next frame. Raises MambatrackError where the configured association is not a learned one.
    """
    tracker = config.tracker if isinstance(config, Config) else config or TrackerConfig()
    found = [as_detections(each) for each in detections]
    stamps: list[float | None] = list(times) if times is not None else [None] * len(found)
    if len(stamps) != len(found):
        raise MambatrackError(f"{len(found)} frames have {len(stamps)} time stamps; give one each")
    sequence = _Sequence.of(found, stamps, image_size)
    track = _decide(sequence, tracker)
    return _results(sequence, _renumbered(track, sequence.frame))


class _Sequence(NamedTuple):
    """frame [D] of each detection, from 0; first [T + 1]: where the detections of a frame begin"""

    found: list[Detections]
    times: list[float | None]
    image_size: tuple[int, int] | None
    frame: Indices
    first: Indices

    @classmethod
    def of(
        cls, found: list[Detections], times: list[float | None], size: tuple[int, int] | None
    ) -> "_Sequence":
        counts = [len(each) for each in found]
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(found, times, size, np.repeat(np.arange(len(found)), counts), first)


class _Judge:
    """An Association that decides as it is told, and notes how likely the learned one finds that.

    told [D]: the track of each detection, -1 for none; evidence [D]: log-likelihood of what made
    each detection part of its track, and of the frames after it in which the track was not seen
    """

    def __init__(self, policy: LearnedAssociation, told: Indices):
        self.policy, self.told, self.memory_size = policy, told, policy.memory_size
        self.evidence = np.zeros(len(told))
        self._newest: dict[int, int] = {}  # of each track
        self._named: dict[int, int] = {}  # track of the table for each that was told

    def __call__(self, table: TrackTable, found: Detections, boxes: Floats) -> Associated:
        policy, number = self.policy, found.rows
        given = describe_pairs(table, found, boxes, policy.config.class_aware)
        scores = policy.scorer(given, policy.codes(table))
        made = self._obey(table, self.told[number])
        chosen = _where(given, made, len(found))
        policy.remember(given, table, chosen)
        self._weigh(given, scores.pairs, chosen, made, number)
        self._note(table, made, number)
        return made

    def _obey(self, table: TrackTable, names: Indices) -> Associated:
        rows = {identity: row for row, identity in enumerate(table["ids"].tolist())}
        row = np.array([rows.get(self._named.get(name, -1), -1) for name in names.tolist()], int)
        (seen,), (born,) = (row >= 0).nonzero(), ((row < 0) & (names >= 0)).nonzero()
        started = names[born].tolist()
        self._named.update({name: table.next_id + i for i, name in enumerate(started)})
        return Associated(row[seen], seen, born)

    def _weigh(
        self, given: Candidates, odds: Floats, chosen: Indices, made: Associated, number: Indices
    ) -> None:
        """The log-likelihood of every match and birth; that of staying unseen is kept for _note."""
        halves = CERTAIN * odds.astype(np.float64)
        of_track = _log_total(halves, given.tracks, given.track_count)
        of_detection = _log_total(halves, given.detections, len(number))
        likely = np.zeros(len(number))
        likely[made.seen] = -WORST
        at = given.detections[chosen]
        likely[at] = halves[chosen] - (of_track[given.tracks[chosen]] + of_detection[at]) / 2
        likely[made.born] = -of_detection[made.born] / 2
        self.evidence[number] += np.maximum(likely, -WORST)
        self._unseen = np.minimum(of_track / 2, WORST)

    def _note(self, table: TrackTable, made: Associated, number: Indices) -> None:
        new = np.arange(len(made.born)) + table.next_id
        ids = np.concatenate([table["ids"][made.rows], new])
        number = number[np.concatenate([made.seen, made.born])]
        missed = np.delete(np.arange(len(table)), made.rows)
        for row, identity in zip(missed.tolist(), table["ids"][missed].tolist(), strict=True):
            self.evidence[self._newest[identity]] -= self._unseen[row]
        self._newest.update(zip(ids.tolist(), number.tolist(), strict=True))


def _log_total(odds: Doubles, index: Indices, count: int) -> Doubles:
    """log(1 + sum of exp(odds)) of each group [count]."""
    total = np.zeros(count)
    np.logaddexp.at(total, index, odds)
    return total


def _where(given: Candidates, made: Associated, count: int) -> Indices:
    """Which candidates are the pairs that were made; some of these may be none."""
    wanted = made.rows * (count + 1) + made.seen
    (chosen,) = np.isin(given.tracks * (count + 1) + given.detections, wanted).nonzero()
    return chosen


def _decide(sequence: _Sequence, config: TrackerConfig) -> Indices:
    """The track of every detection [D], -1 for none."""
    policy = load_association(config)
    if not isinstance(policy, LearnedAssociation):
        raise MambatrackError(
            f"offline tracking weighs links by a learned association, not by {config.association}; "
            "use --tracker.association learned or a trained file"
        )
    results = []
    for backward in (False, True):
        track = np.full(len(sequence.frame), -1)
        for tracks in _run(sequence, config, policy, backward):
            seen = tracks.gap == 0
            track[tracks.det_ind[seen]] = tracks.ids[seen]
        weighed = [_weigh(sequence, config, policy, each, track) for each in (False, True)]
        results.append(Weighed(track, weighed[0] + weighed[1]))
    return merge(sequence.frame, *results)


def _weigh(
    sequence: _Sequence,
    config: TrackerConfig,
    policy: LearnedAssociation,
    backward: bool,
    track: Indices,
) -> Doubles:
    """_Judge.evidence of the track of each detection [D], in one direction of time."""
    judge = _Judge(policy, track)
    for _ in _run(sequence, config, judge, backward):
        pass
    return judge.evidence


def _run(
    sequence: _Sequence, config: TrackerConfig, association: Association, backward: bool
) -> Iterator[Tracks]:
    """One pass of the tracker; detections are numbered through all frames."""
    tracker = Tracker(config, sequence.image_size, association=association)
    count = len(sequence.found)
    for index in reversed(range(count)) if backward else range(count):
        first, time_s = int(sequence.first[index]), sequence.times[index]
        if backward and time_s is not None:
            time_s = -time_s
        found = sequence.found[index]
        yield tracker.update(replace(found, rows=first + np.arange(len(found))), time_s)


def _renumbered(track: Indices, frame: Indices) -> Indices:
    """Ids from 1 in the order in which tracks begin; -1 for tracks of too few detections."""
    kept = np.flatnonzero(track >= 0)
    kept = kept[np.bincount(track[kept])[track[kept]] >= LEAST] if len(kept) else kept
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
    added = _between(seen)
    every = _Rows(*(np.concatenate([seen[i], added[i]]) for i in range(len(seen))))
    last = {int(identity): int(frame) for identity, frame in zip(seen.ids, seen.frame, strict=True)}
    ended: list[list[int]] = [[] for _ in range(len(sequence.found) + 1)]
    for identity, frame in last.items():
        ended[frame + 1].append(identity)
    order = np.lexsort((every.ids, every.frame))
    bounds = np.searchsorted(every.frame[order], np.arange(len(sequence.found) + 1))
    return [
        _tracks(every, order[bounds[i] : bounds[i + 1]], i, sequence.times[i], ended[i])
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


def _between(seen: _Rows) -> _Rows:
    """What fills the gaps of ``seen``, which is in the order of tracks and frames."""
    same = seen.ids[1:] == seen.ids[:-1]
    before = np.flatnonzero(same & (np.diff(seen.frame) > 1))
    places = xyxy_to_cxcywh(seen.boxes)
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
    boxes = cxcywh_to_xyxy(np.concatenate([*none, *(each.boxes for each in filled)]))
    spread = np.concatenate([*none, *(each.spread for each in filled)])
    return _Rows(
        frame, seen.ids[row], seen.scores[row], seen.labels[row], frame - seen.frame[row],
        np.full(len(row), -1), boxes, spread,
    )  # fmt: skip


def _tracks(
    every: _Rows, rows: NDArray, frame: int, time_s: float | None, ended: list[int]
) -> Tracks:
    ids, gap = every.ids[rows], every.gap[rows]
    state = np.where(gap > 0, TrackState.PREDICTED, TrackState.OBSERVED).astype(np.uint8)
    return Tracks(
        frame, time_s, every.boxes[rows].astype(np.float32), ids, every.scores[rows],
        every.labels[rows], state, gap, every.spread[rows].astype(np.float32),
        every.det_ind[rows], np.array(sorted(ended), np.int64),
    )  # fmt: skip
