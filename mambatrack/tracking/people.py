"""Who a new track could be: people who left, who are hidden, or who are in view elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.looks import Looks

ENOUGH = 5  # embeddings of a track before it is compared
Indices = NDArray[np.int64]


class People(NamedTuple):
    """ids [K] as put out, codes [K, E], seen [K]: seconds, when each was seen last, by which of the
    sources [K]"""

    ids: Indices
    codes: Floats
    seen: NDArray[np.float64]
    sources: Indices


class Known(NamedTuple):
    """Who could be meant: ids [K], each once; how similar each is [K]; whether it is in view
    elsewhere at the same time, together [K]; the sources [K] that saw each last; places [K] of each
    among the ``parts``"""

    ids: Indices
    similarity: Floats
    together: NDArray[np.bool_]
    sources: Indices
    places: Indices
    parts: Sequence[People]

    def codes(self, rows: Indices) -> Floats:
        """[R, E] of these rows."""
        places, first = self.places[rows], 0
        codes = np.empty((len(rows), self.parts[0].codes.shape[1]), np.float32)
        for part in self.parts:
            inside = (places >= first) & (places < first + len(part.ids))
            codes[inside] = part.codes[places[inside] - first]
            first += len(part.ids)
        return codes


class Hidden:
    """Tracks of one table that are not seen now and known well enough. A new track can be one of
    those that were seen last before it began: then both were never seen together."""

    def __init__(self, looks: Looks):
        table = looks.table
        (self._rows,) = ((looks.counts >= ENOUGH) & (table["gap"] > 0)).nonzero()
        self._ages, self._gaps = table["age"], table["gap"][self._rows]
        self._ids = table["ids"][self._rows]

    def sums(self, rows: Indices) -> Indices:
        """[R] the sums of the ids that each of the tracks ``rows`` can be, which change with
        them."""
        return self._ids @ (self._gaps[:, None] > self._ages[rows])

    def before(self, row: int) -> Indices:
        """The rows [H] of those that the track ``row`` can be."""
        return self._rows[self._gaps > self._ages[row]]

    def drop(self, row: int) -> None:
        """The track of this row is known to go on as another one."""
        kept = self._rows != row
        self._rows, self._gaps, self._ids = self._rows[kept], self._gaps[kept], self._ids[kept]
