"""What one frame costs: the whole of Tracker.update() on synthetic boxes, without any detector.

>>> report = bench(["mamba", "kalman"], objects=(10, 100))
>>> report.row("kalman", 100).median_ms
"""

import io
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking.tracker import Tracker
from mambatrack.version import VERSION

if TYPE_CHECKING:
    from rich.table import Table

OBJECTS = (10, 30, 100, 300, 1000)
FRAMES = 100
PASSES = 3
WARM_UP = 20  # first frames of a pass, not timed
TRACED = 20  # frames whose memory is traced, after the warm-up
HEADINGS = ("objects", "predictor", "median ms", "p99 ms", "predict ms", "rest ms",
            "us an object", "peak kB", "kept kB", "bytes a track")  # fmt: skip

Frames = list[NDArray[np.float32]]


@dataclass(frozen=True)
class Row:
    """One predictor with one number of objects. Times are CPU time of the thread.

    tracks: live ones, on average
    median_ms, p99_ms: of update(), over all timed frames of all passes
    predict_ms, rest_ms: median of the prediction of all tracks, and of all else
    peak_kb: median over the frames of the most memory that update() held at once, in kB
    kept_kb: what it left behind in a frame, on average: the result, and the growth of tables
    track_bytes: size of a track's row in the table, the predictor's state included
    """

    predictor: str
    objects: int
    tracks: float
    median_ms: float
    p99_ms: float
    predict_ms: float
    rest_ms: float
    peak_kb: float
    kept_kb: float
    track_bytes: int


@dataclass(frozen=True)
class BenchReport:
    """What bench measured. memory_mb: the most that the process held, libraries included."""

    rows: tuple[Row, ...]
    frames: int
    passes: int
    seed: int
    machine: str
    versions: Mapping[str, str]
    memory_mb: float

    def row(self, predictor: str, objects: int) -> Row:
        """Raises KeyError where that was not measured."""
        found = {(each.predictor, each.objects): each for each in self.rows}
        return found[predictor, objects]

    def tables(self, markdown: bool = False) -> "list[Table]":
        """For rich.print: one table, the numbers of objects apart."""
        from rich import box
        from rich.table import Table

        table = Table(
            title=None if markdown else "Tracker.update(), CPU time of one thread",
            caption=None if markdown else self.conditions(),
            box=box.MARKDOWN if markdown else box.SIMPLE_HEAD,
            title_justify="left",
            caption_justify="left",
        )
        for number, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="left" if number == 1 else "right", no_wrap=True)
        for objects in dict.fromkeys(each.objects for each in self.rows):
            for row in self.rows:
                if row.objects == objects:
                    table.add_row(*_cells(row))
            if not markdown:
                table.add_section()
        return [table]

    def conditions(self) -> str:
        """Machine, versions and settings in one sentence each."""
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.machine}. {versions}. {date.today().isoformat()}; {self.passes} passes of "
            f"{self.frames} frames, the first {WARM_UP} not timed; seed {self.seed}. The process "
            f"held {self.memory_mb:.0f} MB at most."
        )

    def markdown(self) -> str:
        """The table and its conditions, for a document."""
        from rich.console import Console

        console = Console(width=200, record=True, file=io.StringIO())
        console.print(self.tables(markdown=True)[0])
        lines = [line.strip() for line in console.export_text().splitlines() if line.strip()]
        return "\n".join([*lines, "", self.conditions(), ""])

    def as_json(self) -> dict[str, Any]:
        """Plain values, full precision."""
        return {**asdict(self), "warm_up": WARM_UP, "versions": dict(self.versions)}


