"""Frames through detector and tracker into outputs, with the time of each step.

>>> run = Run(frames, detector, tracker, [TextOutput(mot_writer("tracks.txt"))])
>>> run.go()
>>> run.frames, run.milliseconds()
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.codes import Codes
from mambatrack.appearance.lifeless import Lifeless
from mambatrack.appearance.sequence_looks import SequenceLooks
from mambatrack.camera.interface import CameraSource, Travel
from mambatrack.camera.transforms import CameraMotion
from mambatrack.detections import Detections
from mambatrack.detectors import Detector
from mambatrack.errors import counted
from mambatrack.runs.run_outputs import Output
from mambatrack.settings import MemoryConfig
from mambatrack.sources.frames import Frame
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks

if TYPE_CHECKING:
    from mambatrack.counting.counter import Counter

STEPS = ("decode", "detect", "predict", "associate", "write")


@dataclass(frozen=True)
class Totals:
    """What a run says about itself.

    milliseconds: per frame, of each of STEPS;  camera: how it moved, "" where nobody said
    appearance: what was looked at, "" where there is no embedder
    """

    name: str
    frames: int
    tracks: int
    fps: float
    milliseconds: dict[str, float]
    camera: str = ""
    appearance: str = ""

    def __str__(self) -> str:
        steps = ", ".join(f"{step} {spent:.2f}" for step, spent in self.milliseconds.items())
        return (
            f"{counted(self.frames, 'frame')}, {counted(self.tracks, 'track')}, "
            f"{self.fps:.1f} frames a second (ms per frame: {steps})"
        ) + "".join(f"; {each}" for each in (self.camera, self.appearance) if each)


class Run:
    """One source from its first frame to its last; its counts are right at any time.

    frames: frames tracked so far;  ids: of the tracks that were confirmed
    seconds: spent in each of STEPS;  elapsed: seconds since go()
    counter: of lines and zones, None where there are none
    camera: what tells how the camera moved, None where nothing does;  travel: what was used of it
    """

    def __init__(
        self,
        source: Iterable[Frame],
        detector: Detector,
        tracker: Tracker,
        outputs: Sequence[Output] = (),
        camera: CameraSource | None = None,
    ):
        self.source, self.detector, self.tracker = source, detector, tracker
        self.camera, self.travel = camera, Travel()
        self._lifeless = Lifeless(detector.names, tracker.config.lifeless_s)
        self.outputs = list(outputs)
        self.frames = 0
        self.ids: set[int] = set()
        self.counter: Counter | None = None
        self.seconds = dict.fromkeys(STEPS, 0.0)
        self._began = time.perf_counter()
        tracker.measure = self._measure
        if tracker.appearance is not None:
            tracker.appearance.measure = self._measure
            self.seconds["look"] = 0.0

    def go(self, report: Callable[[int], None] = lambda frames: None) -> None:
        """Tracks to the end of the source; ``report`` gets the frames done, after each one."""
        self._began = time.perf_counter()
        source = iter(self.source)
        while True:
            with self._measure("decode"):
                frame = next(source, None)
            if frame is None:
                return
            self._step(frame)
            report(self.frames)

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._began

    def fps(self) -> float | None:
        """Frames a second so far."""
        return self.frames / self.elapsed if self.frames else None

    def milliseconds(self) -> dict[str, float]:
        """Milliseconds per frame of each step."""
        return {step: 1000 * spent / max(self.frames, 1) for step, spent in self.seconds.items()}

    def totals(self, name: str = "") -> Totals:
        """The counts so far, under the name of the source."""
        fps, camera = self.fps() or 0.0, str(self.travel) if self.travel.frames else ""
        looks = self.tracker.appearance
        return Totals(
            name, self.frames, len(self.ids), fps, self.milliseconds(), camera,
            "" if looks is None else str(looks),
        )  # fmt: skip

    def _step(self, frame: Frame) -> None:
        with self._measure("detect"):
            detections = self.detector(frame.image, frame.index)
        if frame.image.size:
            self.tracker.image_size = frame.image.shape[1], frame.image.shape[0]
        motion = self._look(frame, detections)
        before = self._within_update()
        with self._measure("associate"):
            tracks = self.tracker.update(detections, frame.time_s, motion, image=frame.image)
        self.seconds["associate"] -= self._within_update() - before
        self._write(frame, tracks)

    def _within_update(self) -> float:
        """Seconds of the steps that an update measures by itself."""
        return self.seconds["predict"] + self.seconds.get("look", 0.0)

    def _look(self, frame: Frame, found: Detections) -> CameraMotion | None:
        """How the camera moved before this frame."""
        if self.camera is None:
            return None
        self.seconds.setdefault("camera", 0.0)
        with self._measure("camera"):
            return self.camera(frame.image, frame.index, found.boxes)

    def _write(self, frame: Frame, tracks: Tracks) -> None:
        # the number in the source, which a range, a stride or a skipped frame sets apart
        tracks = replace(self._lifeless.mark(frame.image, tracks), frame=frame.index)
        with self._measure("write"):
            for output in self.outputs:
                output.write(frame, tracks)
        self.frames += 1
        self.travel.note(tracks.camera, self.tracker.image_size)
        self.ids.difference_update(tracks.known_again)
        self.ids.update(tracks.ids[tracks.observed].tolist())

    @contextmanager
    def _measure(self, step: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] += time.perf_counter() - began


class OfflineRun(Run):
    """A source that is tracked once its last frame was seen, and then read again for the outputs.

    again: opens the source a second time;  memory: as of Tracker
    """

    def __init__(
        self,
        source: Iterable[Frame],
        again: Callable[[], Iterable[Frame]],
        detector: Detector,
        tracker: Tracker,
        outputs: Sequence[Output] = (),
        camera: CameraSource | None = None,
        memory: MemoryConfig | None = None,
    ):
        super().__init__(source, detector, tracker, outputs, camera)
        self._again, self._memory = again, memory
        appearance = tracker.appearance
        self._looks = None if appearance is None else SequenceLooks(appearance)
        self._tracks: list[Tracks] = []

    def go(self, report: Callable[[int], None] = lambda frames: None) -> None:
        """As Run's; ``report`` counts the frames twice, first as they are looked at."""
        from mambatrack.tracking.offline import track_offline

        self._began = time.perf_counter()
        found: list[Detections] = []
        times, cameras = [], []
        for frame in self.source:
            with self._measure("detect"):
                found.append(self.detector(frame.image, frame.index))
            times.append(frame.time_s)
            cameras.append(self._look(frame, found[-1]))
            if self._looks is not None:
                self._looks.note(frame.image, found[-1])
            report(len(found))
        with self._measure("associate"):
            self._tracks = track_offline(
                found, self.tracker.config, self.tracker.image_size, times,
                cameras=cameras, looks=self._looks, memory=self._memory,
            )  # fmt: skip
        for frame, each in zip(self._again(), self._tracks, strict=False):
            self._write(frame, each)
            report(self.frames)

    def codes(self) -> tuple[Codes, Calibration]:
        """What the tracks look like, after go(); and what similarities are worth."""
        if self._looks is None:
            return self.tracker.state.codes(), Calibration()
        return self._looks.codes(self._tracks)
