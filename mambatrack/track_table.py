"""The table of live tracks: the only mutable state."""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.detections import Detections
from mambatrack.kernels.cpu import library
from mambatrack.kernels.cpu.table import TableColumns
from mambatrack.track_columns import empty_columns, new_stamps
from mambatrack.track_noise import Jitter, Sums, jitter, steadied
from mambatrack.track_observation import FILTER, observe, snapshot, velocity_of
from mambatrack.tracks import Tracks

SHARED_CALL_TRACKS = 64  # up to so many, copying tables into one costs less than a call for each
NOBODY = np.zeros(0, np.int64)
NOBODY.setflags(write=False)


class TrackTable:
    """One row per live track, N of them; ids ascend with the row. TrackColumns says which columns
    there are: state_size, memory_size and looks_size are the widths of those of other modules;
    boxes are steadied, and a filter is beside the motion model, where ``steady`` and ``filtered``.

    next_id: the id of the next track; mixed: whether any track has votes for two classes
    span: frames of the newest step, so that a track seen before it has this gap
    """

    def __init__(
        self,
        state_size: int,
        memory_size: int = 0,
        capacity: int = 64,
        looks_size: int = 0,
        steady: bool = True,
        filtered: bool = True,
    ):
        self.next_id = 1
        self.mixed = False
        self.span = 1
        filtered = filtered and steady
        self._columns = empty_columns(
            state_size, memory_size, capacity, looks_size, steady, filtered
        )
        self._compiled = library.wanted()

    def __len__(self) -> int:
        return self._columns.count

    def __contains__(self, name: str) -> bool:
        """Whether there is such a column."""
        return name in self._columns.live

    def __getitem__(self, name: str) -> NDArray:
        """The live rows of one column, as a view that may be written to."""
        return self._columns.live[name]

    def empty(self) -> "TrackTable":
        """One of as much room without tracks."""
        other = copy.copy(self)
        other._columns = self._columns.empty()
        return other

    def copy(self, spare: "TrackTable | None" = None) -> "TrackTable":
        """Another table with the same tracks: a new one, or ``spare``, a table of the same sizes
        whose own tracks are forgotten."""
        other = self.empty() if spare is None else spare
        other.load(self._columns.live, self.next_id, self.mixed)
        other.span = self.span
        other.take_noise(self.noise)
        return other

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From another process, which may have had the C library or not."""
        self.__dict__.update(state)
        self._compiled = library.wanted()

    @property
    def in_c(self) -> TableColumns:
        """The columns for the C library: good until a track starts or the table is copied."""
        return self._columns.in_c

    def columns(self) -> dict[str, NDArray]:
        """Copies of all columns but the stamps, which mean nothing elsewhere."""
        live = self._columns.live
        return {name: array.copy() for name, array in live.items() if name != "stamp"}

    def load(self, columns: Mapping[str, NDArray], next_id: int, mixed: bool) -> None:
        """Takes all columns over from another table of the same sizes; stamps are new ones where
        they are not among them."""
        self._make_room(len(columns["ids"]) - len(self))
        self["stamp"][:] = new_stamps(len(self))
        for name, column in columns.items():
            self[name][:] = column
        self.next_id, self.mixed = next_id, mixed

    @property
    def missed(self) -> NDArray[np.int64]:
        """[N] after predict(): frames before the newest step in which each track was not seen; 0
        where it was seen in the last update, however long ago that is."""
        return self["gap"] - self.span

    @property
    def velocity(self) -> NDArray[np.float32]:
        """[N, 2] of the centre in pixels per frame, as the last detections show it; 0 of tracks
        that were seen once."""
        return velocity_of(self._columns.live)

    @property
    def noise(self) -> Sums | None:
        """What the detections showed of the detector's noise; None where boxes are not steadied."""
        return self._columns.noise

    @property
    def jitter(self) -> Jitter | None:
        """What is taken off of boxes; None where they are not steadied."""
        return None if self.noise is None else jitter(self.noise)

    def take_noise(self, noise: Sums | None) -> None:
        """Sums that were known before, of another table or of a state that was saved."""
        if noise is not None and self._columns.noise is not None:
            self._columns.noise[:] = noise

    @property
    def row_bytes(self) -> int:
        """Memory of a track: its part of every column."""
        return self._columns.row_bytes

    def predict(
        self, boxes: NDArray, spread: NDArray, span: int = 1, by: Jitter | None = None
    ) -> None:
        """``span`` frames on, to where the motion model has them: every track counts as unseen
        until it is observed. by: as of steadied(); the table's own where it is left out."""
        live = self._columns.live
        by = by or self.jitter
        if by is not None and "filter" in live:
            boxes, spread = self._filtered(boxes, spread, span, by)
        self.span = span
        live["boxes"][:], live["spread"][:] = boxes, spread
        live["gap"] += span
        live["age"] += span
        live["det_ind"].fill(-1)

    def _filtered(
        self, boxes: NDArray, spread: NDArray, span: int, by: Jitter
    ) -> tuple[NDArray, NDArray]:
        """The filter goes on, too -> boxes and spread with its share."""
        live = self._columns.live
        live["unfiltered"][:] = boxes
        for _ in range(span):
            others, wide = FILTER.predict(live["filter"])
        share = np.float32(by.filtered)
        if not share:
            return boxes, spread
        return boxes + share * (others - boxes), spread + share * (wide - spread)

    def move(self, transform: Transform) -> None:
        """The camera moved: every place and size in pixels becomes what ``transform`` makes of it;
        predictor and association move what is theirs."""
        live = self._columns.live
        sizes = live["last"][:, 2:].copy()
        live["before"][:], _ = moved_boxes(transform, live["before"])
        live["last"][:], near = moved_boxes(transform, live["last"])
        means, logs = live["means"], np.log(near.stretch).astype(np.float32)
        means[:, :2] += logs
        means[:, 2:4] += logs
        means[:, 6:8] = near.vectors(means[:, 6:8] * sizes) / live["last"][:, 2:]
        live["boxes"][:], near = moved_boxes(transform, live["boxes"])
        live["spread"] *= near.sides
        if "filter" in live:
            FILTER.move(live["filter"], transform)
            live["unfiltered"][:], _ = moved_boxes(transform, live["unfiltered"])

    def halt(self) -> None:
        """What is known of motion is forgotten; the predictor forgets what is its."""
        self["means"][:, 6:8], self["streak"][:] = 0, 0
        if "filter" in self:
            self["filter"][:] = FILTER.start(self["boxes"])

    def steadied(self, by: Jitter | None, rows: NDArray, boxes: NDArray) -> NDArray:
        """After predict(): where tracks ``rows`` [K] that are detected at ``boxes`` [K, 4] cxcywh
        are shown [K, 4], and what the motion model sees of them. by: what is taken off, as the
        likeliest hypothesis has it; None where boxes are not steadied."""
        return boxes if by is None else steadied(self._columns.live, by, rows, boxes)

    def observe(
        self,
        rows: NDArray,
        boxes: NDArray,
        found: Detections,
        seen: NDArray,
        shown: NDArray | None = None,
    ) -> None:
        """Tracks ``rows`` [K] were seen at ``boxes`` [K, 4] cxcywh, the detections ``seen`` [K],
        and are shown at ``shown`` [K, 4], None for the same."""
        given = {
            "boxes": boxes,
            "scores": found.scores.take(seen).astype(np.float32, copy=False),
            "labels": found.labels.take(seen).astype(np.int64, copy=False),
            "det_ind": found.rows.take(seen).astype(np.int64, copy=False),
            "shown": boxes if shown is None else shown,
        }
        if self._compiled:
            self.mixed = self.in_c.observe(len(self), rows, self.mixed, **given)
        else:
            self.mixed = observe(self._columns.live, rows, self.mixed, self.noise, **given)
        self["stamp"][rows] = new_stamps(len(rows))

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
        rows = np.arange(len(self), len(self) + len(born))
        self._make_room(len(born))
        self["ids"][rows] = ids
        self["hits"][rows], self["age"][rows], self["motion"][rows] = 0, 0, motion
        self["streak"][rows], self["before"][rows], self["bends"][rows] = 0, boxes, 0
        self["last"][rows], self["gap"][rows], self["memory"][rows] = boxes, 1, 0
        if "looks" in self:
            self["looks"][rows] = 0
        if "filter" in self:
            self["filter"][rows], self["unfiltered"][rows] = FILTER.start(boxes), boxes
        self["labels"][rows], self["votes"][rows] = found.labels[born], 0
        self["classes"][rows] = found.labels[born, None]
        self.next_id = int(ids[-1]) + 1
        self.observe(rows, boxes, found, born)

    def end(self, min_hits: int, max_age: int) -> NDArray[np.int64]:
        """Drops tracks unseen for more than ``max_age`` frames and unseen ones that were not yet
        seen ``min_hits`` times; returns the ids that ended."""
        if self._compiled and not self.in_c.any_over(len(self), min_hits, max_age):
            return NOBODY
        gap = self["gap"]
        return self.drop((gap > max_age) | ((gap > 0) & (self["hits"] < min_hits)))

    def drop(self, over: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Forgets the tracks that are ``over`` [N]; returns their ids."""
        ended = self["ids"][over]
        if len(ended):
            self._columns.drop(over)
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
            self.in_c.snapshot(len(self), min_hits)
            if self._compiled
            else snapshot(self._columns.live, min_hits)
        )
        return Tracks.of_frame(frame, time_s, ended=ended, **columns, **of_frame)

    def reserve(self, more: int) -> None:
        """Makes room for so many tracks more."""
        self._columns.reserve(more)

    def take_over(self, count: int, next_id: int, mixed: bool, span: int) -> None:
        """What the C library made of the columns in a frame."""
        self.next_id, self.mixed, self.span = next_id, mixed, span
        if count != len(self):
            self._columns.resize(count)

    def _make_room(self, more: int) -> None:
        """So many live rows more, which hold what was there."""
        self._columns.reserve(more)
        self._columns.resize(len(self) + more)
