"""What the tracks of a result look like, from the video that was tracked."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.clean import clean
from mambatrack.appearance.codes import TrackCode
from mambatrack.appearance.embedder import Floats, of_length_1
from mambatrack.result_files.read_results import Recording
from mambatrack.sources.frames import Frame

FIRST = 5  # looks that a track gets as soon as it can
AGAIN = 10  # frames after which it is looked at again
KNOWN = 3  # looks after which it is known what a track looks like
APART = 5  # frames between two looks that say how like itself a track is


def look_again(recording: Recording, frames: Iterable[Frame], appearance: Appearance) -> Recording:
    """The same boxes, with the codes of their tracks. frames: of the video, numbered as in the
    result; a track is looked at where nobody covers it."""
    looks = _Looks(recording, appearance)
    for frame in frames:
        if frame.index > recording.frame.max(initial=-1):
            break
        first, last = np.searchsorted(recording.frame, [frame.index, frame.index + 1])
        rows = np.arange(first, last)
        looks.take(frame, rows[recording.seen[rows]])
    return replace(recording, codes=tuple(looks.codes()))


class _Looks:
    """So far: ids [T], means [T, E] of length 1, counts [T] of looks, last [T] frames of them."""

    def __init__(self, recording: Recording, appearance: Appearance):
        self._recording, self._appearance = recording, appearance
        self._ids, self._tracks = np.unique(recording.id, return_inverse=True)
        self._means = np.zeros((len(self._ids), appearance.embedder.size), np.float32)
        self._counts = np.zeros(len(self._ids), np.int64)
        self._last = np.full(len(self._ids), -AGAIN)
        self._calibration = appearance.calibration()

    def take(self, frame: Frame, rows: NDArray[np.int64]) -> None:
        """rows [K] of the recording: who is seen in this frame."""
        tracks = self._tracks[rows]
        due = (self._counts[tracks] < FIRST) | (frame.index - self._last[tracks] >= AGAIN)
        boxes = self._recording.boxes[rows].astype(np.float32)
        (wanted,) = due.nonzero()
        wanted = wanted[clean(boxes, wanted)]
        if not len(wanted) or self._appearance.gave_up:
            return
        vectors, usable = self._appearance.look(frame.image, boxes[wanted])
        self._note(tracks, tracks[wanted[usable]], vectors[usable], frame.index)

    def codes(self) -> Iterable[TrackCode]:
        for track in self._counts.nonzero()[0].tolist():
            (rows,) = (self._tracks == track).nonzero()
            yield TrackCode(
                int(self._ids[track]), int(self._recording.frame[rows[-1]]),
                self._appearance.embedder.name, int(self._counts[track]), self._means[track],
                self._calibration,
            )  # fmt: skip

    def _note(
        self, here: NDArray[np.int64], tracks: NDArray[np.int64], vectors: Floats, frame: int
    ) -> None:
        """here: all tracks in the frame; tracks [K] of them look like vectors [K, E]."""
        known = self._counts >= KNOWN
        alike = np.einsum("ke,ke->k", self._means[tracks], vectors)
        self._calibration.same.note(alike[known[tracks] & (frame - self._last[tracks] >= APART)])
        others = here[known[here]]
        apart = others[:, None] != tracks
        self._calibration.others.note((self._means[others] @ vectors.T)[apart])
        counts = self._counts[tracks]
        means = self._means[tracks] * counts[:, None] + vectors
        self._means[tracks] = of_length_1(means)
        self._counts[tracks], self._last[tracks] = counts + 1, frame
