"""Where the tracks of live sources go: the files and windows of each, with its own clock."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.outputs.video import Image, VideoWriter, open_video_writer
from mambatrack.runs.run_outputs import Output
from mambatrack.sources.frames import Frame
from mambatrack.tracks import Tracks

if TYPE_CHECKING:
    from mambatrack.gaps.revisions import DelayedTracks

MOST_FPS = 30.0
LONGEST_S = 2.0  # that a picture stands still in a video
NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


class SourceOutputs:
    """An observer that hands each source's tracks to the outputs of that source."""

    def __init__(self, outputs: Sequence[Sequence[Output]]):
        self._outputs = outputs

    def update(self, update: LiveUpdate) -> None:
        for output in self._outputs[update.source]:
            output.write(update.frame, update.tracks)

    def status(self, source: int, status: SourceStatus) -> None:
        pass

    def close(self) -> None:
        pass


class OnACopy:
    """An output that may draw into the frame, on a frame of its own."""

    def __init__(self, output: Output):
        self._output = output

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._output.write(replace(frame, image=frame.image.copy()), tracks)


class Delayed:
    """Hands every frame on when its tracks are final. pictures: whether the outputs need the
    images, which are held until then"""

    def __init__(self, outputs: Sequence[Output], delayed: "DelayedTracks", pictures: bool):
        self._outputs, self._delayed, self._pictures = outputs, delayed, pictures
        self._held: deque[Frame] = deque()
        self._count = 0  # frames that were dropped are no gap

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self._held.append(frame if self._pictures else replace(frame, image=NO_PICTURE))
        self._hand_on(self._delayed.update(replace(tracks, frame=self._count)))
        self._count += 1

    def close(self) -> None:
        """Hands on what is still held back."""
        self._hand_on(self._delayed.finish())

    def _hand_on(self, final: Sequence[Tracks]) -> None:
        for tracks in final:
            frame = self._held.popleft()
            for output in self._outputs:
                output.write(frame, replace(tracks, frame=frame.index))


class LiveVideo:
    """A video that plays as fast as it happened, of the size of its first picture.

    fps: called for it when the first picture comes

    A picture is repeated until the next one is due, for LONGEST_S at most, so that a lost camera is
    a short stop.
    """

    def __init__(self, path: str | Path, fps: Callable[[], float], overwrite: bool = False):
        self._path, self._ask_fps, self._overwrite = path, fps, overwrite
        self._video: VideoWriter | None = None
        self._last: Image | None = None

    def write(self, image: Image, time_s: float) -> None:
        if self._video is None or self._last is None:
            self._open(image, time_s)
        self._fill(time_s)
        self._last = image

    def close(self) -> None:
        """Writes the newest picture too; the file is playable from then on."""
        if self._video is not None:
            self._fill(self._began + (self._written + 1) / self._fps)
            self._video.close()

    def _open(self, image: Image, now: float) -> None:
        self._fps = min(self._ask_fps(), MOST_FPS)
        size = image.shape[1], image.shape[0]
        self._video = open_video_writer(self._path, self._fps, size, self._overwrite)
        self._began, self._written, self._last = now, 0, image

    def _fill(self, now: float) -> None:
        """Writes the last picture for the time from its own until ``now``."""
        assert self._video is not None and self._last is not None
        due = round((now - self._began) * self._fps) - self._written
        most = round(LONGEST_S * self._fps)
        if due > most:
            self._began += (due - most) / self._fps
            due = most
        for _ in range(due):
            self._video.write(self._last)
            self._written += 1
