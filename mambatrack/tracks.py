"""The frozen result of one frame: all live tracks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from itertools import repeat
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.transforms import CameraMotion
from mambatrack.class_names import class_name
from mambatrack.detection_data import each_of, taken
from mambatrack.errors import shown
from mambatrack.html_table import html_table
from mambatrack.kernels.cpu.table import result_attribute
from mambatrack.nearest import TellsNames


class TrackState(IntEnum):
    """What a track's box is based on in the current frame."""

    TENTATIVE = 0  # seen, but not yet often enough to be trusted, or of a thing that is no person
    OBSERVED = 1  # seen: the box is the matched detection's, steadied where that jitters
    PREDICTED = 2  # lost: the box is the motion model's
    ENDED = 3  # not seen for too long, or another track all along; a memory may give the id back


OBSERVED, PREDICTED = TrackState.OBSERVED.value, TrackState.PREDICTED.value  # compared faster
Box = tuple[float, float, float, float]


def renamed_rows(
    ids: NDArray[np.int64], again: Mapping[int, int], hidden: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """ids [M], those of ``again`` under their others -> [K], ascending, and the rows [K] that they
    are of. Where both are there, the one that is not hidden stays, or else the one renamed."""
    new = np.array([again.get(each, each) for each in ids.tolist()], np.int64)
    worse = np.zeros(len(ids), bool) if hidden is None else hidden
    order = np.lexsort((new == ids, worse, new))
    kept, first = np.unique(new[order], return_index=True)
    return kept, order[first]


@dataclass(frozen=True)
class Track(TellsNames):
    """One live track of one frame, as plain numbers; what they mean is said at Tracks.

    box: x1 y1 x2 y2 in pixels; spread: of cx cy w h in pixels
    data: what came with its detection, by name; nothing where it is hidden. Not compared by ==
    class_name: of its label, whose number stands in where it has no name
    velocity, age, frame_rate: None where the tracks are not a tracker's, but read or drawn up later
    """

    id: int
    box: Box
    state: TrackState
    score: float
    label: int
    gap: int
    spread: Box
    det_ind: int
    data: Mapping[str, Any] = field(default_factory=dict, compare=False)
    velocity: tuple[float, float] | None = None
    age: int | None = None
    class_name: str = ""
    frame_rate: float | None = None

    @property
    def velocity_per_s(self) -> tuple[float, float] | None:
        """(x, y) in pixels per second; None where the frame rate is not known."""
        if self.velocity is None or self.frame_rate is None:
            return None
        return self.velocity[0] * self.frame_rate, self.velocity[1] * self.frame_rate

    @property
    def age_s(self) -> float | None:
        """Seconds since its first detection; None where the frame rate is not known."""
        return None if self.age is None or not self.frame_rate else self.age / self.frame_rate

    def __repr__(self) -> str:
        box = ", ".join(f"{edge:.1f}" for edge in self.box)
        since = f" for {self.gap}" if self.state == TrackState.PREDICTED else ""
        return (
            f"Track(id={self.id}, {self.state.name.lower()}{since}, box=({box}), "
            f"score={self.score:.2f}, class={self.class_name or self.label})"
        )


@dataclass(frozen=True, eq=False)
class Tracks(TellsNames):
    """All live tracks of one frame, as arrays in the same order (ids ascending). == tells whether
    two are one object.

    >>> for track in tracks:                        # a Track each: id, box, state, score, ...
    >>> tracks[0], tracks[tracks.observed]          # a Track; the Tracks that a mask chooses

    frame:   index of the update, from 0
    time_s:  time stamp in seconds, None where the caller gave none
    boxes:   [M, 4] float32, xyxy, pixels, not clipped to the image
    ids:     [M] int64, from 1, never reused
    scores:  [M] float32, of the last matched detection
    labels:  [M] int64, class: the vote of its detections, weighted by score (class_votes.vote)
    state:   [M] uint8, see TrackState
    gap:     [M] int64, frames of the motion model since the track was seen, 0 where it is seen now
    spread:  [M, 4] float32, of (cx, cy, w, h) in pixels: 68 % of the true values are nearer, as
             within a standard deviation of a normal distribution; 0 where seen now
    det_ind: [M] int64, row of the matched detection in the caller's array, -1 where predicted
    ended:   [E] int64, ids of the tracks that ended in this frame
    camera:  how the camera moved since the update before, as far as the tracker used it; None where
             it was not asked to
    data:    what came with the detections, by name: the values of the tracks that have a detection
             in this frame, in their order; a hidden track has none. Of tracks.select(
             tracks.observed) there is one for each
    velocity: [M, 2] float32, of the centre in pixels per frame of the motion model: a running mean
             over the last detections, 0 at the first
    age:     [M] int64, frames of the motion model since the first detection, 0 at the first
    frame_rate: of the motion model per second: the setting, else as the times of the updates have
             it; None where there are none
    class_names: by label, as the tracker was told, else as the detections have them
    returned: [R, 2] int64, with a memory: the id that a track had until this frame, and the one
             that it has again, as it is somebody who left; None without
    surety:  [R] float32, how probable each of ``returned`` is; None without a memory
    velocity and age are None where the tracks are not a tracker's, but read from a file or decided
    when all frames were known.
    """

    frame: int
    time_s: float | None
    boxes: NDArray[np.float32]
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    state: NDArray[np.uint8]
    gap: NDArray[np.int64]
    spread: NDArray[np.float32]
    det_ind: NDArray[np.int64]
    ended: NDArray[np.int64]
    camera: CameraMotion | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    velocity: NDArray[np.float32] | None = None
    age: NDArray[np.int64] | None = None
    frame_rate: float | None = None
    class_names: tuple[str, ...] = ()
    returned: NDArray[np.int64] | None = None
    surety: NDArray[np.float32] | None = None

    @classmethod
    def of_frame(cls, frame: int, time_s: float | None, **fields: Any) -> "Tracks":
        """The same without the constructor, which takes longer: all fields but those that have a
        constant as default."""
        tracks = object.__new__(cls)
        tracks.__dict__.update(fields, frame=frame, time_s=time_s)
        return tracks

    @staticmethod
    def of_columns(given: Mapping[str, Any]) -> "Tracks":
        """of_frame() of all fields but those columns that are yet to be made of ``columns``: how
        many tracks, and the piece of result_column."""
        tracks = object.__new__(_OfColumns)
        tracks.__dict__.update(given)
        return tracks

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Track]:
        columns = (
            self.ids, self.boxes, self.state, self.scores, self.labels, self.gap, self.spread,
            self.det_ind,
        )  # fmt: skip
        rows = zip(*(column.tolist() for column in columns), strict=True)
        data = each_of(self.data, len(self))
        moves = repeat(None) if self.velocity is None else map(tuple, self.velocity.tolist())
        ages = repeat(None) if self.age is None else self.age.tolist()
        names, rate = self.class_names, self.frame_rate
        for row, own, move, age in zip(rows, data, moves, ages, strict=False):
            id_, box, state, score, label, gap, spread, det_ind = row
            yield Track(
                id_, tuple(box), TrackState(state), score, label, gap, tuple(spread), det_ind,
                own, move, age, class_name(names, label), rate,
            )  # fmt: skip

    @overload
    def __getitem__(self, chosen: int) -> Track: ...
    @overload
    def __getitem__(self, chosen: slice | list[int] | NDArray) -> "Tracks": ...
    def __getitem__(self, chosen: int | slice | list[int] | NDArray) -> "Track | Tracks":
        """The track at a place, counted from 0 (-1: the last); or those of a slice, mask or
        indices. Raises IndexError where there is none, TypeError for what is none of these."""
        if chosen is None or isinstance(chosen, str | float | tuple):
            raise TypeError(
                f"tracks are chosen by a place, a slice, a mask or places, not by {shown(chosen)}; "
                "by id: tracks[tracks.ids == 7]"
            )
        if not isinstance(chosen, (int, np.integer)):
            return self.select(chosen)
        if not -len(self) <= chosen < len(self):
            raise IndexError(
                f"there is no place {chosen} among {len(self)} tracks; by id: "
                f"tracks[tracks.ids == {chosen}]"
            )
        return next(iter(self.select(np.array([chosen]))))

    def __repr__(self) -> str:
        counts = np.bincount(self.state, minlength=len(TrackState))
        told = [f"{counts[state]} {state.name.lower()}" for state in TrackState if counts[state]]
        if len(self.ended):
            told.append(f"{len(self.ended)} just ended")
        return f"<Tracks of frame {self.frame}: {', '.join(told) or 'none'}>"

    def _repr_html_(self) -> str:
        """A table of the tracks for a notebook."""
        rate = "frame" if self.frame_rate is None else "s"
        columns = ("id", "state", "gap", "box", "class", "score", f"velocity, px/{rate}", "age")
        return html_table(repr(self)[1:-1], columns, [_cells(track) for track in self])

    @property
    def observed(self) -> NDArray[np.bool_]:
        """[M] True where the box was seen in this frame by a confirmed track."""
        return self.state == OBSERVED

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """[M] True where the box is the motion model's."""
        return self.state == PREDICTED

    @property
    def known_again(self) -> dict[int, int]:
        """The id that a track had until this frame -> the one that it has again; see returned."""
        return {} if self.returned is None else dict(self.returned.tolist())

    def renamed(self, again: Mapping[int, int]) -> "Tracks":
        """The same tracks, those of these ids under the others. Where both are there, the one that
        is hidden gives way."""
        if not again or not np.isin(self.ids, list(again)).any():
            return self
        ids, rows = renamed_rows(self.ids, again, self.state == TrackState.PREDICTED)
        return replace(self.select(rows), ids=ids)

    def select(self, chosen: NDArray | list[int] | slice) -> "Tracks":
        """The chosen tracks (mask or indices [M], or a slice)."""
        move, age = self.velocity, self.age
        return Tracks(
            self.frame, self.time_s, self.boxes[chosen], self.ids[chosen], self.scores[chosen],
            self.labels[chosen], self.state[chosen], self.gap[chosen], self.spread[chosen],
            self.det_ind[chosen], self.ended, self.camera, taken(self.data, chosen),
            None if move is None else move[chosen], None if age is None else age[chosen],
            self.frame_rate, self.class_names, self.returned, self.surety,
        )  # fmt: skip

    def to_array(self) -> NDArray[np.float32]:
        """[M, 8] float32: x1 y1 x2 y2 id conf cls det_ind (det_ind is -1 for a predicted box)."""
        columns: list[NDArray] = [self.ids, self.scores, self.labels, self.det_ind]
        return np.concatenate([self.boxes, np.stack(columns, 1)], axis=1).astype(np.float32)


class _OfColumns(Tracks):
    """Those that the C library wrote, whose columns are made when they are asked for."""

    columns: tuple[int, bytes]

    boxes = result_attribute("boxes")
    ids = result_attribute("ids")
    scores = result_attribute("scores")
    labels = result_attribute("labels")
    state = result_attribute("state")
    gap = result_attribute("gap")
    spread = result_attribute("spread")
    det_ind = result_attribute("det_ind")
    velocity = result_attribute("velocity")
    age = result_attribute("age")

    def __reduce__(self) -> tuple[Any, ...]:
        return Tracks, tuple(getattr(self, each.name) for each in fields(Tracks))


def _cells(track: Track) -> tuple[object, ...]:
    """As _repr_html_ of Tracks names the columns; nothing where a number is not known."""
    velocity = track.velocity_per_s or track.velocity or ()
    age = track.age if track.age_s is None else f"{track.age_s:.1f} s"
    return (
        track.id, track.state.name.lower(), track.gap, _listed(track.box), track.class_name,
        f"{track.score:.2f}", _listed(velocity), "" if age is None else age,
    )  # fmt: skip


def _listed(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{number:.1f}" for number in numbers)
