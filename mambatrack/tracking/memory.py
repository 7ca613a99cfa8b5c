"""Memory: people who come back are known again, and get the id back that they had.

A track that ends goes into a gallery (appearance/gallery.py). One that begins is compared with it
once it was looked at often enough, and with the tracks that are hidden since before it began: who
comes into view again far from where he was expected is not taken for the old track, which waits
for max_age frames. Whether it is one of them follows from the similarities, by the calibration of
the stream, and from how many could be meant.

Trackers that share a memory have one gallery. They know also who is in view elsewhere at the same
time, which may be the same person where their pictures overlap: how often it is, is learnt.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Floats
from mambatrack.appearance.gallery import PREFIX, Gallery, gallery_fault
from mambatrack.appearance.looks import FURTHER, Looks
from mambatrack.appearance.pictures import Pictures
from mambatrack.appearance.returns import similarities_among
from mambatrack.appearance.surety import likeliest, of_people, surety
from mambatrack.errors import MambatrackError
from mambatrack.settings import MemoryConfig
from mambatrack.track_table import TrackTable
from mambatrack.tracking.people import ENOUGH, Hidden, Known, People
from mambatrack.tracks import Tracks

USUAL_RATE = 25.0  # frames a second where no time is known
TOGETHER = 0.4, 20.0  # in view elsewhere, of so many new tracks, before any was seen
RETURNED, SHARE = f"{PREFIX}returned", f"{PREFIX}together"
MEMORY_COLUMNS = RETURNED, SHARE, *(PREFIX + name for name in ("ids", "codes", "seen", "pictures"))
Indices = NDArray[np.int64]
Others = Callable[[], Sequence["Memory"]]


class Returns(NamedTuple):
    """pairs [R, 2]: the id that a track had until now, and the one that it has again
    surety [R]: how probable each is
    over: ids of the table of hidden tracks that were these people, and are no tracks any more"""

    pairs: Indices
    surety: Floats
    over: Indices


NOBODY = Returns(np.zeros((0, 2), np.int64), np.zeros(0, np.float32), np.zeros(0, np.int64))


def nobody() -> Sequence["Memory"]:
    """The others of a memory that is not shared."""
    return ()


class Memory:
    """Of one tracker. returned: of the ids in the table that are somebody's who came back, the ids
    under which they are put out

    gallery: may be that of several trackers, of which this one is number ``source``
    others: gives the memories of the others
    """

    def __init__(
        self, config: MemoryConfig, gallery: Gallery, source: int = 0, others: Others = nobody
    ):
        self.config, self.gallery, self.source, self._others = config, gallery, source, others
        self.calibration = Calibration()  # of the tracker
        self.returned: dict[int, int] = {}
        self.pictures = Pictures() if config.pictures else None
        width = gallery.codes.shape[1]
        self._before = np.zeros(0, np.int64), np.zeros((0, width + FURTHER), np.float32)
        self._seen_s = np.zeros(0)
        self._asked: dict[int, tuple[int, int]] = {}  # embeddings and gallery at the last question
        self._together = np.array(TOGETHER)  # new tracks that were in view elsewhere, and all
        self._probable: dict[int, float] = {}  # by id, that it is in view elsewhere, at the last
        self._here: dict[int, float] = {}  # when each was seen here last, the newest last

    def update(
        self, table: TrackTable, calibration: Calibration, now_s: float, rate: float
    ) -> Returns:
        """After each frame. table: of the likeliest hypothesis; now_s: seconds; rate: frames a
        second."""
        self.calibration = calibration
        self._note_ended(table, now_s)
        self.forget(now_s)
        found = self._ask(table, now_s, rate)
        kept = ~np.isin(table["ids"], found.over)
        self._before = table["ids"][kept], table["looks"][kept]
        self._seen_s = now_s - table["gap"][kept] / rate
        if self._others is not nobody:
            self._note_here(self.shown(table["ids"][table["gap"] == 0]), now_s)
        return found

    def forget(self, now_s: float) -> None:
        """Those whose time is over are deleted; also to be called where no frame comes."""
        self.gallery.forget_before(now_s - self.config.seconds)

    def applied(self, tracks: Tracks, found: Returns) -> Tracks:
        """The tracks as they are put out; found: as update() gave it."""
        if not self.returned:
            return tracks
        ids, ended = self.shown(tracks.ids), np.sort(self.shown(tracks.ended))
        for each in set(self.returned).intersection(tracks.ended.tolist()):
            del self.returned[each]
        known = replace(tracks, ids=ids, ended=ended, returned=found.pairs, surety=found.surety)
        return known.select(ids.argsort())

    def in_view(self) -> People:
        """The tracks that are known by now."""
        (ids, looks), seen = self._before, self._seen_s
        known = looks[:, -FURTHER] >= ENOUGH
        sources = np.full(np.count_nonzero(known), self.source)
        return People(self.shown(ids[known]), looks[known, :-FURTHER], seen[known], sources)

    def columns(self) -> dict[str, NDArray]:
        """As a saved state has it."""
        pairs = np.array(list(self.returned.items()), np.int64).reshape(-1, 2)
        shared = {} if self._others is nobody else {SHARE: self._together.copy()}
        return {**self.gallery.columns(self.source), RETURNED: pairs, **shared}

    def load(self, values: Mapping[str, Any], table: TrackTable, now_s: float | None) -> None:
        """Goes on from a state; one without a gallery begins anew. Raises MambatrackError where it
        is damaged."""
        if f"{PREFIX}ids" in values:
            fault = gallery_fault(values, self.gallery.codes.shape[1])
            fault = fault or _pairs_fault(values, table["ids"]) or _share_fault(values)
            if fault:
                raise MambatrackError(f"this state does not fit: it is with {fault}")
            self.gallery.load(values, self.source)
            self.returned = dict(values[RETURNED].tolist())
            self._together = np.array(values.get(SHARE, TOGETHER))
        self._before = table["ids"].copy(), table["looks"].copy()
        self._seen_s = np.full(len(table), now_s or 0.0)

    def _note_ended(self, table: TrackTable, now_s: float) -> None:
        """Those of the frame before that are no more go into the gallery, if they are known."""
        ids, looks = self._before
        over = ~np.isin(ids, table["ids"])
        for each in ids[over].tolist():
            self._asked.pop(each, None)
            self._note_together(each)
        over &= looks[:, -FURTHER] >= ENOUGH
        if over.any():
            codes, seen = looks[over, :-FURTHER], self._seen_s[over]
            pictures = None if self.pictures is None else self.pictures.take(ids[over])
            self.gallery.add(self.shown(ids[over]), codes, seen, self.source, pictures)
        if self.pictures is not None:
            self.pictures.forget_others(table["ids"])

    def _note_together(self, own: int) -> None:
        """Nothing more will be known of whether this track is somebody in view elsewhere."""
        probable = self._probable.pop(own, None)
        if probable is not None:
            self._together += (probable, 1.0)

    def _note_here(self, ids: Indices, now_s: float) -> None:
        for each in ids.tolist():
            self._here.pop(each, None)
            self._here[each] = now_s
        while self._here and next(iter(self._here.values())) < now_s - self.config.seconds:
            del self._here[next(iter(self._here))]

    def _ask(self, table: TrackTable, now_s: float, rate: float) -> Returns:
        calibration = self.calibration.with_others([each.calibration for each in self._others()])
        looks, found, sureties, over = Looks(table), [], [], []
        hidden = Hidden(looks)
        new = self._new(looks, hidden).tolist()
        rows = np.arange(len(self.gallery) if new else 0)
        among = similarities_among(self.gallery.codes, rows)
        for row in new:
            own = int(table["ids"][row])
            known = self._known(looks, row, hidden.before(row), now_s, rate)
            if not len(known.ids):
                continue
            sure = self._surety(own, known, calibration, among)
            (able,) = (sure >= self.config.surety).nonzero()
            if len(able):  # several are one person, who has the oldest of the ids
                best = able[known.ids[able].argmin()]
                old = int(known.ids[best])
                found.append((own, old))
                sureties.append(sure[best])
                over += self._take_over(own, old, hidden, table)
        pairs = np.array(found, np.int64).reshape(-1, 2)
        return Returns(pairs, np.array(sureties, np.float32), np.array(over, np.int64))

    def _take_over(self, own: int, old: int, hidden: Hidden, table: TrackTable) -> list[int]:
        """Track ``own`` is put out as ``old`` from now on -> the id in the table of the hidden
        track that was, if there is one."""
        self.gallery.forget(np.array([old]))
        (rows,) = (self.shown(table["ids"]) == old).nonzero()
        over = table["ids"][rows].tolist()
        for row, each in zip(rows.tolist(), over, strict=True):
            hidden.drop(row)
            self._forget(each)
        self.returned[own] = old
        self._note_together(own)
        return over

    def _forget(self, own: int) -> None:
        """Track ``own`` is no more."""
        self._asked.pop(own, None)
        self.returned.pop(own, None)
        self._note_together(own)

    def _surety(self, own: int, known: Known, calibration: Calibration, among: Floats) -> Floats:
        """[K] that track ``own`` is the person of each; among: as of surety()."""
        joint = float(self._together[0] / self._together[1])
        here = known.sources == self.source
        sure = surety(calibration, known.similarity, known.together, joint, among, here)
        rows = likeliest(sure)
        here = known.sources[rows, None] == known.sources[rows]
        sure = of_people(sure, rows, known.codes(rows), calibration, among=among, here=here)
        if known.together.any():
            self._probable[own] = min(float(sure[known.together].sum()), 1.0)
        return sure

    def _known(self, looks: Looks, row: int, hidden: Indices, now_s: float, rate: float) -> Known:
        """Who the track ``row`` could be: whoever left before it began, was ``hidden`` (rows)
        since, or is in view elsewhere; nobody who was in view here then."""
        table, live = looks.table, [each.in_view() for each in self._others()]
        born_s, code = now_s - table["age"][row] / rate, looks.means[row]
        parts = [self._gone(), self._waiting(looks, hidden, now_s, rate), *live]
        ids, sources, seen = (
            np.concatenate([getattr(each, name) for each in parts])
            for name in ("ids", "sources", "seen")
        )
        together = seen >= born_s
        able = (seen >= now_s - self.config.seconds) & ~(together & (sources == self.source))
        seen_here = self.shown(np.delete(table["ids"], hidden))
        able &= ~np.isin(ids, [*self._met(born_s), *seen_here])
        (places,) = able.nonzero()
        if live:  # of several of one id the newest
            places = places[seen[places].argsort(kind="stable")[::-1]]
            places = places[np.unique(ids[places], return_index=True)[1]]
        alike = np.concatenate([each.codes @ code for each in parts])
        return Known(ids[places], alike[places], together[places], sources[places], places, parts)

    def _gone(self) -> People:
        """Those who left, in the gallery."""
        kept = self.gallery
        return People(kept.ids, kept.codes, kept.seen, kept.sources)

    def _waiting(self, looks: Looks, hidden: Indices, now_s: float, rate: float) -> People:
        """The ``hidden`` tracks (rows)."""
        table, sources = looks.table, np.full(len(hidden), self.source)
        seen = now_s - table["gap"][hidden] / rate
        return People(self.shown(table["ids"][hidden]), looks.means[hidden], seen, sources)

    def _met(self, since_s: float) -> Indices:
        """Who has been in view here since then, where others share the memory."""
        met = itertools.takewhile(lambda each: each[1] >= since_s, reversed(self._here.items()))
        return np.array([identity for identity, _ in met], np.int64)

    def _new(self, looks: Looks, hidden: Hidden) -> Indices:
        """Rows of tracks that can be compared, and of which or of those whom they can be more is
        known than when they were."""
        others = self._others()
        places = [self.gallery.ids, *(each.in_view().ids for each in others)]
        settled = {*self.returned, *(old for each in others for old in each.returned.values())}
        (able,) = (looks.counts >= ENOUGH).nonzero()
        all_known = sum(int(ids.sum()) for ids in places) + hidden.sums(able)
        rows = []
        for row, of_row in zip(able.tolist(), all_known.tolist(), strict=True):
            own = int(looks.table["ids"][row])
            known = int(looks.counts[row]), of_row
            if own not in settled and of_row and self._asked.get(own) != known:
                self._asked[own] = known
                rows.append(row)
        return np.array(rows, np.int64)

    def shown(self, ids: Indices) -> Indices:
        """Ids of the table -> those under which the tracks are put out."""
        return np.array([self.returned.get(each, each) for each in ids.tolist()], np.int64)


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


def _share_fault(values: Mapping[str, Any]) -> str:
    share = np.asarray(values.get(SHARE, TOGETHER))
    sound = share.shape == (2,) and share.dtype == np.float64
    sound = sound and bool(0 < share[0] <= share[1] < np.inf)
    return "" if sound else f"{SHARE} {share!r:.80}"
