"""The column "looks" of a table of tracks: what each has looked like so far.

looks [N, E + 2]: the mean of its embeddings, of length 1; their number; how often the track had
been seen at the newest of them. Zeros for a new track.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Floats
from mambatrack.state_fields import LARGEST_EXACT, Field
from mambatrack.track_table import TrackTable

RATE = 0.1  # of the newest embedding in the mean, at least
FURTHER = 2  # columns


def looks_size(size: int) -> int:
    """Of the column, for embeddings of this size."""
    return size + FURTHER


class Looks:
    """The column of one table, as views."""

    def __init__(self, table: TrackTable):
        self._looks, self._hits = table["looks"], table["hits"]
        self.means = self._looks[:, :-FURTHER]
        self.counts = self._looks[:, -2]

    @property
    def ages(self) -> NDArray[np.float32]:
        """[N] how often each track was seen since its newest embedding."""
        return self._hits - self._looks[:, -1]

    def note(self, rows: NDArray[np.int64], vectors: Floats) -> None:
        """Tracks ``rows`` [K] look like vectors [K, E] in this frame, before they are observed."""
        rate = np.maximum(1 / (self.counts[rows] + 1), RATE)[:, None]
        means = (1 - rate) * self.means[rows] + rate * vectors
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        self._looks[rows, :-FURTHER] = means / np.maximum(lengths, 1e-9)
        self._looks[rows, -2] = np.minimum(self.counts[rows] + 1, LARGEST_EXACT)
        self._looks[rows, -1] = self._hits[rows] + 1


def looks_fields(columns: NDArray[np.float32]) -> list[Field]:
    """What the column of a saved state may be."""
    counts = columns[:, -FURTHER:]
    return [
        Field("embeddings in looks", columns[:, :-FURTHER], -1.01, 1.01),
        Field("counts in looks", counts, 0, LARGEST_EXACT, whole=True),
    ]
