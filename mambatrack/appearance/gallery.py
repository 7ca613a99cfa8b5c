"""The gallery: codes of tracks that are no more, so that those who come back are known again.

A code is the mean of a track's embeddings, of length 1. Nothing else of a picture is kept, but for
a small picture of each where that is asked for (pictures.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.pictures import HEIGHT, WIDTH
from mambatrack.errors import MambatrackError
from mambatrack.state_fields import LARGEST_COUNT, Field

PREFIX = "gallery."  # of its arrays in a saved state
Indices = NDArray[np.int64]


class Gallery:
    """ids [G]: under which the tracks were put out;  codes [G, E];  seen [G]: seconds, when each
    was last seen;  sources [G]: number of the source that saw it, 0 where there is one.
    pictures [G, H, W, 3] uint8: H and W are 0 where none are kept
    ``size``: the most that are kept, the newest"""

    def __init__(self, width: int, size: int, pictures: bool = False):
        self.size = size
        shown = (HEIGHT, WIDTH) if pictures else (0, 0)
        self.pictures = np.zeros((0, *shown, 3), np.uint8)
        self.ids = np.zeros(0, np.int64)
        self.codes = np.zeros((0, width), np.float32)
        self.seen = np.zeros(0, np.float64)
        self.sources = np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def add(
        self, ids: Indices, codes: Floats, seen: NDArray[np.float64], source: int = 0,
        pictures: NDArray[np.uint8] | None = None,
    ) -> None:  # fmt: skip
        """ids [K], codes [K, E], seen [K], pictures [K, ...], black where there are none; one that
        is there already is replaced."""
        self.forget(ids)
        self.ids = np.concatenate([self.ids, ids])
        self.codes = np.concatenate([self.codes, codes])
        self.seen = np.concatenate([self.seen, seen])
        self.sources = np.concatenate([self.sources, np.full(len(ids), source)])
        black = np.zeros((len(ids), *self.pictures.shape[1:]), np.uint8)
        fits = pictures is not None and pictures.shape == black.shape
        self.pictures = np.concatenate([self.pictures, pictures if fits else black])
        if len(self) > self.size:
            self._keep(np.sort(self.seen.argsort(kind="stable")[len(self) - self.size :]))

    def forget(self, ids: Indices) -> None:
        """Those of these ids are deleted."""
        kept = ~np.isin(self.ids, ids)
        if not kept.all():
            self._keep(kept.nonzero()[0])

    def forget_before(self, time_s: float) -> None:
        """Those that were last seen before are deleted."""
        self.forget(self.ids[self.seen < time_s])

    def forget_source(self, source: int) -> None:
        """Those whom this source saw last are deleted."""
        self.forget(self.ids[self.sources == source])

    def merge(self, identity: int, other: int, taken_from: "Gallery") -> None:
        """``other``, of this gallery or another one, is called ``identity``: one code, the mean of
        both. Raises MambatrackError for an id that would be merged with itself."""
        if identity == other:
            raise MambatrackError(f"id {identity} cannot be merged with itself; name two ids")
        row = self.ids.tolist().index(identity)
        gone = taken_from.ids.tolist().index(other)
        code = self.codes[row] + taken_from.codes[gone]
        self.codes[row] = code / max(float(np.linalg.norm(code)), 1e-9)
        self.seen[row] = max(self.seen[row], taken_from.seen[gone])
        taken_from.forget(np.array([other]))

    def columns(self, source: int = 0) -> dict[str, NDArray]:
        """What was seen by this source, as its saved state has it."""
        own = self.sources == source
        names = ("ids", "codes", "seen", *(["pictures"] if self.pictures.shape[1] else []))
        return {PREFIX + name: getattr(self, name)[own] for name in names}

    def load(self, values: Mapping[str, Any], source: int = 0) -> None:
        """Takes over what columns() gave; gallery_fault() says whether it can be."""
        ids, codes, seen = (values[PREFIX + name] for name in ("ids", "codes", "seen"))
        self.forget_source(source)
        self.add(ids, codes, seen, source, values.get(f"{PREFIX}pictures"))

    def _keep(self, rows: Indices) -> None:
        self.ids, self.codes, self.seen = self.ids[rows], self.codes[rows], self.seen[rows]
        self.sources, self.pictures = self.sources[rows], self.pictures[rows]


def stored_gallery(values: Mapping[str, Any]) -> Gallery:
    """That of a saved state, empty where it has none. Raises MambatrackError where it is
    damaged."""
    if f"{PREFIX}ids" not in values:
        return Gallery(0, 1)
    codes = np.asarray(values.get(f"{PREFIX}codes"))
    width = codes.shape[1] if codes.ndim == 2 else 0
    fault = gallery_fault(values, width)
    if fault:
        raise MambatrackError(f"this state does not fit: it is with {fault}")
    size = max(len(values[f"{PREFIX}ids"]), 1)
    gallery = Gallery(width, size, f"{PREFIX}pictures" in values)
    gallery.load(values)
    return gallery


def gallery_fault(values: Mapping[str, Any], width: int) -> str:
    """What is wrong with the columns of a gallery of codes of this width, "" where nothing is."""
    expected: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
        "ids": (np.int64, ()), "codes": (np.float32, (width,)), "seen": (np.float64, ()),
    }  # fmt: skip
    if f"{PREFIX}pictures" in values:
        expected["pictures"] = np.uint8, (HEIGHT, WIDTH, 3)
    count = len(np.atleast_1d(np.asarray(values.get(f"{PREFIX}ids"))))
    for name, (kind, shape) in expected.items():
        array: Any = values.get(PREFIX + name)
        fits = isinstance(array, np.ndarray) and array.shape == (count, *shape)
        if not fits or array.dtype != kind or not np.isfinite(array).all():
            return f"{PREFIX}{name} that is no {[count, *shape]} of {np.dtype(kind)}"
    faults = [field.fault() for field in _fields(values)]
    return next(filter(None, faults), "")


def _fields(values: Mapping[str, Any]) -> Sequence[Field]:
    return [
        Field("ids in the gallery", values[f"{PREFIX}ids"], 1, LARGEST_COUNT),
        Field("codes in the gallery", values[f"{PREFIX}codes"], -1.01, 1.01),
    ]
