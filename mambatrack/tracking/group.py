"""Several trackers on one model: each has its own ids, all share every call of a network.

>>> group = TrackerGroup(config, 2)
>>> group.update({0: (detections, time_s), 1: (others, time_s)})    # {0: Tracks, 1: Tracks}
"""

import copy
from collections.abc import Mapping
from typing import Any

from mambatrack.association.interface import Association
from mambatrack.association.loading import load_association
from mambatrack.config import Config, TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.motion.loading import configured_predictor
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking.hypotheses import Settled
from mambatrack.tracking.steps import associate_together, predict_together
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks


class TrackerGroup:
    """``count`` trackers, numbered from 0, whose results are those of trackers on their own.

    config, predictor, association: as of Tracker; all trackers have the same ones

    The networks are loaded once, and called once for all trackers that are due; the motion model
    once more for each further frame that any of them has to go (Tracker, Time), and once for each
    size of picture where its predictions depend on that. Where many tracks come together
    (track_table.SHARED_CALL_TRACKS), motion model and encoder are called for each tracker.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        count: int = 1,
        predictor: Predictor | None = None,
        association: Association | None = None,
    ):
        self.config = config.tracker if isinstance(config, Config) else config or TrackerConfig()
        self.association = association or load_association(self.config)
        # the size of the pictures is not known yet, and replaced in resize()
        predictor = predictor or configured_predictor(self.config, (1, 1))
        self.trackers = [
            Tracker(self.config, None, copy.copy(predictor), self.association) for _ in range(count)
        ]

    def resize(self, index: int, image_size: tuple[int, int]) -> None:
        """The frames of tracker ``index`` are of this (width, height) from now on."""
        self.trackers[index].image_size = image_size

    def update(self, due: Mapping[int, tuple[Any, float | None]]) -> dict[int, Tracks]:
        """Tracker.update of those trackers that have a frame: their detections and time."""
        if not due:
            return {}
        states = {index: self.trackers[index].state for index in due}
        found = {
            index: states[index].admit(as_detections(detections), self.trackers[index].image_size)
            for index, (detections, _) in due.items()
        }
        spans = {
            index: states[index].advance_clock(time_s, self.config)
            for index, (_, time_s) in due.items()
        }
        for index, span in spans.items():
            states[index].hypotheses.end_unseen(span - 1, self.config.max_age)
        self._predict(spans)
        problems = [(states[index].hypotheses, found[index]) for index in due]
        settled = associate_together(self.association, problems, self.config.hypotheses)
        return {
            index: self._settle(self.trackers[index], own, time_s)
            for own, (index, (_, time_s)) in zip(settled, due.items(), strict=True)
        }

    def _predict(self, spans: Mapping[int, int]) -> None:
        """All tracks of each tracker, its span of frames on."""
        alike: dict[Any, list[int]] = {}
        for index in spans:
            alike.setdefault(self.trackers[index].predictor.image_size, []).append(index)
        for indices in alike.values():
            hypotheses = [self.trackers[index].state.hypotheses for index in indices]
            both = zip(hypotheses, (spans[index] for index in indices), strict=True)
            predict_together(self.trackers[indices[0]].predictor, both)

    def _settle(self, tracker: Tracker, settled: list[Settled], time_s: float | None) -> Tracks:
        hypotheses = tracker.state.hypotheses
        hypotheses.observe(settled, tracker.predictor)
        hypotheses.start(settled, tracker.predictor)
        ended = hypotheses.end(self.config.min_hits, self.config.max_age)
        return tracker.state.report(time_s, self.config.min_hits, ended)
