"""Second thoughts: when a lost track is found again, its gap is filled from both of its ends.

>>> reviser = Reviser(on_revise=[print])
>>> for detections in video:
...     reviser.update(tracker.update(detections))

or, with everything N frames late and in its final version:

>>> delayed = DelayedTracks(lag=30)
>>> for detections in video:
...     for tracks in delayed.update(tracker.update(detections)):
...         writer.write(tracks)
>>> for tracks in delayed.finish():
...     writer.write(tracks)
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.scene import Scene, moved_by_frame, without_cut
from mambatrack.camera.transforms import IDENTITY, Transform
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import Filled, Gap, GapFiller, shipped_filler
from mambatrack.tracks import Tracks

KEPT = 4096  # frames
WAIT = 2  # frames; later ones hardly change a gap any more (docs/experiments/filled_gaps.py)
NEVER = -1


@dataclass(frozen=True, eq=False)
class Revision:
    """Where a track was while it was not seen, as known now.

    id: of the track; frames [G] int64: the gap, as in Tracks.frame; boxes [G, 4] float32 xyxy
    pixels; spread [G, 4] float32: as in Tracks, of (cx, cy, w, h) in pixels
    """

    id: int
    frames: NDArray[np.int64]
    boxes: NDArray[np.float32]
    spread: NDArray[np.float32]

    @property
    def gap(self) -> int:
        """Number of frames."""
        return len(self.frames)


@dataclass(frozen=True)
class Returned:
    """A memory knows somebody again: from frame ``first`` on, track ``was`` has been track ``id``,
    as it is called from ``frame`` on."""

    id: int
    was: int
    first: int
    frame: int


class Reviser:
    """Watches the tracks of every frame and revises each gap once, soon after it is closed.

    wait: frames between the one in which a track is seen again and the revision, which uses what is
    seen in them; 0 revises at once. A track that is lost or ends before is not waited for.
    on_revise: functions that are called with each revision, and with a Returned for each track that
        gets an old id back from a memory
    filler: another network than the shipped one

    Holds the last few boxes of the tracks that are alive; of a camera that moves also the last KEPT
    views, as gaps are filled in the picture of the first frame.
    """

    def __init__(
        self,
        wait: int = WAIT,
        on_revise: Iterable[Callable[[Revision | Returned], object]] = (),
        filler: GapFiller | None = None,
    ):
        if wait < 0:
            raise MambatrackError(f"wait is {wait}; expected a number of frames from 0 on")
        self.wait, self.on_revise = wait, list(on_revise)
        self._filler = filler or shipped_filler()
        self.reset()

    def reset(self) -> None:
        """Forgets all tracks, as Tracker.reset does."""
        self._frame = NEVER
        self._scene, self._views = Scene(), dict[int, Transform]()
        self._ids = np.zeros(0, np.int64)
        kept = self._filler.q + self.wait + 1  # boxes, the newest last
        self._boxes = np.zeros((0, kept, 4), np.float32)
        self._frames = np.zeros((0, kept), np.int64)
        self._counts = np.zeros(0, np.int64)
        self._first = np.zeros(0, np.int64)  # frame in which the track was put out first
        self._found = np.zeros(0, np.int64)  # frame in which a gap not yet revised ended, or NEVER

    def update(self, tracks: Tracks, oldest: int | None = None) -> list[Revision]:
        """Takes the tracks of the next frame; returns the revisions that are due, by id, after
        calling ``on_revise`` with each.

        oldest: gaps that begin in this frame or before are not waited for
        Raises MambatrackError where frames do not ascend.
        """
        if tracks.frame <= self._frame:
            raise MambatrackError(
                f"frame {tracks.frame} comes after frame {self._frame}; call reset() between videos"
            )
        self._frame = tracks.frame
        self._look(tracks)
        closed = self._rename(tracks.known_again)
        closed += self._gaps(~np.isin(self._ids, tracks.ids))
        self._follow(tracks.ids)
        seen = tracks.gap == 0
        last = self._frames[:, -1]
        again = seen & (self._counts > 0) & (last < tracks.frame - 1)
        closed += self._gaps(again)
        self._found[again] = tracks.frame
        self._remember(np.flatnonzero(seen), tracks)
        due = tracks.frame - self._found >= self.wait
        if oldest is not None:
            due |= self._starts() <= oldest
        return self._revise(closed + self._gaps(due))

    def finish(self) -> list[Revision]:
        """The revisions that were still waited for; at the end of a video."""
        return self._revise(self._gaps(np.ones(len(self._ids), bool)))

    def _look(self, tracks: Tracks) -> None:
        """Notes what the camera shows in this frame."""
        self._scene.note(without_cut(tracks.camera))
        if self._scene.shown is not IDENTITY:
            self._views[tracks.frame] = self._scene.shown
            if len(self._views) > KEPT:
                del self._views[next(iter(self._views))]

    def _rename(self, again: dict[int, int]) -> list[tuple[int, Gap]]:
        """Tracks go on under the ids that they have again; those that were hidden under them until
        now are over -> their gaps."""
        if not again:
            return []
        over = np.isin(self._ids, list(again.values()))
        closed = self._gaps(over)
        self._follow(self._ids[~over])
        for row in np.flatnonzero(np.isin(self._ids, list(again))).tolist():
            was, first = int(self._ids[row]), int(self._first[row])
            self._ids[row] = again[was]
            for call in self.on_revise:
                call(Returned(again[was], was, first, self._frame))
        return closed

    def _follow(self, ids: NDArray[np.int64]) -> None:
        """Brings the rows into the order of ``ids``: new ones are empty, others are gone."""
        if np.array_equal(ids, self._ids):
            return
        where = {identity: row for row, identity in enumerate(self._ids.tolist())}
        rows = np.array([where.get(identity, -1) for identity in ids.tolist()], np.int64)
        old = rows >= 0
        empty = {"_boxes": 0, "_frames": 0, "_counts": 0, "_found": NEVER, "_first": self._frame}
        for name, nothing in empty.items():
            before = getattr(self, name)
            after = np.full((len(ids), *before.shape[1:]), nothing, before.dtype)
            after[old] = before[rows[old]]
            setattr(self, name, after)
        self._ids = ids.copy()

    def _remember(self, rows: NDArray[np.int64], tracks: Tracks) -> None:
        self._boxes[rows, :-1] = self._boxes[rows, 1:]
        self._frames[rows, :-1] = self._frames[rows, 1:]
        self._boxes[rows, -1] = xyxy_to_cxcywh(self._scene.boxes_then(tracks.boxes[rows]))
        self._frames[rows, -1] = tracks.frame
        self._counts[rows] = np.minimum(self._counts[rows] + 1, self._frames.shape[1])

    def _starts(self) -> NDArray[np.int64]:
        """[M] first frame of each gap that is not yet revised; meaningless where there is none."""
        before = np.where(self._frames < self._found[:, None], self._frames, NEVER)
        return before.max(axis=1, initial=NEVER) + 1

    def _gaps(self, rows: NDArray[np.bool_]) -> list[tuple[int, Gap]]:
        """Ids and gaps of the ``rows`` [M] that have one; they are then done with."""
        gaps = []
        for row in np.flatnonzero(rows & (self._found != NEVER)):
            held = slice(self._frames.shape[1] - self._counts[row], None)
            frames, boxes = self._frames[row, held], self._boxes[row, held]
            after = frames >= self._found[row]
            gap = Gap(frames[~after], boxes[~after], frames[after], boxes[after])
            gaps.append((int(self._ids[row]), gap))
            self._found[row] = NEVER
        return gaps

    def _revise(self, gaps: list[tuple[int, Gap]]) -> list[Revision]:
        if not gaps:
            return []
        gaps.sort(key=lambda each: each[0])
        filled = self._filler([gap for _, gap in gaps])
        revisions = [
            self._revision(identity, each) for (identity, _), each in zip(gaps, filled, strict=True)
        ]
        for revision in revisions:
            for call in self.on_revise:
                call(revision)
        return revisions

    def _revision(self, identity: int, filled: Filled) -> Revision:
        """What fills a gap, where its frames show it."""
        boxes, spread = filled.boxes, filled.spread
        if self._views:
            views = {frame: self._views.get(frame, IDENTITY) for frame in filled.frames.tolist()}
            boxes, sides = moved_by_frame(views, filled.frames, boxes)
            spread = spread * sides
        return Revision(identity, filled.frames, cxcywh_to_xyxy(boxes), spread)


class DelayedTracks:
    """Tracks ``lag`` frames late, with the gaps that are closed by then filled from both ends, and
    under the old ids of those whom a memory knows again by then.

    A filled box stays PREDICTED, with its new box and spread. A gap longer than the lag has left in
    part when it is closed, and stays as it was predicted.
    """

    def __init__(self, lag: int, reviser: Reviser | None = None):
        if lag < 1:
            raise MambatrackError(f"lag is {lag}; expected a number of frames from 1 on")
        self.lag, self.reviser = lag, reviser or Reviser()
        self._waiting: deque[Tracks] = deque()

    def update(self, tracks: Tracks) -> list[Tracks]:
        """Takes the tracks of the next frame; returns those that are final now, none or one."""
        again = tracks.known_again
        self._waiting = deque(each.renamed(again) for each in self._waiting)
        self._waiting.append(tracks)
        leaves = len(self._waiting) > self.lag
        oldest = self._waiting[0].frame if leaves else None
        self._apply(self.reviser.update(tracks, oldest))
        return [self._waiting.popleft()] if leaves else []

    def finish(self) -> list[Tracks]:
        """All frames that are still held back, at the end of a video."""
        self._apply(self.reviser.finish())
        left = list(self._waiting)
        self._waiting.clear()
        return left

    def _apply(self, revisions: list[Revision]) -> None:
        places = {tracks.frame: place for place, tracks in enumerate(self._waiting)}
        for revision in revisions:
            if revision.frames[0] < self._waiting[0].frame:
                continue
            for number, frame in enumerate(revision.frames.tolist()):
                if (place := places.get(frame)) is not None:
                    self._waiting[place] = _revised(self._waiting[place], revision, number)


def _revised(tracks: Tracks, revision: Revision, number: int) -> Tracks:
    """The tracks with one box of the revision in place."""
    (row,) = np.nonzero((tracks.ids == revision.id) & (tracks.gap > 0))
    boxes, spread = tracks.boxes.copy(), tracks.spread.copy()
    boxes[row], spread[row] = revision.boxes[number], revision.spread[number]
    for array in (boxes, spread):
        array.setflags(write=False)
    return replace(tracks, boxes=boxes, spread=spread)
