"""One source made into a run: frames, detector, tracker and outputs, opened and closed together.

>>> with open_run(partial(open_frames, "a.mp4"), partial(open_detector, DetectorConfig()),
...               Config(), OutputFiles(mot="a.txt")) as (run, frames):
...     run.go()
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from mambatrack.appearance.embedder import Embedder
from mambatrack.config import Config
from mambatrack.datasets.sequences import Sequence as MotSequence
from mambatrack.detectors import Detector
from mambatrack.embedders.loading import configured_embedder
from mambatrack.errors import MambatrackError
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.outputs.video import open_video_writer
from mambatrack.runs.cameras import open_camera
from mambatrack.runs.output_files import OutputFiles
from mambatrack.runs.run import OfflineRun, Run
from mambatrack.runs.run_outputs import (
    Output,
    Picture,
    PictureOutput,
    no_overlay,
    open_counting,
    text_outputs,
)
from mambatrack.sources.frames import Frame
from mambatrack.sources.sound import Sound
from mambatrack.tracking.tracker import Tracker

if TYPE_CHECKING:
    from mambatrack.counting.output import CountingOutput


class Frames(Protocol):
    """What is tracked: a sources.frames.FrameSource, or SequenceFrames."""

    fps: float
    size: tuple[int, int]
    live: bool
    sound: Sound | None

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


AnyFrames = TypeVar("AnyFrames", bound=Frames)


class SequenceFrames:
    """The frames of a sequence whose detections come from a file; their images are empty."""

    live = False
    sound: Sound | None = None

    def __init__(self, sequence: MotSequence):
        self._sequence, self.fps, self.size = sequence, sequence.fps, sequence.image_size

    def __iter__(self) -> Iterator[Frame]:
        nothing, start = np.zeros((0, 0, 3), np.uint8), self._sequence.start
        for index in range(start, start + self._sequence.frames):
            yield Frame(index, index / self.fps, nothing)

    def close(self) -> None:
        pass


@contextmanager
def open_run(
    open_source: Callable[[], AnyFrames],
    open_detector: Callable[[], Detector],
    config: Config,
    files: OutputFiles,
    show: bool = False,
    forecast: int = 0,
    stride: int = 1,
    name: str | None = None,
    open_embedder: Callable[[], AbstractContextManager[Embedder | None]] | None = None,
) -> Iterator[tuple[Run, AnyFrames]]:
    """The run of a source into its files, and its frames; both closed with the files at the end.

    open_source:   called again where the tracker's settings ask for an offline run
    open_detector: called once the source is open
    show:          in a window too;  forecast: frames ahead that are drawn, 0 for none
    stride:        of the frames in the source, for the speed of the video
    name:          of the source among several, by which files of transforms are found
    open_embedder: entered for the run; None is that of the settings
    """
    with ExitStack() as stack:

        def opened() -> AnyFrames:
            frames = open_source()
            stack.callback(frames.close)
            return frames

        frames = opened()
        if frames.live:
            refuse_offline(config, "a camera or stream")
        camera = open_camera(config.tracker.camera, name)
        if open_embedder is None:
            embedder = configured_embedder(config.appearance)
        else:
            embedder = stack.enter_context(open_embedder())
        detector = open_detector()
        tracker = Tracker(config, image_size=frames.size, embedder=embedder, memory=config.memory)
        run = (
            OfflineRun(frames, opened, detector, tracker, camera=camera, memory=config.memory)
            if config.tracker.offline
            else Run(frames, detector, tracker, camera=camera)
        )
        known = run.codes if isinstance(run, OfflineRun) else None
        run.outputs = text_outputs(files, detector.names, stack, tracker, known)
        counting = open_counting(config.counting, files, detector.names, frames.size, stack)
        if counting is not None:
            run.outputs.append(counting)
            run.counter = counting.counter
        places = _open_places(files, show, frames, stride, stack)
        if places:
            painter = Painter(config.drawing, detector.names, frames.fps / stride)
            run.outputs.append(_drawn(run, places, painter, forecast, counting))
        yield run, frames


def refuse_offline(config: Config, source: str) -> None:
    """Raises MambatrackError where what is tracked as it comes should be tracked offline."""
    if config.tracker.offline:
        raise MambatrackError(
            f"tracker.offline decides after the last frame; {source} has to be tracked as it comes"
        )


def refuse_appearance(config: Config, why: str) -> None:
    """Raises MambatrackError where an embedder is asked for, and there are no pictures for it."""
    if config.appearance.named:
        raise MambatrackError(
            f"the embedder {config.appearance.embedder} looks at pictures, and {why}; leave out "
            "--appearance (appearance.embedder)"
        )


def _open_places(
    files: OutputFiles, show: bool, frames: Frames, stride: int, stack: ExitStack
) -> list[Picture]:
    places: list[Picture] = []
    if files.video is not None:
        fps = frames.fps / stride
        sound = frames.sound if files.sound else None
        video = open_video_writer(files.video, fps, frames.size, files.overwrite, sound)
        places.append(stack.enter_context(video))
    if show:
        from mambatrack.outputs.screen import Window

        places.append(stack.enter_context(closing(Window())))
    return places


def _drawn(
    run: Run, places: list[Picture], painter: Painter, forecast: int,
    counting: "CountingOutput | None",
) -> Output:  # fmt: skip
    ahead = run.tracker.forecast
    overlay = no_overlay if counting is None else counting.draw
    return PictureOutput(
        places, painter, lambda: ahead(forecast) if forecast else None, overlay=overlay
    )
