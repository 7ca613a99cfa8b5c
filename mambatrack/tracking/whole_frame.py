"""Frames in one call of the C library, where nothing is unusual: of the association by overlap with
the Kalman filter. tracker.py says in numpy what a frame does, and takes all other frames."""

from contextlib import AbstractContextManager
from typing import Any

from mambatrack.appearance.appearance import Appearance
from mambatrack.assignment import Indices
from mambatrack.association.crowds import MOST_PAIRS, TILE
from mambatrack.association.interface import Association, Floats
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.pairs import ROUNDS, Pairs, hungarian
from mambatrack.config import TrackerConfig
from mambatrack.detections import PLAIN_LIMITS, Detections
from mambatrack.kernels.cpu.admission import readable
from mambatrack.kernels.cpu.library import wanted
from mambatrack.kernels.cpu.overlap_frame import OverlapFrame, Tracked
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.track_columns import new_stamp
from mambatrack.track_table import NOBODY
from mambatrack.tracking.tracker_state import TrackerState
from mambatrack.tracks import Tracks

Predicting = AbstractContextManager[object]


class WholeFrame:
    """The frames of one tracker with these two."""

    def __init__(
        self, association: OverlapAssociation, predictor: KalmanPredictor, config: TrackerConfig
    ):
        self._config = config
        self._frames = OverlapFrame(
            association.in_c, predictor.in_c, ROUNDS, config.min_hits, config.max_age,
            PLAIN_LIMITS, _solve,
        )  # fmt: skip

    def takes(
        self, state: TrackerState, detections: Any, image_size: tuple[int, int] | None
    ) -> bool:
        """Whether there is nothing to tell of the detections, to compare or to rename. A frame that
        is taken raises no error."""
        hypotheses = state.hypotheses
        return (
            _plain(detections)
            and len(detections) ** 2 <= MOST_PAIRS
            and len(hypotheses.table) <= TILE
            and len(hypotheses.tables) == 1
            and (image_size is None or hypotheses.started > 0)
            and not state.ids.renamed
        )

    def update(
        self,
        state: TrackerState,
        detections: Any,
        time_s: float | None,
        image_size: tuple[int, int] | None,
        class_names: tuple[str, ...],
        predicting: Predicting | None,
    ) -> Tracks | None:
        """Tracker.update of a frame that it takes. predicting: held while the tracks are predicted.
        -> None, and nothing has changed, where a detection is unusable or outside the picture."""
        names: tuple[str, ...] = ()
        if isinstance(detections, Detections):
            detections, names = detections.in_c, detections.class_names
        config, hypotheses, table = self._config, state.hypotheses, state.hypotheses.table
        span = state.span(time_s, config)
        table.reserve(len(detections))
        tracked = Tracked(table.in_c, len(table), table.next_id, table.mixed)
        size = image_size or (0, 0)
        changed = self._frames.run(detections, tracked, span, size, new_stamp(), predicting)
        if changed is None:
            return None
        table.take_over(changed.tracks, changed.next_id, changed.mixed, span)
        ended = NOBODY if changed.ended is None else changed.ended
        hypotheses.take_over(changed.columns["ids"], changed.born, ended)
        state.advance_clock(time_s, config)
        state.camera = None
        state.frame += 1
        return Tracks.of_frame(
            state.frame - 1, time_s, ended=ended, frame_rate=state.frame_rate(config), data={},
            class_names=class_names or names, **changed.columns,
        )  # fmt: skip


def whole_frame(
    association: Association,
    predictor: Predictor,
    appearance: Appearance | None,
    config: TrackerConfig,
) -> WholeFrame | None:
    """None where these have frames that C does not know, and without the library."""
    told = config.camera in ("auto", "boxes") or config.caution > 0
    if told or appearance is not None or not wanted():
        return None
    if type(association) is OverlapAssociation and type(predictor) is KalmanPredictor:
        return WholeFrame(association, predictor, config)
    return None


def _plain(detections: Any) -> bool:
    """Whether nothing is to be told of them, and nothing comes with them."""
    if isinstance(detections, Detections):
        return not detections.dropped and not detections.data
    return readable(detections)


def _solve(tracks: Indices, detections: Indices, similarities: Floats) -> Indices:
    return hungarian(Pairs(tracks, detections, similarities))
