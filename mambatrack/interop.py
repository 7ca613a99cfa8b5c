"""Detections and tracks in the shapes of other libraries, none of which is needed or imported
before it is asked for.

>>> found = model_of_supervision(image)                     # supervision.Detections
>>> tracks = tracker.update(found)                          # taken as they are
>>> with_tracker_ids(found, tracks)                         # theirs, masks and data included
>>> to_supervision(tracks, predicted=True)                  # ours, hidden objects included

>>> tracker = BoxmotTracker()                               # in place of one of boxmot
>>> tracker.update(boxes, image)                            # (N, 6) -> (M, 8)
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.class_names import class_name
from mambatrack.config import Config, TrackerConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.motion.predictor import Predictor
from mambatrack.outputs.lines import STATE_NAMES
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracks import Tracks, TrackState


def from_supervision(detections: Any) -> Detections:
    """Any object with xyxy [N, 4], confidence [N] or None and class_id [N] or None, checked.

    Tracker.update does this itself. Raises MambatrackError for an object of another kind.
    """
    if not (hasattr(detections, "xyxy") and hasattr(detections, "confidence")):
        raise MambatrackError(
            f"expected an object with xyxy and confidence, as supervision.Detections, found "
            f"{type(detections).__name__}"
        )
    return as_detections(detections)


def to_supervision(tracks: Tracks, names: Sequence[str] = (), predicted: bool = False) -> Any:
    """-> supervision.Detections of the tracks that are seen, by id; with their ids.

    names: of the classes, for data["class_name"]; else those that the tracker was told
    predicted: also the boxes of hidden objects
    data has state ("observed", "predicted"), gap [M], spread [M, 4] and det_ind [M] as Tracks says.
    """
    try:
        from supervision import Detections as Theirs
    except ImportError:
        raise MissingExtra("supervision", "supervision", "to_supervision") from None
    shown = tracks.select(tracks.observed | (tracks.predicted & predicted))
    states = [STATE_NAMES[TrackState(state)] for state in shown.state.tolist()]
    names = names or shown.class_names
    classes = [class_name(names, label) for label in shown.labels.tolist()]
    return Theirs(
        xyxy=shown.boxes.copy(),
        confidence=shown.scores.copy(),
        class_id=shown.labels.copy(),
        tracker_id=shown.ids.copy(),
        data={
            "class_name": np.array(classes, dtype=str),
            "state": np.array(states, dtype=str),
            "gap": shown.gap.copy(),
            "spread": shown.spread.copy(),
            "det_ind": shown.det_ind.copy(),
        },
    )


def with_tracker_ids(detections: Any, tracks: Tracks) -> Any:
    """Those of the caller's supervision.Detections that are tracks now, by id, as a new object of
    the same class: their boxes, masks and data, and tracker_id, an empty integer array where
    nothing is tracked.

    tracks: what Tracker.update gave for the same detections
    """
    seen = tracks.select(tracks.observed)
    chosen = detections[seen.det_ind]
    chosen.tracker_id = seen.ids.copy()
    return chosen


class BoxmotTracker:
    """A Tracker with the method that boxmot's have; arguments as Tracker's.

    What is hidden is left out, as there; ``tracks`` is the whole result of the last frame.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        image_size: tuple[int, int] | None = None,
        predictor: Predictor | None = None,
    ):
        self.tracker = Tracker(config, image_size, predictor)
        self.tracks: Tracks | None = None

    def update(
        self, dets: Any, img: NDArray | None = None, timestamp_s: float | None = None
    ) -> NDArray[np.float64]:
        """[N, 6] x1 y1 x2 y2 conf cls, or None -> [M, 8] x1 y1 x2 y2 id conf cls det_ind, M <= N.

        img: [H, W, ...], only its size is used. timestamp_s: of the frame, in seconds
        """
        if img is not None and img.ndim >= 2 and img.size:
            self.tracker.image_size = img.shape[1], img.shape[0]
        self.tracks = self.tracker.update(dets, timestamp_s)
        seen = self.tracks.select(self.tracks.observed)
        columns: list[NDArray] = [seen.ids, seen.scores, seen.labels, seen.det_ind]
        return np.concatenate([seen.boxes, np.stack(columns, 1)], axis=1, dtype=np.float64)

    def reset(self) -> None:
        """Forgets every track; ids begin at 1 again."""
        self.tracker.reset()
        self.tracks = None
