"""Doubts after a crossing: whether two tracks went on with each other's place.

While boxes overlap, clothes are hidden, and motion alone decides who is who. So what a track looked
like before is kept as it was until it is seen clean again: then it looks like itself, or like the
one it met. Where both look like the other, they exchange their places, and each id is where its
clothes are. Two may pass each other behind something that hides both, and their boxes never
overlap: so whoever looks like one nearby rather than like itself is in doubt, too.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.looks import Looks
from mambatrack.association.pairs import candidates
from mambatrack.boxes import Boxes, cxcywh_to_xyxy

CROSSING = 0.25  # IoU of two tracks from which on they may be taken for each other
UNLIKE = 1.5  # log-odds that a look is not of the track itself, from which on it may be of another
LIKE = 4.0  # further than the track itself is another one, nearby, as log-odds: it is suspected
REACH = 2.0  # heights between two that are near
SHARE = 0.5  # of the log-odds of a look, and half, a third ... of later ones, which are much alike
PRIOR = 3.0  # log-odds that a track keeps its place at a crossing
SETTLED = 2.0  # log-odds that a track is itself, at which a doubt is over
FEWEST, MOST = 3, 8  # looks at the two together before they exchange; at one before a doubt is over
# columns of a table that go with the place, not with the id
PLACES = (
    "boxes", "spread", "last", "before", "bends", "means", "scores", "gap", "streak", "det_ind",
    "motion", "memory", "filter", "unfiltered", "stamp",
)  # fmt: skip

Indices = NDArray[np.int64]


class Doubts:
    """Those of one table, in its column "looks"."""

    def __init__(self, looks: Looks):
        self._looks, self._ids = looks, looks.table["ids"]

    @property
    def open(self) -> NDArray[np.bool_]:
        """[N] whose doubts are open."""
        return self._looks.rivals > 0

    def begin(self, boxes: Boxes) -> None:
        """boxes [N, 4] cxcywh of the tracks in this frame: whoever overlaps is in doubt."""
        corners, looks = cxcywh_to_xyxy(boxes), self._looks
        one, other, overlap = candidates(corners, corners)
        near = (one != other) & (overlap >= CROSSING) & looks.known[one] & looks.known[other]
        order = overlap[near].argsort()  # of several the nearest is written last
        one, other = one[near][order], other[near][order]
        rivals = looks.rivals.copy()
        rivals[one] = self._ids[other]
        new = rivals != looks.rivals
        looks.rivals[new], looks.evidence[new], looks.doubtful[new] = rivals[new], 0, 0

    def suspect(
        self, rows: Indices, vectors: Floats, boxes: Boxes, calibration: Calibration
    ) -> None:
        """boxes [N, 4] cxcywh of the tracks in this frame, of which ``rows`` [K] look like vectors
        [K, E]: whoever looks like one nearby rather than like itself is in doubt."""
        looks = self._looks
        own = calibration.log_odds(looks.products(rows, vectors))
        odd = looks.known[rows] & (looks.rivals[rows] == 0) & (own <= -UNLIKE)
        if not odd.any():
            return
        rows, vectors, own = rows[odd], vectors[odd], own[odd]
        apart = np.linalg.norm(boxes[rows, None, :2] - boxes[None, :, :2], axis=2)
        near = apart <= REACH * np.maximum(boxes[rows, None, 3], boxes[None, :, 3])
        told = calibration.log_odds(vectors @ looks.means.T) - own[:, None]
        told[~(near & looks.known)] = -np.inf
        rivals, sure = told.argmax(axis=1), told.max(axis=1) >= LIKE
        rows, rivals = rows[sure], rivals[sure]
        looks.rivals[rows], looks.evidence[rows], looks.doubtful[rows] = self._ids[rivals], 0, 0

    def weigh(self, rows: Indices, vectors: Floats, calibration: Calibration) -> None:
        """Tracks ``rows`` [K], whose doubts are open, look like vectors [K, E] now."""
        looks, rivals = self._looks, self._rivals(rows)
        rows, vectors, rivals = rows[rivals >= 0], vectors[rivals >= 0], rivals[rivals >= 0]
        own, others = looks.products(rows, vectors), looks.products(rivals, vectors)
        told = calibration.log_odds(others) - calibration.log_odds(own)
        looks.evidence[rows] += SHARE * told / (1 + looks.doubtful[rows])
        looks.doubtful[rows] += 1

    def settle(self) -> None:
        """Ends the doubts about tracks that look like themselves, that cannot be told, or whose
        rivals are no more."""
        looks, (rows,) = self._looks, self.open.nonzero()
        if len(rows):
            rivals, (total, _) = self._rivals(rows), self._totals(rows)
            over = (rivals < 0) | (total <= -SETTLED)
            over |= (looks.doubtful[rows] >= MOST) & (total <= PRIOR)
            looks.rivals[rows[over]] = 0

    def exchange(self) -> None:
        """Tracks that look like each other's past exchange their places in the table."""
        (rows,) = self.open.nonzero()
        if not len(rows):
            return
        rivals, (total, count) = self._rivals(rows), self._totals(rows)
        sure = (rivals >= 0) & (total > PRIOR) & (count >= FEWEST)
        left = set(rows[sure].tolist()) | set(rivals[sure].tolist())
        for at in np.flatnonzero(sure)[(-total[sure]).argsort()].tolist():
            pair = [int(rows[at]), int(rivals[at])]
            if left.issuperset(pair):
                left.difference_update(pair)
                self._exchange(pair)

    def _exchange(self, pair: list[int]) -> None:
        for name in filter(self._looks.table.__contains__, PLACES):
            column = self._looks.table[name]
            column[pair] = column[pair[::-1]]
        self._looks.rivals[pair] = 0

    def _rivals(self, rows: Indices) -> Indices:
        """[K] the rows of the rivals, -1 of one that is no more."""
        wanted = self._looks.rivals[rows].astype(np.int64)
        at = np.minimum(self._ids.searchsorted(wanted), len(self._ids) - 1)
        return np.where(self._ids[at] == wanted, at, -1)

    def _totals(self, rows: Indices) -> tuple[Floats, Floats]:
        """[K] the evidence for an exchange, and the number of looks: of both, where each is in
        doubt about the other."""
        looks, rivals = self._looks, self._rivals(rows)
        mutual = (rivals >= 0) & (looks.rivals[rivals] == self._ids[rows])
        return (
            looks.evidence[rows] + np.where(mutual, looks.evidence[rivals], 0),
            looks.doubtful[rows] + np.where(mutual, looks.doubtful[rivals], 0),
        )
