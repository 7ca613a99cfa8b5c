"""The frozen result of one frame: all live tracks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.transforms import CameraMotion
from mambatrack.detection_data import each_of, taken


class TrackState(IntEnum):
    """What a track's box is based on in the current frame."""

    TENTATIVE = 0  # seen, but not yet often enough to be trusted
    OBSERVED = 1  # seen: the box is the matched detection's
    PREDICTED = 2  # lost: the box is the motion model's
    ENDED = 3  # not seen for too long, or another track all along; the id is never used again


Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Track:
    """One live track of one frame, as plain numbers; what they mean is said at Tracks.

    box: x1 y1 x2 y2 in pixels; spread: of cx cy w h in pixels
    data: what came with its detection, by name; nothing where it is hidden
    """

    id: int
    box: Box
    state: TrackState
    score: float
    label: int
    gap: int
    spread: Box
    det_ind: int
    data: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        box = ", ".join(f"{edge:.1f}" for edge in self.box)
        since = f" for {self.gap}" if self.state == TrackState.PREDICTED else ""
        return (
            f"Track(id={self.id}, {self.state.name.lower()}{since}, box=({box}), "
            f"score={self.score:.2f}, label={self.label})"
        )


@dataclass(frozen=True)
class Tracks:
    """All live tracks of one frame, as arrays in the same order (ids ascending).

    >>> for track in tracks:                        # a Track each: id, box, state, score, ...
    >>> tracks[0], tracks[tracks.observed]          # a Track; the Tracks that a mask chooses

    frame:   index of the update, from 0
    time_s:  time stamp in seconds, None where the caller gave none
    boxes:   [M, 4] float32, xyxy, pixels, not clipped to the image
    ids:     [M] int64, from 1, never reused
    scores:  [M] float32, of the last matched detection
    labels:  [M] int64, class: the vote of its detections, weighted by score (track_table.vote)
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

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Track]:
        columns = (
            self.ids, self.boxes, self.state, self.scores, self.labels, self.gap, self.spread,
            self.det_ind,
        )  # fmt: skip
        rows = (*(column.tolist() for column in columns), each_of(self.data, len(self)))
        for id_, box, state, score, label, gap, spread, row, data in zip(*rows, strict=True):
            yield Track(
                id_, tuple(box), TrackState(state), score, label, gap, tuple(spread), row, data
            )

    @overload
    def __getitem__(self, chosen: int) -> Track: ...
    @overload
    def __getitem__(self, chosen: slice | list[int] | NDArray) -> "Tracks": ...
    def __getitem__(self, chosen: int | slice | list[int] | NDArray) -> "Track | Tracks":
        """The track at a place, counted from 0 (-1: the last); or those of a slice, mask or
        indices. Raises IndexError where there is none."""
        if isinstance(chosen, (int, np.integer)):
            return next(iter(self.select(np.array([chosen]))))
        return self.select(chosen)

    def __repr__(self) -> str:
        counts = np.bincount(self.state, minlength=len(TrackState))
        told = [f"{counts[state]} {state.name.lower()}" for state in TrackState if counts[state]]
        if len(self.ended):
            told.append(f"{len(self.ended)} just ended")
        return f"<Tracks of frame {self.frame}: {', '.join(told) or 'none'}>"

    @property
    def observed(self) -> NDArray[np.bool_]:
        """[M] True where the box was seen in this frame by a confirmed track."""
        return self.state == TrackState.OBSERVED

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """[M] True where the box is the motion model's."""
        return self.state == TrackState.PREDICTED

    def select(self, chosen: NDArray | list[int] | slice) -> "Tracks":
        """The chosen tracks (mask or indices [M], or a slice)."""
        return Tracks(
            self.frame, self.time_s, self.boxes[chosen], self.ids[chosen], self.scores[chosen],
            self.labels[chosen], self.state[chosen], self.gap[chosen], self.spread[chosen],
            self.det_ind[chosen], self.ended, self.camera, taken(self.data, chosen),
        )  # fmt: skip

    def to_array(self) -> NDArray[np.float32]:
        """[M, 8] float32: x1 y1 x2 y2 id conf cls det_ind (det_ind is -1 for a predicted box)."""
        columns: list[NDArray] = [self.ids, self.scores, self.labels, self.det_ind]
        return np.concatenate([self.boxes, np.stack(columns, 1)], axis=1).astype(np.float32)
