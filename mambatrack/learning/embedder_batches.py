"""Which views are learnt from together: those that are hard to tell apart among them."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mambatrack.learning.embedder_data import Crops, Rows
from mambatrack.learning.embedder_views import Views

NEIGHBOURS = 8  # crops of other people that the teacher finds most alike
AMONG = 12_000  # crops among which they are looked for, at most
PART = 1000  # crops that are compared at once


class Batches:
    """Rows of views: a third drawn from all, a third of the same people, a third of people whom the
    teacher finds like those of the first third."""

    def __init__(self, views: Views, crops: Crops, rng: Generator):
        self._views, self._crop = _Members(views.crop), views.crop
        alone = crops.track.max(initial=0) + 1 + np.arange(len(crops.track))
        self._person = np.where(crops.track < 0, alone, crops.track)
        self._of_person = _Members(self._person)
        first = views.codes[: len(crops.track)]  # of the plain views, which come first
        self._neighbours = _neighbours(first - first.mean(axis=0), self._person, rng)

    def __call__(self, size: int, rng: Generator) -> Rows:
        """[size / 3 * 3]"""
        first = rng.integers(len(self._crop), size=size // 3)
        crop = self._crop[first]
        same = self._of_person.one_of(self._person[crop], rng)
        alike = self._neighbours[crop, rng.integers(self._neighbours.shape[1], size=len(crop))]
        return np.concatenate([first, *(self._views.one_of(each, rng) for each in (same, alike))])


class _Members:
    """The rows of each group, of ``group`` [N], whose numbers are found again."""

    def __init__(self, group: Rows):
        self._order = np.argsort(group, kind="stable")
        self._names, count = np.unique(group, return_counts=True)
        self._count, self._first = count, np.cumsum(count) - count

    def one_of(self, groups: Rows, rng: Generator) -> Rows:
        """A row of each of the ``groups`` [K]."""
        place = np.searchsorted(self._names, groups)
        within = (rng.random(len(groups)) * self._count[place]).astype(np.int64)
        return self._order[self._first[place] + within]


def _neighbours(codes: NDArray[np.float32], person: Rows, rng: Generator) -> Rows:
    """[N, up to NEIGHBOURS], of each crop with ``codes`` [N, E]."""
    codes = codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-6)
    count = len(codes)
    among = rng.choice(count, min(AMONG, count), replace=False)
    kept = min(NEIGHBOURS, len(among) - 1)
    found = []
    for first in range(0, count, PART):
        alike = codes[first : first + PART] @ codes[among].T
        alike[person[first : first + PART, None] == person[among]] = -2
        found.append(among[np.argpartition(-alike, kept, axis=1)[:, :kept]])
    return np.concatenate(found)
