"""association.features.describe_pairs in the C library: which pairs may be matched, and their
features."""

import ctypes
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_array
from mambatrack.kernels.cpu.table import TableColumns

Indices = NDArray[np.int64]
FEATURES, ALONE, FOUND, MOST_HITS = 47, 6, 9, 200  # of candidates.h
LOG_HITS = np.log(np.maximum(np.arange(MOST_HITS + 1), 1)).astype(np.float32)


class Reach(NamedTuple):
    """Of the gate, in box sizes on each side: at least, more for each frame unseen, at most."""

    least: float
    per_frame: float
    most: float


class _Frame(ctypes.Structure):
    """struct Frame of candidates.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("tracks", "detections", "span", "class_aware")],
        *[(name, ctypes.c_double) for name in ("reach", "reach_per_frame", "most_reach")],
        *[(name, ctypes.c_void_p) for name in ("log_missed", "log_hits", "found", "labels")],
    ]


class PairDescriber:
    """Describes the candidate pairs of one table after the other; memory is kept between calls.

    One for each thread.
    """

    def __init__(self, reach: Reach):
        self._library, self._reach = library(), reach
        self._frame = _Frame()
        self._frame.reach, self._frame.reach_per_frame, self._frame.most_reach = reach
        self._frame.log_hits = address(LOG_HITS)
        self._at = ctypes.addressof(self._frame)
        self._floats, self._numbers = np.empty(0, np.float32), np.empty(0, np.int64)
        self._pairs = np.empty((2, 0), np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._reach,)  # addresses belong to this describer alone

    def __call__(
        self,
        table: TableColumns,
        missed: Indices,
        span: int,
        found: Floats,
        labels: Indices | None = None,
    ) -> tuple[Indices, Indices, Floats, Floats]:
        """The first N rows of the table; missed [N]: frames before the newest step, which has
        ``span``, that each was not seen; found [M, 9] xyxy, cxcywh, score; labels [M]: of pairs of
        one class alone -> tracks [K], detections [K], features [FEATURES, K], alone [ALONE, M].

        Raises ValueError where an array does not fit."""
        n, m = len(missed), len(found)
        log_missed = np.log1p(missed).astype(np.float32)
        self._check(table, missed, found, labels)
        frame = self._frame
        frame.tracks, frame.detections, frame.span = n, m, span
        frame.log_missed, frame.found = address(log_missed), address(found)
        frame.class_aware = labels is not None
        frame.labels = None if labels is None else address(labels)
        self._reserve(n, m)
        places = table.at, self._at, address(self._floats), address(self._numbers)
        tracks, detections = self._gate(places)
        logs = self._floats[: 2 * n + 3 * m]
        np.log(logs, out=logs)
        features = np.empty((FEATURES, len(tracks)), np.float32)
        alone = np.empty((ALONE, m), np.float32)
        self._library.describe(
            *places, len(tracks), address(tracks), address(detections), address(features),
            address(alone),
        )  # fmt: skip
        return tracks, detections, features, alone

    def _gate(self, places: tuple[int, ...]) -> tuple[Indices, Indices]:
        """The candidates; called again with more room where there are more of them than ever."""
        while True:
            room, (tracks, detections) = self._pairs.shape[1], self._pairs
            count = self._library.gate(*places, room, address(tracks), address(detections))
            if count <= room:
                return tracks[:count].copy(), detections[:count].copy()
            self._pairs = np.empty((2, 2 * count), np.int64)

    def _reserve(self, n: int, m: int) -> None:
        numbers = n + m + max(n, m)
        if len(self._numbers) < numbers:
            self._numbers = np.empty(2 * numbers, np.int64)
        floats = self._library.around_floats(self._at)
        if len(self._floats) < floats:
            self._floats = np.empty(2 * floats, np.float32)

    def _check(
        self, table: TableColumns, missed: Indices, found: Floats, labels: Indices | None
    ) -> None:
        if len(missed) > table.capacity:
            raise ValueError(f"missed: up to {table.capacity} tracks expected, got {len(missed)}")
        check_array("missed", missed, np.int64, (len(missed),))
        check_array("found", found, np.float32, (len(found), FOUND))
        if labels is not None:
            check_array("labels", labels, np.int64, (len(found),))
