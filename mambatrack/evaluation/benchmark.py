"""What one frame costs: the whole of Tracker.update(), without any detector.

>>> report = bench(["mamba-window", "kalman"], objects=(10, 100), dataset="data/dancetrack/val")
>>> report.row("kalman", "100 objects").median_ms
"""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.arithmetic import limits, measured_peaks
from mambatrack.evaluation.benchmark_report import BenchReport, Row
from mambatrack.evaluation.group_cost import group_cost
from mambatrack.evaluation.machine import load, machine
from mambatrack.evaluation.peers.process import Video
from mambatrack.evaluation.peers.report import generic_path
from mambatrack.evaluation.peers.synthetic_boxes import SIZE
from mambatrack.evaluation.peers.timed_boxes import (
    WARM_UP,
    TimedBoxes,
    apart,
    by_frame,
    meeting,
    real,
)
from mambatrack.evaluation.peers.worker import memory_mb
from mambatrack.evaluation.profile_report import Profile
from mambatrack.evaluation.stage_profile import profile
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking.tracker import Tracker
from mambatrack.version import VERSION

OBJECTS = (10, 30, 100, 300, 1000)
MOST_WHO_MEET = 100
MISSING = 0.1  # share of the objects of a frame that are not found
FRAMES = 100
PASSES = 3
TRACED = 20  # frames whose memory is traced, after the warm-up


def bench(
    predictors: Sequence[str] = ("mamba-window", "mamba", "kalman", "still"),
    objects: Sequence[int] = OBJECTS,
    frames: int = FRAMES,
    passes: int = PASSES,
    seed: int = 0,
    config: TrackerConfig | None = None,
    report: Callable[[str], None] = lambda line: None,
    dataset: str | Path | None = None,
    stages: bool = False,
) -> BenchReport:
    """Times update() with each predictor on painted boxes, and on real ones.

    predictors: names, or paths of trained .safetensors files; all see the same boxes
    objects: painted ones in a frame: apart, and up to MOST_WHO_MEET of them meeting, too
    frames: of each pass, from the first; passes: all predictors take turns in each
    config: all other settings of the tracker, the defaults where there is none
    report: called with a line about what runs now
    dataset: folder of sequences with det/det.txt, whose first frames are timed, beside as many
        painted people who keep apart
    stages: the first predictor is profiled, too
    Raises MambatrackError where a predictor is unknown, a number too small or no box there.
    """
    if not predictors or not objects or min(*objects, passes) < 1 or frames <= WARM_UP:
        raise MambatrackError(
            f"nothing to time in {passes} passes of {frames} frames with {list(objects)} objects "
            f"and {len(predictors)} predictors; expected at least 1 of each and "
            f"{WARM_UP + 1} frames"
        )
    before, config = load(), config or TrackerConfig()
    models = {name: load_predictor(name, SIZE, config.device) for name in predictors}
    timed = boxes_to_time(objects, frames, seed, dataset)
    rows = [row for boxes in timed for row in _measure(config, models, boxes, passes, report)]
    profiled = None
    if stages:
        profiled = _profile(config, predictors[0], models[predictors[0]], timed, report)
    sequences = None if dataset is None else (generic_path(Path(dataset)), len(timed[-1].videos))
    versions = {"mambatrack": VERSION, **{each: version(each) for each in ("numpy", "torch")}}
    return BenchReport(
        rows=tuple(rows), objects=tuple(objects), frames=frames, passes=passes, seed=seed,
        machine=machine(), load=before, versions=versions, memory_mb=memory_mb(),
        dataset=sequences, profile=profiled,
    )  # fmt: skip


