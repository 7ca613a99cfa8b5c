"""What pictures add to the usual frames of several trackers, in the C library: looks.h."""

import ctypes
import struct
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_array
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.problems import Problems

_WORTH = "prior_count same_known others_known most_kept least narrowest unexpected"
_OTHERS = (
    "most_odds few_looks refresh apart lost some rate most_count in_front behind crossing unlike "
    "like reach share prior settled fewest most_looks"
)
_VIEW = struct.Struct("@q12d2q2P")
_CALIBRATION = struct.Struct("@6d")
_FIRST, _WANTED, VIEW_WORDS = 13, 14, 17
_NUMBERS, _FLOATS = 3, 9  # of struct Looked
_FURTHER = 5  # numbers of a track's looks behind the mean


class LooksBy(ctypes.Structure):
    """struct LooksBy of looks.h."""

    _fields_ = [(name, ctypes.c_double) for name in f"{_WORTH} {_OTHERS}".split()]


class _Looked(ctypes.Structure):
    """struct Looked of looks.h."""

    _fields_ = [
        (name, ctypes.c_void_p) for name in ("rows", "place", "numbers", "contested", "floats")
    ]


class Picture(Protocol):
    """That of one tracker.

    size: of the vectors; worth: the twelve numbers of struct Calibration
    """

    size: int

    @property
    def worth(self) -> tuple[float, ...]: ...

    def look(self, rows: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]] | None:
        """The vectors [K, size] of these detections, and which of them are usable [K]; None where
        nobody looks."""
        ...

    def learn(self, worth: tuple[float, ...]) -> None:
        """The first six of ``worth`` from now on."""
        ...


class Looking:
    """Memory for one thread; to be called in the order of the methods."""

    def __init__(self, by: LooksBy, problems: Problems):
        self._library, self._by, self._problems = library(), by, problems
        self._by_at = ctypes.addressof(by)
        self._looked = _Looked()
        self._at = ctypes.addressof(self._looked)
        self._found_room = self._sides_room = self._pairs_room = 0
        self._views = np.zeros((0, VIEW_WORDS), np.int64)
        self._reserve(16, 16, 64)
        self.begin()

    def begin(self) -> None:
        self._pictures: dict[int, Picture] = {}
        self._seen: dict[int, tuple[Floats, NDArray[np.bool_]]] = {}

    def __bool__(self) -> bool:
        """Whether there is a picture."""
        return bool(self._pictures)

    def add(self, place: int, picture: Picture, looks_size: int) -> None:
        """Of the tracker that was added as number ``place``, whose tables have looks of this size.
        Raises ValueError for vectors that do not fit."""
        if looks_size != picture.size + _FURTHER:
            raise ValueError(
                f"vectors of {looks_size - _FURTHER} numbers expected, got {picture.size}"
            )
        self._pictures[place] = picture

    def exchanges(self, usual: tuple[int, int], tables: int) -> list[int]:
        """The numbers of the tables, of so many, in which tracks exchange their places. usual:
        where the usual frames lie, and how many."""
        most = max(self._pictures) + 1
        if usual[1] > len(self._views) or most > len(self._views):
            self._views = np.zeros((2 * max(usual[1], most), VIEW_WORDS), np.int64)
            self._views_at, self._data = address(self._views), self._views.data.cast("B")
        self._views[:] = 0
        for place, each in self._pictures.items():
            words = each.size, *each.worth, 0, 0, 0, 0
            _VIEW.pack_into(self._data, _VIEW.size * place, *words)
        due = np.empty(tables, np.int64)
        if not self._library.exchanges_due(self._by_at, *usual, self._views_at, address(due)):
            return []
        return due.nonzero()[0].tolist()

    def weigh(self, usual: tuple[int, int], places: list[int], thought: Thought) -> None:
        """After the scores: looks at the detections that are worth it, and adds what that says.
        places: those of the usual frames, as they were added."""
        asked = self._problems.asked
        self._reserve(asked.detections, asked.most_sides, asked.pairs)
        given = self._by_at, self._problems.at, *thought.at, *usual, self._views_at, self._at
        if not self._library.want_looks(*given):
            return
        for place in filter(self._pictures.__contains__, places):
            first, wanted = self._views[place, _FIRST : _WANTED + 1].tolist()
            seen = (
                self._pictures[place].look(self._rows[first : first + wanted]) if wanted else None
            )
            if seen is not None:
                vectors, usable = np.ascontiguousarray(seen[0]), np.ascontiguousarray(seen[1])
                check_array("vectors", vectors, np.float32, (wanted, self._pictures[place].size))
                check_array("usable", usable, np.bool_, (wanted,))
                self._seen[place] = vectors, usable  # as long as their addresses are in use
                self._views[place, _WANTED + 1 :] = address(vectors), address(usable)
        if self._seen:
            self._library.weigh_looks(*given)

    def remember(self, usual: tuple[int, int], thought: Thought, settled: int) -> None:
        """Once it is known which hypotheses go on, ``settled``: what their tracks look like."""
        self._library.remember_looks(
            self._by_at, self._problems.at, *thought.at, *usual, self._views_at, settled,
            self._at, address(self._vectors),
        )  # fmt: skip
        for place, each in self._pictures.items():
            if place in self._seen:
                at = _VIEW.size * place + 8
                each.learn(_CALIBRATION.unpack_from(self._data, at))

    def seen(self, place: int) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_]] | None:
        """Of a tracker: which detections were looked at [K], their vectors, and which are
        usable."""
        if place not in self._seen:
            return None
        first, wanted = self._views[place, _FIRST : _WANTED + 1].tolist()
        return self._rows[first : first + wanted], *self._seen[place]

    def contested(self, first: int, pairs: int) -> NDArray[np.bool_]:
        """[pairs] of a frame whose pairs begin at number ``first``."""
        return self._contested[first : first + pairs].astype(bool)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._by, self._problems)

    def _reserve(self, found: int, sides: int, pairs: int) -> None:
        if found > self._found_room or sides > self._sides_room or pairs > self._pairs_room:
            self._found_room = found = 2 * max(found, self._found_room // 2)
            self._sides_room = sides = 2 * max(sides, self._sides_room // 2)
            self._pairs_room = pairs = 2 * max(pairs, self._pairs_room // 2)
            self._rows, self._place = np.empty(found, np.int64), np.empty(found, np.int64)
            self._numbers = np.empty(_NUMBERS * sides, np.int64)
            self._floats = np.empty(_FLOATS * sides, np.float32)
            self._vectors = np.empty(sides, np.int64)  # addresses
            self._contested = np.empty(pairs, np.uint8)
            for name in ("rows", "place", "numbers", "contested", "floats"):
                setattr(self._looked, name, address(getattr(self, f"_{name}")))
