"""The table of live tracks: the only mutable state."""

import copy
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.class_votes import CANDIDATES, DECAY, MOST_VOTES, vote
from mambatrack.detections import LIMITS, Detections
from mambatrack.kernels.cpu import library
from mambatrack.kernels.cpu.table import TableColumns
from mambatrack.state_fields import LARGEST_COUNT, Field, box_fields
from mambatrack.tracks import Tracks, TrackState

SHARED_CALL_TRACKS = 64  # up to so many, copying tables into one costs less than a call for each
LARGEST_MEAN = 1e38
MOST_ROWS = 2**24  # of a table
NOBODY = np.zeros(0, np.int64)
NOBODY.setflags(write=False)
# of the running means: log of width and height in pixels, twice; score, twice; velocity in box
# sizes per frame
RATES = np.array([0.3, 0.3, 0.03, 0.03, 0.3, 0.03, 0.15, 0.15], np.float32)
LATER = np.arange(2, 64, dtype=np.float32)  # detections
# weight in the mean velocity, by the number of detections, of all but the first, which had none
MOVED = np.append(np.ones(2, np.float32), 1 - np.cumprod(1 - np.maximum(RATES[-1], 1 / LATER)))


class TrackTable:
    """One row per live track, in preallocated arrays; ids ascend with the row.

    Every column is [capacity, ...] and only the first ``count`` rows are live: N tracks. Nothing
    here grows with the length of the video. Boxes are cxcywh; float is float32, int is int64.

    | column  | shape     | type  | unit   | meaning |
    |---------|-----------|-------|--------|---------|
    | ids     | [N]       | int   |        | from 1, ascending, never used again |
    | boxes   | [N, 4]    | float | pixels | newest box: detected where seen now, else predicted |
    | spread  | [N, 4]    | float | pixels | 68 % half-widths of a predicted box, 0 where seen now |
    | last    | [N, 4]    | float | pixels | box of the newest detection |
    | means   | [N, 8]    | float | RATES  | running means of its detections: log of (w, h), the |
    |         |           |       |        | same at a slow rate, score, the same, velocity (x, y) |
    | scores  | [N]       | float | 0 to 1 | score of the newest detection |
    | labels  | [N]       | int   | class  | winner of the votes |
    | classes | [N, 4]    | int   | class  | CANDIDATES that the track may have votes for |
    | votes   | [N, 4]    | float | scores | their weights, 0 where a place is free (vote) |
    | hits    | [N]       | int   | frames | in which the track was seen |
    | gap     | [N]       | int   | frames | of the motion model since seen, 0 where seen now |
    | age     | [N]       | int   | frames | of the motion model since the first detection |
    | det_ind | [N]       | int   | row    | of the detection in the caller's array, -1 unseen |
    | stamp   | [N]       | int   |        | new with each detection: of two tables of a tracker, |
    |         |           |       |        | motion and memory of an id are equal where it is |
    | motion  | [N, S]    | float |        | the predictor's state (motion/predictor.py) |
    | memory  | [N, E]    | float |        | of the association (association/interface.py) |
    | looks   | [N, L]    | float |        | of an embedder (appearance/looks.py), if there is one |

    next_id: the id of the next track; mixed: whether any track has votes for two classes
    span: frames of the newest step, so that a track seen before it has this gap
    """

    def __init__(
        self, state_size: int, memory_size: int = 0, capacity: int = 64, looks_size: int = 0
    ):
        self.count = 0
        self.next_id = 1
        self.mixed = False
        self.span = 1
        self._arrays: dict[str, NDArray] = {
            "ids": np.zeros(capacity, np.int64),
            "boxes": np.zeros((capacity, 4), np.float32),
            "spread": np.zeros((capacity, 4), np.float32),
            "last": np.zeros((capacity, 4), np.float32),
            "means": np.zeros((capacity, len(RATES)), np.float32),
            "scores": np.zeros(capacity, np.float32),
            "labels": np.zeros(capacity, np.int64),
            "classes": np.zeros((capacity, CANDIDATES), np.int64),
            "votes": np.zeros((capacity, CANDIDATES), np.float32),
            "hits": np.zeros(capacity, np.int64),
            "gap": np.zeros(capacity, np.int64),
            "age": np.zeros(capacity, np.int64),
            "det_ind": np.zeros(capacity, np.int64),
            "stamp": np.zeros(capacity, np.int64),
            "motion": np.zeros((capacity, state_size), np.float32),
            "memory": np.zeros((capacity, memory_size), np.float32),
        }
        if looks_size:
            self._arrays["looks"] = np.zeros((capacity, looks_size), np.float32)
        self._live: dict[str, NDArray] = {}
        self._in_c: TableColumns | None = None
        self._compiled = library.wanted()
        self._resize(0)

    def __len__(self) -> int:
        return self.count

    def __contains__(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._live

    def __getitem__(self, name: str) -> NDArray:
        """The live rows of one column, as a view that may be written to."""
        return self._live[name]

    def copy(self, spare: "TrackTable | None" = None) -> "TrackTable":
        """Another table with the same tracks: a new one, or ``spare``, a table of the same sizes
        whose own tracks are forgotten."""
        if spare is not None:
            spare.load(self._live, self.next_id, self.mixed)
            spare.span = self.span
            return spare
        other = copy.copy(self)
        other._arrays = {
            name: array[: max(self.count, 1)].copy() for name, array in self._arrays.items()
        }
        other._live, other._in_c = {}, None
        other._resize(self.count)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Without the views and addresses, which belong to these arrays alone."""
        return {**self.__dict__, "_live": {}, "_in_c": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._compiled = library.wanted()
        self._resize(self.count)

    @property
    def in_c(self) -> TableColumns:
        """The columns for the C library: good until a track starts or the table is copied."""
        if self._in_c is None:
            self._in_c = TableColumns(self._arrays, RATES, DECAY, MOVED)
        return self._in_c

    def columns(self) -> dict[str, NDArray]:
        """Copies of all columns but the stamps, which mean nothing elsewhere."""
        return {name: array.copy() for name, array in self._live.items() if name != "stamp"}

    def load(self, columns: Mapping[str, NDArray], next_id: int, mixed: bool) -> None:
        """Takes all columns over from another table of the same sizes; stamps are new ones where
        they are not among them."""
        count = len(columns["ids"])
        self.reserve(count - self.count)
        self._resize(count)
        self["stamp"][:] = new_stamps(count)
        for name, column in columns.items():
            self._live[name][:] = column
        self.next_id, self.mixed = next_id, mixed

    @property
    def missed(self) -> NDArray[np.int64]:
        """[N] after predict(): frames before the newest step in which each track was not seen; 0
        where it was seen in the last update, however long ago that is."""
        return self["gap"] - self.span

    @property
    def row_bytes(self) -> int:
        """Memory of a track: its part of every column."""
        return sum(each[0].nbytes for each in self._arrays.values())

    def predict(self, boxes: NDArray, spread: NDArray, span: int = 1) -> None:
        """``span`` frames on: every track counts as unseen until it is observed."""
        live = self._live
        self.span = span
        live["boxes"][:], live["spread"][:] = boxes, spread
        live["gap"] += span
        live["age"] += span
        live["det_ind"].fill(-1)

    def move(self, transform: Transform) -> None:
        """The camera moved: every place and size in pixels becomes what ``transform`` makes of it;
        predictor and association move what is theirs."""
        live = self._live
        sizes = live["last"][:, 2:].copy()
        live["last"][:], near = moved_boxes(transform, live["last"])
        means, logs = live["means"], np.log(near.stretch).astype(np.float32)
        means[:, :2] += logs
        means[:, 2:4] += logs
        means[:, 6:8] = near.vectors(means[:, 6:8] * sizes) / live["last"][:, 2:]
        live["boxes"][:], near = moved_boxes(transform, live["boxes"])
        live["spread"] *= near.sides

    def observe(self, rows: NDArray, boxes: NDArray, found: Detections, seen: NDArray) -> None:
        """Tracks ``rows`` [K] were seen at ``boxes`` [K, 4] cxcywh, the detections ``seen`` [K]."""
        scores = found.scores.take(seen).astype(np.float32, copy=False)
        det_ind = found.rows.take(seen).astype(np.int64, copy=False)
        labels = found.labels.take(seen).astype(np.int64, copy=False)
        if self._compiled:
            self.mixed = self.in_c.observe(
                self.count, rows, self.mixed, boxes=boxes, scores=scores, labels=labels,
                det_ind=det_ind,
            )  # fmt: skip
        else:
            self._observe(rows, boxes, scores, det_ind)
            self.vote(rows, labels, scores)
        self["stamp"][rows] = new_stamps(len(rows))

    def _observe(self, rows: NDArray, boxes: NDArray, scores: NDArray, det_ind: NDArray) -> None:
        """All but the votes."""
        live = self._live
        self._update_means(rows, boxes, scores)
        live["boxes"][rows], live["spread"][rows] = boxes, 0
        live["scores"][rows], live["det_ind"][rows] = scores, det_ind
        live["hits"][rows] += 1
        live["gap"][rows] = 0

    def _update_means(self, rows: NDArray, boxes: NDArray, scores: NDArray) -> None:
        """Running means of what tells one object from another."""
        live = self._live
        means, last = live["means"][rows], live["last"][rows]
        rate = np.maximum(RATES, 1 / (live["hits"][rows, None] + 1))
        move = (boxes[:, :2] - last[:, :2]) / (last[:, 2:] * live["gap"][rows, None])
        logs = np.log(boxes[:, 2:])
        now = np.column_stack([logs, logs, scores, scores, move])
        live["means"][rows] = means + rate * (now - means)
        live["last"][rows] = boxes

    def vote(self, rows: NDArray, labels: NDArray, scores: NDArray) -> None:
        """The class of each track; while every track has but one, only its weight is counted."""
        classes, votes, winners = (self._live[name] for name in ("classes", "votes", "labels"))
        if not self.mixed and np.array_equal(labels, winners[rows]):
            votes[rows, 0] = votes[rows, 0] * DECAY + scores
            return
        own_classes, own_votes = classes[rows], votes[rows]
        winners[rows] = vote(own_classes, own_votes, labels, scores)
        classes[rows], votes[rows] = own_classes, own_votes
        self.mixed = bool(votes[:, 1:].any())

    def start(
        self,
        boxes: NDArray,
        motion: NDArray,
        found: Detections,
        born: NDArray,
        ids: NDArray[np.int64] | None = None,
    ) -> None:
        """New tracks at ``boxes`` [K, 4] cxcywh, the detections ``born`` [K], with the next ids, or
        with ``ids`` [K], ascending and none of them below next_id."""
        ids = np.arange(self.next_id, self.next_id + len(born)) if ids is None else ids
        rows = np.arange(self.count, self.count + len(born))
        self.reserve(len(born))
        self._resize(self.count + len(born))
        self["ids"][rows] = ids
        self["hits"][rows], self["age"][rows], self["motion"][rows] = 0, 0, motion
        self["last"][rows], self["gap"][rows], self["memory"][rows] = boxes, 1, 0
        if "looks" in self._live:
            self["looks"][rows] = 0
        self["labels"][rows], self["votes"][rows] = found.labels[born], 0
        self["classes"][rows] = found.labels[born, None]
        self.next_id = int(ids[-1]) + 1
        self.observe(rows, boxes, found, born)

    def end(self, min_hits: int, max_age: int) -> NDArray[np.int64]:
        """Drops tracks unseen for more than ``max_age`` frames and unseen ones that were not yet
        seen ``min_hits`` times; returns the ids that ended."""
        if self._compiled and not self.in_c.any_over(self.count, min_hits, max_age):
            return NOBODY
        gap = self["gap"]
        return self.drop((gap > max_age) | ((gap > 0) & (self["hits"] < min_hits)))

    def drop(self, over: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Forgets the tracks that are ``over`` [N]; returns their ids."""
        ended = self["ids"][over]
        if len(ended):
            (kept,) = (~over).nonzero()
            first = int(over.argmax())  # the rows before it stay where they are
            for array in self._arrays.values():
                array[first : len(kept)] = array.take(kept[first:], axis=0)
            self._resize(len(kept))
        return ended

    def snapshot(
        self,
        frame: int,
        time_s: float | None,
        min_hits: int,
        ended: NDArray[np.int64],
        **of_frame: Any,
    ) -> Tracks:
        """The live tracks as a result that later frames do not change; of_frame: further fields of
        Tracks."""
        ended.setflags(write=False)
        columns: dict[str, Any] = (
            self.in_c.snapshot(self.count, min_hits) if self._compiled else self._snapshot(min_hits)
        )
        return Tracks.of_frame(frame, time_s, ended=ended, **columns, **of_frame)

    def _snapshot(self, min_hits: int) -> dict[str, NDArray]:
        kept = ("ids", "scores", "labels", "gap", "spread", "det_ind", "age")
        columns = {name: self[name].copy() for name in kept}
        state = (self["hits"] >= min_hits).astype(np.uint8)  # OBSERVED, else TENTATIVE
        state[self["gap"] > 0] = TrackState.PREDICTED.value
        columns |= {"state": state, "velocity": self._velocity()}
        columns["boxes"] = cxcywh_to_xyxy(self["boxes"])
        for array in columns.values():
            array.setflags(write=False)
        return columns

    def _velocity(self) -> NDArray[np.float32]:
        """[N, 2] of the centre in pixels per frame, as the last detections show it."""
        moved = MOVED.take(self["hits"], mode="clip")
        return self["means"][:, 6:] * self["last"][:, 2:] / moved[:, None]

    def _resize(self, count: int) -> None:
        self.count = count
        for name, array in self._arrays.items():
            self._live[name] = array[:count]

    def reserve(self, more: int) -> None:
        """Makes room for so many tracks more."""
        rows = self.count + more
        if rows <= len(self._arrays["ids"]):
            return
        for name, array in self._arrays.items():
            grown = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), array.dtype)
            grown[: len(array)] = array
            self._arrays[name] = grown
        self._in_c = None
        self._resize(self.count)

    def take_over(self, count: int, next_id: int, mixed: bool, span: int) -> None:
        """What the C library made of the columns in a frame."""
        self.next_id, self.mixed, self.span = next_id, mixed, span
        if count != self.count:
            self._resize(count)


_stamps = itertools.count(1)


def new_stamp() -> int:
    """The first of MOST_ROWS that no track has."""
    return next(_stamps) * MOST_ROWS


def new_stamps(count: int) -> NDArray[np.int64]:
    """[count] that no track has."""
    return new_stamp() + np.arange(count)


def column_fields(columns: Mapping[str, NDArray]) -> list[Field]:
    """What the columns of a saved table may hold; motion and memory are said by who keeps them."""
    label = float(LIMITS[5, 0])
    ranges = {
        "ids": (1, LARGEST_COUNT), "spread": (0, np.inf), "means": (-LARGEST_MEAN, LARGEST_MEAN),
        "scores": (0, 1), "labels": (-label, label), "classes": (-label, label),
        "votes": (0, MOST_VOTES), "hits": (1, LARGEST_COUNT), "gap": (0, LARGEST_COUNT),
        "age": (0, LARGEST_COUNT), "det_ind": (-1, LARGEST_COUNT),
    }  # fmt: skip
    boxes = [each for name in ("boxes", "last") for each in box_fields(name, columns[name])]
    return boxes + [Field(name, columns[name], *ends) for name, ends in ranges.items()]