def boxes_to_time(
    objects: Sequence[int], frames: int, seed: int, dataset: str | Path | None
) -> list[TimedBoxes]:
    """Painted people apart and meeting, and last those of a data set."""
    found = [] if dataset is None else [real(dataset, frames)]
    as_many = [round(each.people / (1 - MISSING)) for each in found]
    counts = sorted({*objects, *(max(each, 1) for each in as_many)})
    painted = [
        own(count, frames, seed)
        for count in counts
        for own in (apart, meeting)
        if own is apart or (count in objects and count <= MOST_WHO_MEET)
    ]
    return [*painted, *found]


def _measure(
    config: TrackerConfig,
    models: dict[str, Predictor],
    boxes: TimedBoxes,
    passes: int,
    report: Callable[[str], None],
) -> list[Row]:
    """A row for each predictor; in a pass all of them take their turn."""
    spent: dict[str, list[NDArray]] = {name: [] for name in models}
    for number in range(passes):
        report(f"{boxes.name}, pass {number + 1} of {passes}")
        for name, model in models.items():
            once = [_time(config, model, each) for each in boxes.videos]
            spent[name].append(np.concatenate(once))
    return [
        _row(name, boxes, np.array(spent[name]), _trace(config, model, boxes.videos[0]))
        for name, model in models.items()
    ]


def _profile(
    config: TrackerConfig,
    name: str,
    model: Predictor,
    timed: Sequence[TimedBoxes],
    report: Callable[[str], None],
) -> Profile:
    found = []
    for boxes in timed:
        report(f"{boxes.name}, by stage")
        found.append(profile(config, model, boxes))
    peaks = measured_peaks()
    limited = limits(replace(config, predictor=name), found, peaks)
    return Profile(name, tuple(found), tuple(limited), peaks, group_cost(config, model))


class _Stopwatch:
    """CPU time of the thread in a step of the tracker, as Tracker.measure."""

    nanoseconds = 0

    def __call__(self, step: str) -> "_Stopwatch":
        return self

    def __enter__(self) -> None:
        self._began = time.thread_time_ns()

    def __exit__(self, *_: object) -> None:
        self.nanoseconds += time.thread_time_ns() - self._began


def _time(config: TrackerConfig, predictor: Predictor, video: Video) -> NDArray[np.float64]:
    """-> [frames - WARM_UP, 3]: ns in update(), ns of it in the prediction, live tracks."""
    tracker = Tracker(config, video.size, predictor)
    tracker.measure = predicting = _Stopwatch()
    rows = np.zeros((video.frames, 3))
    for index, found in enumerate(by_frame(video)):
        predicting.nanoseconds = 0
        began = time.thread_time_ns()
        tracks = tracker.update(found)
        rows[index] = time.thread_time_ns() - began, predicting.nanoseconds, len(tracks)
    return rows[WARM_UP:]


def _trace(config: TrackerConfig, predictor: Predictor, video: Video) -> tuple[float, float, int]:
    """-> (peak and kept bytes of a frame as in Row, bytes of a track). Python's and numpy's memory
    is traced; what torch holds inside one call is not."""
    tracker, boxes = Tracker(config, video.size, predictor), by_frame(video)
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
    name: str,
    boxes: TimedBoxes,
    spent: NDArray[np.float64],
    memory: tuple[float, float, int],
) -> Row:
    """spent: [passes, frames, 3], as _time() has it of all videos."""
    total, predict = spent[..., 0] / 1e6, spent[..., 1] / 1e6
    return Row(
        predictor=name,
        boxes=boxes.name,
        kind=boxes.kind,
        people=boxes.people,
        tracks=float(spent[..., 2].mean()),
        median_ms=_median_of_least(total),
        p99_ms=float(np.percentile(total, 99)),
        predict_ms=_median_of_least(predict),
        rest_ms=_median_of_least(total - predict),
        peak_kb=memory[0] / 1000,
        kept_kb=memory[1] / 1000,
        track_bytes=memory[2],
    )


def _median_of_least(times: NDArray[np.float64]) -> float:
    """times [passes, frames]: every pass has the same work, so that more is what others cost."""
    return float(np.median(times.min(axis=0)))
