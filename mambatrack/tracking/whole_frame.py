"""Frames in one call of the C library, where nothing is unusual: of the association by overlap with
the Kalman filter. tracker.py says in numpy what a frame does, and takes all other frames."""

from contextlib import AbstractContextManager

from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.assignment import Indices
from mambatrack.association.crowds import MOST_PAIRS, TILE
from mambatrack.association.interface import Association, Floats
from mambatrack.association.overlap import OverlapAssociation
from mambatrack.association.pairs import ROUNDS, Pairs, hungarian
from mambatrack.config import TrackerConfig
from mambatrack.detections import PLAIN_LIMITS, Detections
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.library import wanted
from mambatrack.kernels.cpu.overlap_frame import OverlapFrame, Tracked
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.compiled_predictor import CompiledKalmanPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.track_columns import new_stamp
from mambatrack.track_table import NOBODY
from mambatrack.tracking.tracker_state import TrackerState
from mambatrack.tracks import Tracks

Predicting = AbstractContextManager[object]
KALMAN = KalmanPredictor, CompiledKalmanPredictor


class WholeFrame:
    """The frames of one tracker with these two."""

    def __init__(
        self, association: OverlapAssociation, predictor: KalmanPredictor, config: TrackerConfig
    ):
        self._config = config
        self._frames = OverlapFrame(
            association.in_c, predictor.filter_in_c, ROUNDS, config.min_hits, config.max_age,
            PLAIN_LIMITS, _solve,
        )  # fmt: skip

    def takes(
        self, state: TrackerState, found: NDArray | Detections, image_size: tuple[int, int] | None
    ) -> bool:
        """Whether there is nothing to tell of the detections, to compare or to rename. A frame that
        is taken raises no error. found: as as_given() has it."""
        hypotheses = state.hypotheses
        return (
            not (isinstance(found, Detections) and (found.dropped or found.data))
            and len(found) ** 2 <= MOST_PAIRS
            and len(hypotheses.table) <= TILE
            and len(hypotheses.tables) == 1
            and (image_size is None or hypotheses.started > 0)
            and not state.ids.renamed
        )

    def update(
        self,
        state: TrackerState,
        found: NDArray | Detections,
        time_s: float | None,
        image_size: tuple[int, int] | None,
        class_names: tuple[str, ...],
        predicting: Predicting | None,
    ) -> Tracks | None:
        """Tracker.update of a frame that it takes. predicting: held while the tracks are predicted.
        -> None, and nothing has changed, where a detection is unusable or outside the picture."""
        names: tuple[str, ...] = ()
        rows: NDArray | FoundColumns
        if isinstance(found, Detections):
            rows, names = found.in_c, found.class_names
        else:
            rows = found
        config, hypotheses, table = self._config, state.hypotheses, state.hypotheses.table
        span = state.span(time_s, config)
        table.reserve(len(found))
        tracked = Tracked(table.in_c, len(table), table.next_id, table.mixed)
        size = image_size or (0, 0)
        changed = self._frames.run(rows, tracked, span, size, new_stamp(), predicting)
        if changed is None:
            return None
        table.take_over(changed.tracks, changed.next_id, changed.mixed, span)
        ended = NOBODY if changed.ended is None else changed.ended
        hypotheses.take_over(changed.born, ended)
        state.advance_clock(time_s, config)
        state.camera = None
        state.frame += 1
        return Tracks.of_columns({
            "frame": state.frame - 1, "time_s": time_s, "ended": ended, "data": {},
            "frame_rate": state.frame_rate(config), "class_names": class_names or names,
            "columns": changed.columns,
        })  # fmt: skip


def whole_frame(
    association: Association,
    predictor: Predictor,
    appearance: Appearance | None,
    config: TrackerConfig,
) -> WholeFrame | None:
    """None where these have frames that C does not know, and without the library."""
    if not nothing_told(appearance, config):
        return None
    if not isinstance(predictor, KalmanPredictor) or type(predictor) not in KALMAN:
        return None
    if type(association) is OverlapAssociation:
        return WholeFrame(association, predictor, config)
    return None


def nothing_told(other: object, config: TrackerConfig) -> bool:
    """Whether nobody looks after the camera, no track is cut for caution, nothing ``other`` is
    there, and the C library is."""
    told = config.camera in ("auto", "boxes") or config.caution > 0 or other is not None
    return not told and wanted()


def _solve(tracks: Indices, detections: Indices, similarities: Floats) -> Indices:
    return hungarian(Pairs(tracks, detections, similarities))