def bench(
    predictors: Sequence[str] = ("mamba", "kalman", "still"),
    objects: Sequence[int] = OBJECTS,
    frames: int = FRAMES,
    passes: int = PASSES,
    seed: int = 0,
    config: TrackerConfig | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> BenchReport:
    """Times update() with each predictor and each number of objects.

    predictors: names, or paths of trained .safetensors files; all see the same boxes
    frames: of each pass, from the first; passes: all predictors take turns in each
    config: all other settings of the tracker, the defaults where there is none
    report: called with a line about what runs now
    Raises MambatrackError where a predictor is unknown or a number too small.
    """
    from mambatrack.evaluation.machine import machine
    from mambatrack.evaluation.peers.results import SIZE
    from mambatrack.evaluation.peers.synthetic_boxes import moving_boxes
    from mambatrack.evaluation.peers.worker import memory_mb

    if not predictors or not objects or min(*objects, passes) < 1 or frames <= WARM_UP:
        raise MambatrackError(
            f"nothing to time in {passes} passes of {frames} frames with {list(objects)} objects "
            f"and {len(predictors)} predictors; expected at least 1 of each and "
            f"{WARM_UP + 1} frames"
        )
    config = config or TrackerConfig()
    models = {name: load_predictor(name, SIZE, config.device) for name in predictors}
    rows = []
    for count in objects:
        video = moving_boxes(count, max(frames, WARM_UP + TRACED), seed)
        starts = np.searchsorted(video.detections[:, 0], np.arange(2, video.frames + 1))
        boxes = np.split(video.detections[:, 1:].astype(np.float32), starts)
        spent: dict[str, list[NDArray]] = {name: [] for name in models}
        for number in range(passes):
            report(f"{count} objects, pass {number + 1} of {passes}")
            for name, model in models.items():
                spent[name].append(_time(config, model, boxes[:frames], SIZE))
        rows += [
            _row(name, count, np.concatenate(spent[name]), _trace(config, model, boxes, SIZE))
            for name, model in models.items()
        ]
    versions = {"mambatrack": VERSION, **{each: version(each) for each in ("numpy", "torch")}}
    return BenchReport(
        tuple(rows), frames, passes, seed, machine(), versions, memory_mb=float(memory_mb())
    )


class _Stopwatch:
    """CPU time of the thread in a step of the tracker, as Tracker.measure."""

    nanoseconds = 0

    def __call__(self, step: str) -> "_Stopwatch":
        return self

    def __enter__(self) -> None:
        self._began = time.thread_time_ns()

    def __exit__(self, *_: object) -> None:
        self.nanoseconds += time.thread_time_ns() - self._began


def _time(
    config: TrackerConfig, predictor: Predictor, boxes: Frames, size: tuple[int, int]
) -> NDArray[np.float64]:
    """-> [frames - WARM_UP, 3]: ns in update(), ns of it in the prediction, live tracks."""
    tracker = Tracker(config, size, predictor)
    tracker.measure = predicting = _Stopwatch()
    rows = np.zeros((len(boxes), 3))
    for index, found in enumerate(boxes):
        predicting.nanoseconds = 0
        began = time.thread_time_ns()
        tracks = tracker.update(found)
        rows[index] = time.thread_time_ns() - began, predicting.nanoseconds, len(tracks)
    return rows[WARM_UP:]


def _trace(
    config: TrackerConfig, predictor: Predictor, boxes: Frames, size: tuple[int, int]
) -> tuple[float, float, int]:
    """-> (peak and kept bytes of a frame as in Row, bytes of a track). Python's and numpy's memory
    is traced; what torch holds inside one call is not."""
    tracker = Tracker(config, size, predictor)
    for found in boxes[:WARM_UP]:
        tracker.update(found)
    kept, peaks = [], []
    tracemalloc.start()
    try:
        first = tracemalloc.get_traced_memory()[0]
        for found in boxes[WARM_UP : WARM_UP + TRACED]:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            kept.append(tracker.update(found))
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        growth = (tracemalloc.get_traced_memory()[0] - first) / len(kept)
    finally:
        tracemalloc.stop()
    return float(np.median(peaks)), growth, tracker.state.hypotheses.table.row_bytes


def _row(
    name: str, objects: int, spent: NDArray[np.float64], memory: tuple[float, float, int]
) -> Row:
    total, predict = spent[:, 0] / 1e6, spent[:, 1] / 1e6
    return Row(
        predictor=name,
        objects=objects,
        tracks=float(spent[:, 2].mean()),
        median_ms=float(np.median(total)),
        p99_ms=float(np.percentile(total, 99)),
        predict_ms=float(np.median(predict)),
        rest_ms=float(np.median(total - predict)),
        peak_kb=memory[0] / 1000,
        kept_kb=memory[1] / 1000,
        track_bytes=memory[2],
    )


def _cells(row: Row) -> list[str]:
    from rich.markup import escape

    times = (row.median_ms, row.p99_ms, row.predict_ms, row.rest_ms)
    return [
        str(row.objects),
        escape(row.predictor),
        *(f"{each:.3f}" for each in times),
        f"{1000 * row.median_ms / row.objects:.2f}",
        f"{row.peak_kb:.0f}",
        f"{row.kept_kb:.1f}",
        f"{row.track_bytes:,}",
    ]
