"""Tracks cut where it is not sure who goes on: the setting tracker.caution above 0.

Nothing is decided otherwise for it. A track whose match is not sure enough goes on under a new id,
so a larger caution cuts wherever a smaller one does, and the parts of a track are never less pure
than the track.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.alternatives import surety
from mambatrack.tracking.hypotheses import Hypotheses, Settled
from mambatrack.tracks import Tracks

SUREST = 6.0  # log-odds that caution 1 asks of a match
MOVED_LOG_ODDS = 1.0  # of a track that turns out to be somewhere else than it was put out


@dataclass
class ShownIds:
    """The ids under which the tracks of a table are put out.

    renamed: of each id in the table that was cut the id it has now, and the age of the track then
    closed: ids that were given up in the newest frame
    """

    renamed: dict[int, tuple[int, int]] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)

    def cut(self, hypotheses: Hypotheses, best: Settled, least: float) -> None:
        """Gives new ids to those tracks whose match in ``best``, the likeliest hypothesis, is less
        sure than ``least`` log-odds. To be called before the tracks are moved to their detections.
        """
        (table, _, _, given), (chosen, _), odds = best
        rows = given.tracks[chosen]
        ids, sure = table["ids"][rows], surety(given, odds, chosen)
        moved = np.isin(ids, hypotheses.moved)
        sure[moved] = np.minimum(sure[moved], MOVED_LOG_ODDS)
        self._cut(hypotheses, ids[(sure < least) & np.isin(ids, hypotheses.published)])

    def cut_leapt(self, hypotheses: Hypotheses) -> None:
        """The same of tracks that went on far from where they were, which is never sure. To be
        called after new tracks have started."""
        self._cut(hypotheses, hypotheses.leapt)

    def _cut(self, hypotheses: Hypotheses, old: Indices) -> None:
        """Gives new ids to the tracks with the ids ``old`` in the likeliest table."""
        if not len(old):
            return
        table = hypotheses.table
        ages = table["age"][table["ids"].searchsorted(old)]
        self.closed += self.shown(old).tolist()
        new = hypotheses.take_ids(len(old))
        self.renamed |= zip(
            old.tolist(), zip(new.tolist(), ages.tolist(), strict=True), strict=True
        )

    def shown(self, ids: Indices) -> Indices:
        """[N] under which ids those of the table [N] are put out."""
        return np.array([self.renamed.get(each, (each,))[0] for each in ids.tolist()], np.int64)

    def applied(self, tracks: Tracks) -> Tracks:
        """The tracks of a table as they are put out, with ages since their last cut."""
        if not self.renamed:
            return tracks
        ids = self.shown(tracks.ids)
        ended = np.array([*self.shown(tracks.ended).tolist(), *self.closed], np.int64)
        since = np.array([self.renamed.get(each, (0, 0))[1] for each in tracks.ids.tolist()], int)
        assert tracks.age is not None
        for each in tracks.ended.tolist():
            self.renamed.pop(each, None)
        self.closed = []
        whole = replace(tracks, ids=ids, ended=np.sort(ended), age=tracks.age - since)
        return whole.select(np.argsort(ids))

    def columns(self) -> NDArray[np.int64]:
        """[K, 3] id in the table, id now and age at the cut, as a state keeps them."""
        rows = [(old, *now) for old, now in self.renamed.items()]
        return np.array(rows, np.int64).reshape(-1, 3)
