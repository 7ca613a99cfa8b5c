"""Several trackers on one model: each has its own ids, all share every call of a network.

>>> group = TrackerGroup(config, 2)
>>> group.update({0: (detections, time_s), 1: (others, time_s)})    # {0: Tracks, 1: Tracks}
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from mambatrack.association.learned import LearnedAssociation, load_association
from mambatrack.boxes import Boxes
from mambatrack.config import Config, TrackerConfig
from mambatrack.motion.loading import load_predictor
from mambatrack.tracking.hypotheses import go_on
from mambatrack.tracking.tracker import Tracker, step_together
from mambatrack.tracks import Tracks


class TrackerGroup:
    """``count`` trackers, numbered from 0, whose results are those of trackers on their own.

    The networks are loaded once, and called once for all trackers that are due; the motion model
    once more for each further frame that any of them has to go (Tracker, Time). Where many tracks
    come together (joint_association.LARGE), motion model and encoder are called for each tracker.
    """

    def __init__(self, config: Config | TrackerConfig | None = None, count: int = 1):
        settings = config.tracker if isinstance(config, Config) else config or TrackerConfig()
        self.association = load_association(settings)
        # the size of the pictures is not known yet, and replaced in resize()
        predictor = load_predictor(
            settings.predictor, (1, 1), settings.device, settings.straighten_history
        )
        self.trackers = [
            Tracker(settings, None, copy.copy(predictor), self.association) for _ in range(count)
        ]

    def resize(self, index: int, image_size: tuple[int, int]) -> None:
        """The frames of tracker ``index`` are of this (width, height) from now on."""
        tracker = self.trackers[index]
        tracker.image_size = image_size
        if tracker.predictor.image_size is not None:
            tracker.predictor.image_size = image_size

    def update(self, due: Mapping[int, tuple[Any, float | None]]) -> dict[int, Tracks]:
        """Tracker.update of those trackers that have a frame: their detections and time."""
        pending = [
            (self.trackers[index], self.trackers[index].begin(*given))
            for index, given in due.items()
        ]
        self._predict({index: each.span for index, (_, each) in zip(due, pending, strict=True)})
        if isinstance(self.association, LearnedAssociation):
            occasions = [tracker.occasion(each) for tracker, each in pending]
            kept = go_on(self.association, occasions)
            results = [
                tracker.adopt(each, own) for (tracker, each), own in zip(pending, kept, strict=True)
            ]
        else:
            results = [tracker.finish(each) for tracker, each in pending]
        return dict(zip(due, results, strict=True))

    def _predict(self, spans: Mapping[int, int]) -> None:
        """All tracks of each tracker, its span of frames on."""
        predicted: dict[int, list[tuple[Boxes, Boxes]]] = {}
        for number in range(max(spans.values(), default=0)):
            for alike in self._alike(index for index, span in spans.items() if span > number):
                tables = [self.trackers[index].tables for index in alike]
                parts = iter(step_together(self.trackers[alike[0]].predictor, sum(tables, [])))
                predicted |= {
                    index: [next(parts) for _ in own]
                    for index, own in zip(alike, tables, strict=True)
                }
        for index, parts_of in predicted.items():
            for table, (boxes, spread) in zip(self.trackers[index].tables, parts_of, strict=True):
                table.predict(boxes, spread, spans[index])

    def _alike(self, indices: Iterable[int]) -> list[list[int]]:
        """Those that one call can predict: all, but for a predictor that measures in images."""
        alike: dict[Any, list[int]] = {}
        for index in indices:
            alike.setdefault(self.trackers[index].predictor.image_size, []).append(index)
        return list(alike.values())
