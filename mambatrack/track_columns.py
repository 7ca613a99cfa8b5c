"""The columns of a table of tracks: which there are, how they grow and how rows are kept."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.class_votes import CANDIDATES, DECAY, MOST_VOTES
from mambatrack.detections import LIMITS
from mambatrack.kernels.cpu.table import TableColumns
from mambatrack.state_fields import LARGEST_COUNT, Field, box_fields
from mambatrack.track_noise import LARGEST, Sums, no_sums
from mambatrack.track_observation import FILTER, MOVED, RATES

LARGEST_MEAN = 1e38
BEND = float(np.float32(2 * LARGEST))
MOST_ROWS = 2**24  # of a table


class TrackColumns:
    """One row per live track, in preallocated arrays.

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
    | before  | [N, 4]    | float | pixels | box of the detection before the newest |
    | bends   | [N, 8]    | float | sizes  | second differences of its detections, the newest and |
    |         |           |       |        | the one before (track_noise.py) |
    | streak  | [N]       | int   | frames | seen in a row, up to the newest detection |
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
    | filter  | [N, 20]   | float |        | of a BoxFilter beside the motion model, if there is |
    |         |           |       |        | one (track_noise.py) |
    | unfiltered | [N, 4] | float | pixels | box that the motion model predicts without it |

    arrays: by these names, whole; live: views of their live rows, which may be written to
    noise: of all detections of the stream (track_noise.py), None where boxes are not steadied
    """

    def __init__(self, arrays: dict[str, NDArray], count: int = 0, noise: Sums | None = None):
        self.arrays, self.noise = arrays, noise
        self.live: dict[str, NDArray] = {}
        self._in_c: TableColumns | None = None
        self.resize(count)

    def __reduce__(self) -> tuple[Any, ...]:
        """Without the views and addresses, which belong to these arrays alone."""
        return TrackColumns, (self.arrays, self.count, self.noise)

    @property
    def in_c(self) -> TableColumns:
        """The columns for the C library: good until a track starts or the table is copied."""
        if self._in_c is None:
            self._in_c = TableColumns(self.arrays, RATES, DECAY, MOVED, self.noise)
        return self._in_c

    @property
    def capacity(self) -> int:
        return len(self.arrays["ids"])

    @property
    def row_bytes(self) -> int:
        """Memory of a track: its part of every column."""
        return sum(each[0].nbytes for each in self.arrays.values())

    def empty(self) -> "TrackColumns":
        """As much room, and no rows."""
        arrays = {name: np.zeros(each.shape, each.dtype) for name, each in self.arrays.items()}
        return TrackColumns(arrays, 0, None if self.noise is None else no_sums())

    def reserve(self, more: int) -> None:
        """Makes room for so many rows more."""
        rows = self.count + more
        if rows <= self.capacity:
            return
        for name, array in self.arrays.items():
            grown = np.zeros((max(rows, 2 * len(array)), *array.shape[1:]), array.dtype)
            grown[: len(array)] = array
            self.arrays[name] = grown
        self._in_c = None
        self.resize(self.count)

    def resize(self, count: int) -> None:
        """The first ``count`` rows are live; there is room for them."""
        self.count = count
        for name, array in self.arrays.items():
            self.live[name] = array[:count]

    def drop(self, over: NDArray[np.bool_]) -> None:
        """Forgets the rows that are ``over`` [N], one at least."""
        (kept,) = (~over).nonzero()
        first = int(over.argmax())  # the rows before it stay where they are
        for array in self.arrays.values():
            array[first : len(kept)] = array.take(kept[first:], axis=0)
        self.resize(len(kept))


def empty_columns(
    state_size: int,
    memory_size: int,
    capacity: int,
    looks_size: int,
    steady: bool,
    filtered: bool,
) -> TrackColumns:
    """Room for ``capacity`` tracks. Sizes: S, E and L of the columns; no looks where L is 0.
    steady: whether boxes are steadied; filtered: whether a filter is beside the motion model."""
    arrays: dict[str, NDArray] = {
        "ids": np.zeros(capacity, np.int64),
        "boxes": np.zeros((capacity, 4), np.float32),
        "spread": np.zeros((capacity, 4), np.float32),
        "last": np.zeros((capacity, 4), np.float32),
        "before": np.zeros((capacity, 4), np.float32),
        "bends": np.zeros((capacity, 8), np.float32),
        "streak": np.zeros(capacity, np.int64),
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
        arrays["looks"] = np.zeros((capacity, looks_size), np.float32)
    if filtered:
        arrays["filter"] = np.zeros((capacity, FILTER.state_size), np.float32)
        arrays["unfiltered"] = np.zeros((capacity, 4), np.float32)
    return TrackColumns(arrays, noise=no_sums() if steady else None)


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
        "streak": (0, LARGEST_COUNT), "bends": (-BEND, BEND),
    }  # fmt: skip
    names = ["boxes", "last", "before", *({"unfiltered"} & columns.keys())]
    fields = [each for name in names for each in box_fields(name, columns[name])]
    if "filter" in columns:
        fields += FILTER.state_fields(columns["filter"])
    return fields + [Field(name, columns[name], *ends) for name, ends in ranges.items()]
