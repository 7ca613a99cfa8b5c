"""The column "looks" of a table of tracks: what each has looked like so far.

looks [N, E + 5]: the mean of its embeddings, of length 1; their number; how often the track had
been seen at the newest of them; then a doubt whether it went on with another one's place
(doubts.py): the id of that rival, 0 for none; the evidence for it; the looks that it is of. Zeros
for a new track.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Floats, of_length_1
from mambatrack.state_fields import LARGEST_EXACT, Field
from mambatrack.track_table import TrackTable

RATE = 0.1  # of the newest embedding in the mean, at least
KNOWN = 3  # embeddings by which a track is known
FURTHER = 5  # columns behind the mean
MOST_EVIDENCE = 100.0


def looks_size(size: int) -> int:
    """Of the column, for embeddings of this size."""
    return size + FURTHER


class Looks:
    """The column of one table, as views."""

    def __init__(self, table: TrackTable):
        self.table, looks = table, table["looks"]
        self.means = looks[:, :-FURTHER]
        self.counts, self._seen, self.rivals, self.evidence, self.doubtful = looks.T[-FURTHER:]

    @property
    def known(self) -> NDArray[np.bool_]:
        """[N] who was looked at often enough to be known again."""
        return self.counts >= KNOWN

    @property
    def ages(self) -> NDArray[np.float32]:
        """[N] how often each track was seen since its newest embedding."""
        return self.table["hits"] - self._seen

    def note(self, rows: NDArray[np.int64], vectors: Floats) -> None:
        """Tracks ``rows`` [K] look like vectors [K, E] in this frame, before they are observed."""
        rate = np.maximum(1 / (self.counts[rows] + 1), RATE)[:, None]
        means = (1 - rate) * self.means[rows] + rate * vectors
        self.means[rows] = of_length_1(means)
        self.counts[rows] = np.minimum(self.counts[rows] + 1, LARGEST_EXACT)
        self._seen[rows] = self.table["hits"][rows] + 1

    def products(self, rows: NDArray[np.int64], vectors: Floats) -> Floats:
        """[K] similarity of the tracks ``rows`` [K] to vectors [K, E]."""
        return np.einsum("ke,ke->k", self.means[rows], vectors)


def looks_fields(columns: NDArray[np.float32]) -> list[Field]:
    """What the column of a saved state may be."""
    counts, seen, rivals, evidence, doubtful = columns.T[-FURTHER:]
    whole = np.stack([counts, seen, rivals, doubtful])
    return [
        Field("embeddings in looks", columns[:, :-FURTHER], -1.01, 1.01),
        Field("counts in looks", whole, 0, LARGEST_EXACT, whole=True),
        Field("evidence in looks", evidence, -MOST_EVIDENCE, MOST_EVIDENCE),
    ]
