"""Several trackers on one model: each has its own ids, all share every call of a network.

>>> group = TrackerGroup(config, 2)
>>> group.update({0: (detections, time_s), 1: (others, time_s)})    # {0: Tracks, 1: Tracks}
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mambatrack.config import Config, TrackerConfig
from mambatrack.learned_association import load_association
from mambatrack.live.joint_association import Occasion, associate_all
from mambatrack.prediction import Boxes, Predictor, State, load_predictor
from mambatrack.tracker import Tracker
from mambatrack.tracks import Tracks
from mambatrack.window_prediction import MambaPredictor

Predicted = dict[int, tuple[Boxes, Boxes]]


class TrackerGroup:
    """``count`` trackers, numbered from 0, whose results are those of trackers on their own.

    The networks are loaded once, and called once for all trackers that are due; the motion model
    once more for each further frame that any of them has to go (Tracker, Time).
    """

    def __init__(self, config: Config | TrackerConfig | None = None, count: int = 1):
        settings = config.tracker if isinstance(config, Config) else config or TrackerConfig()
        self.association = load_association(settings)
        # the size of the pictures is not known yet, and replaced in resize()
        predictor = load_predictor(settings.predictor, (1, 1), settings.device, settings.refill)
        self.trackers = [
            Tracker(settings, None, copy.copy(predictor), self.association) for _ in range(count)
        ]

    def resize(self, index: int, image_size: tuple[int, int]) -> None:
        """The frames of tracker ``index`` are of this (width, height) from now on."""
        tracker = self.trackers[index]
        tracker.image_size = image_size
        if isinstance(tracker.predictor, MambaPredictor):
            tracker.predictor.image_size = image_size

    def update(self, due: Mapping[int, tuple[Any, float | None]]) -> dict[int, Tracks]:
        """Tracker.update of those trackers that have a frame: their detections and time."""
        pending = {index: self.trackers[index].begin(*given) for index, given in due.items()}
        predicted = self._predict({index: each.span for index, each in pending.items()})
        occasions: list[Occasion] = []
        for index, each in pending.items():
            table = self.trackers[index].table
            table.predict(*predicted[index], each.span)
            occasions.append((table, each.found, each.boxes))
        associated = associate_all(self.association, occasions)
        return {
            index: self.trackers[index].conclude(each, whom)
            for (index, each), whom in zip(pending.items(), associated, strict=True)
        }

    def _predict(self, spans: Mapping[int, int]) -> Predicted:
        """Boxes and spread of all tracks of each tracker, its span of frames on."""
        predicted: Predicted = {}
        for step in range(max(spans.values(), default=0)):
            for alike in self._alike(index for index, span in spans.items() if span > step):
                predicted |= self._predict_together(alike)
        return predicted

    def _alike(self, indices: Iterable[int]) -> list[list[int]]:
        """Those that one call can predict: all, but for a predictor that measures in images."""
        alike: dict[Any, list[int]] = {}
        for index in indices:
            predictor = self.trackers[index].predictor
            relative = isinstance(predictor, MambaPredictor) and predictor.unit == "image"
            alike.setdefault(self.trackers[index].image_size if relative else None, []).append(
                index
            )
        return list(alike.values())

    def _predict_together(self, indices: Sequence[int]) -> Predicted:
        """One frame on."""
        if len(indices) == 1:
            return {indices[0]: self.trackers[indices[0]].predict()}
        states = [self.trackers[index].table["motion"] for index in indices]
        bounds = np.cumsum([len(state) for state in states])[:-1]
        boxes, spread, joined = _moved(self.trackers[indices[0]].predictor, np.concatenate(states))
        for state, own in zip(states, np.split(joined, bounds), strict=True):
            state[:] = own
        parts = zip(np.split(boxes, bounds), np.split(spread, bounds), strict=True)
        return dict(zip(indices, parts, strict=True))


def _moved(predictor: Predictor, state: State) -> tuple[Boxes, Boxes, State]:
    if hasattr(predictor, "predict_in_place"):
        return *predictor.predict_in_place(state), state
    return predictor.predict(state)
