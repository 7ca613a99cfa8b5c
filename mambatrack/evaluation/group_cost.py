"""Several cameras: one call of a TrackerGroup beside a call of a Tracker for each."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.peers.synthetic_boxes import SIZE
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, apart, by_frame
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.tracker import Tracker

CAMERAS, OBJECTS = 16, 10
FRAMES = 60
PASSES = 3


@dataclass(frozen=True)
class GroupCost:
    """Milliseconds of CPU time for a frame of every camera, on average."""

    cameras: int
    objects: int
    single_ms: float
    group_ms: float

    @property
    def ratio(self) -> float:
        return self.group_ms / self.single_ms


def group_cost(
    config: TrackerConfig,
    predictor: Predictor,
    cameras: int = CAMERAS,
    objects: int = OBJECTS,
    frames: int = FRAMES,
    passes: int = PASSES,
) -> GroupCost:
    """Both in turn in each pass; of each frame the least time of all passes counts."""
    association = load_association(config)
    videos = [apart(objects, frames, seed).videos[0] for seed in range(cameras)]
    given = list(zip(*map(by_frame, videos), strict=True))
    spent = []
    for _ in range(passes):
        trackers = [Tracker(config, SIZE, predictor, association) for _ in videos]
        group = TrackerGroup(config, cameras, predictor, association)
        for camera in range(cameras):
            group.resize(camera, SIZE)
        spent.append([_frame(trackers, group, found) for found in given])
    single, together = np.min(spent, axis=0)[WARM_UP:].mean(axis=0) / 1e6
    return GroupCost(cameras, objects, float(single), float(together))


def _frame(
    trackers: list[Tracker], group: TrackerGroup, found: tuple[np.ndarray, ...]
) -> tuple[int, int]:
    """Nanoseconds of all single updates, and of the group's."""
    due = {camera: (boxes, None) for camera, boxes in enumerate(found)}

    def each_alone() -> None:
        for tracker, boxes in zip(trackers, found, strict=True):
            tracker.update(boxes)

    return _spent(each_alone), _spent(lambda: group.update(due))


def _spent(work: Callable[[], object]) -> int:
    began = time.thread_time_ns()
    work()
    return time.thread_time_ns() - began
