"""Memory: people who come back are known again, and get the id back that they had.

A track that ends goes into a gallery (appearance/gallery.py). One that begins is compared with it
once it was looked at often enough. Whether it is one of those who left follows from the
similarities, by the calibration of the stream, and from how many could be meant.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.gallery import PREFIX, Gallery, gallery_fault
from mambatrack.appearance.looks import FURTHER, Looks
from mambatrack.errors import MambatrackError
from mambatrack.settings import MemoryConfig, TrackerConfig
from mambatrack.track_table import TrackTable
from mambatrack.tracks import Tracks

USUAL_RATE = 25.0  # frames a second where no time is known
ENOUGH = 5  # embeddings of a track before it is compared
STRANGERS = 0.5  # share of new tracks that are nobody of the gallery
UNEXPECTED = 1e-4  # share of similarities that are of neither distribution
AGING = 0.8  # factor on log-odds, as people look less like themselves after a while
RETURNED = f"{PREFIX}returned"
MEMORY_COLUMNS = RETURNED, *(PREFIX + name for name in ("ids", "codes", "seen"))
Indices = NDArray[np.int64]


class Memory:
    """Of one tracker. returned: of the ids in the table that are somebody's who came back, the ids
    under which they are put out"""

    def __init__(self, config: MemoryConfig, width: int):
        self.config, self.gallery = config, Gallery(width, config.size)
        self.returned: dict[int, int] = {}
        self._before = np.zeros(0, np.int64), np.zeros((0, width + FURTHER), np.float32)
        self._seen_s = np.zeros(0)
        self._asked: dict[int, tuple[int, int]] = {}  # embeddings and gallery at the last question

    def update(
        self, table: TrackTable, calibration: Calibration, now_s: float, rate: float
    ) -> Indices:
        """After each frame. table: of the likeliest hypothesis; now_s: seconds; rate: frames a
        second. -> [R, 2] the id that each track had until now, and the one that it has again."""
        self._note_ended(table, now_s)
        self.gallery.forget_before(now_s - self.config.seconds)
        found = self._ask(table, calibration, now_s, rate)
        self._before = table["ids"].copy(), table["looks"].copy()
        self._seen_s = now_s - table["gap"] / rate
        return found

    def applied(self, tracks: Tracks, found: Indices) -> Tracks:
        """The tracks as they are put out; found: as update() gave it."""
        if not self.returned:
            return tracks
        ids, ended = self._shown(tracks.ids), np.sort(self._shown(tracks.ended))
        for each in set(self.returned).intersection(tracks.ended.tolist()):
            del self.returned[each]
        return replace(tracks, ids=ids, ended=ended, returned=found).select(ids.argsort())

    def columns(self) -> dict[str, NDArray]:
        """As a saved state has it."""
        pairs = np.array(list(self.returned.items()), np.int64).reshape(-1, 2)
        return {**self.gallery.columns(), RETURNED: pairs}

    def load(self, values: Mapping[str, Any], table: TrackTable, now_s: float | None) -> None:
        """Goes on from a state; one without a gallery begins anew. Raises MambatrackError where it
        is damaged."""
        if f"{PREFIX}ids" in values:
            fault = gallery_fault(values, self.gallery.codes.shape[1])
            fault = fault or _pairs_fault(values, table["ids"])
            if fault:
                raise MambatrackError(f"this state does not fit: it is with {fault}")
            self.gallery.load(values)
            self.returned = dict(values[RETURNED].tolist())
        self._before = table["ids"].copy(), table["looks"].copy()
        self._seen_s = np.full(len(table), now_s or 0.0)

    def _note_ended(self, table: TrackTable, now_s: float) -> None:
        """Those of the frame before that are no more go into the gallery, if they are known."""
        ids, looks = self._before
        over = ~np.isin(ids, table["ids"])
        for each in ids[over].tolist():
            self._asked.pop(each, None)
        over &= looks[:, -FURTHER] >= ENOUGH
        if over.any():
            codes, seen = looks[over, :-FURTHER], self._seen_s[over]
            self.gallery.add(self._shown(ids[over]), codes, seen)

    def _ask(
        self, table: TrackTable, calibration: Calibration, now_s: float, rate: float
    ) -> Indices:
        looks, found = Looks(table), []
        for row in self._new(looks).tolist():
            own = int(table["ids"][row])
            born = now_s - table["age"][row] / rate
            (able,) = (self.gallery.seen < born).nonzero()
            if not len(able):
                continue
            similarity = self.gallery.products(looks.means[row : row + 1])[0, able]
            sure = surety(calibration, similarity)
            best = int(sure.argmax())
            if sure[best] >= self.config.surety:
                old = int(self.gallery.ids[able[best]])
                self.gallery.forget(np.array([old]))
                found.append((own, old))
                self.returned[own] = old
        return np.array(found, np.int64).reshape(-1, 2)

    def _new(self, looks: Looks) -> Indices:
        """Rows of tracks that can be compared, and of which or of the gallery more is known than
        when they were."""
        rows = []
        for row in (looks.counts >= ENOUGH).nonzero()[0].tolist():
            own = int(looks.table["ids"][row])
            known = int(looks.counts[row]), int(self.gallery.ids.sum())
            if own not in self.returned and len(self.gallery) and self._asked.get(own) != known:
                self._asked[own] = known
                rows.append(row)
        return np.array(rows, np.int64)

    def _shown(self, ids: Indices) -> Indices:
        return np.array([self.returned.get(each, each) for each in ids.tolist()], np.int64)


def surety(calibration: Calibration, similarities: Floats) -> Floats:
    """[G] probability that somebody is each of those with these similarities [G], of whom it is one
    at most."""
    odds = AGING * calibration.log_odds(similarities, UNEXPECTED)
    weights = np.exp(odds) * (1 - STRANGERS) / max(len(odds), 1)
    return weights / (STRANGERS + weights.sum())


def _pairs_fault(values: Mapping[str, Any], ids: Indices) -> str:
    pairs: Any = values.get(RETURNED)
    sound = isinstance(pairs, np.ndarray) and pairs.dtype == np.int64
    sound = sound and pairs.ndim == 2 and pairs.shape[1] == 2
    if sound:
        own, again = pairs.T
        put_out = [*again, *ids[~np.isin(ids, own)], *values[f"{PREFIX}ids"]]
        sound = bool(np.isin(own, ids).all()) and len(set(own.tolist())) == len(own)
        sound = sound and len(np.unique(put_out)) == len(put_out)
    return "" if sound else f"{RETURNED} that is no [K, 2] of ids of its tracks, each once"


def checked_memory(
    memory: MemoryConfig | None, config: TrackerConfig, appearance: Appearance | None
) -> MemoryConfig | None:
    """The same, None where it keeps nothing. Raises MambatrackError where there is no embedder, or
    tracks are cut, whose ids a memory would give back."""
    if memory is None or not memory.seconds:
        return None
    if appearance is None:
        raise MambatrackError(
            "a memory (memory.seconds) knows people again by an embedder, and there is none; name "
            "one as --appearance (appearance.embedder)"
        )
    if config.caution > 0:
        raise MambatrackError(
            f"tracker.caution {config.caution:g} cuts tracks, and a memory (memory.seconds) joins "
            "them; use one of the two"
        )
    return memory
