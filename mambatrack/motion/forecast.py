"""Where tracks will be: the motion model run ahead on a copy of its state.

A predictor that is not corrected appends its own prediction to its state; repeating that is the
autoregressive forecast of MambaTrack (section 3.3), which also patches tracks that nobody sees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.errors import MambatrackError
from mambatrack.motion.predictor import Predictor, State

Floats = NDArray[np.float32]
LONGEST = 1000  # frames


@dataclass(frozen=True, eq=False)
class Forecast:
    """The next H frames of all live tracks, from what was known after one update.

    frame:  index of that update, -1 where there was none yet
    ids:    [M] int64, in the order of that update's Tracks
    boxes:  [M, H, 4] float32, xyxy, pixels, not clipped; H counts in frames of the motion model
    spread: [M, H, 4] float32, of (cx, cy, w, h) in pixels, as in Tracks
    """

    frame: int
    ids: NDArray[np.int64]
    boxes: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def horizon(self) -> int:
        return self.boxes.shape[1]


def run_ahead(
    predictor: Predictor, state: State, horizon: int, ids: NDArray[np.int64], frame: int
) -> Forecast:
    """The forecast of the tracks ``ids`` [M], whose state [M, S] was reached in update ``frame``.
    Raises MambatrackError where the horizon is not a number of frames."""
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)):
        raise MambatrackError(f"horizon is {horizon!r}; expected a whole number of frames")
    if not 1 <= horizon <= LONGEST:
        raise MambatrackError(f"horizon is {horizon}; expected 1 to {LONGEST} frames")
    centred, spread = forecast(predictor, state, horizon)
    boxes, ids = cxcywh_to_xyxy(centred), ids.copy()
    for array in (ids, boxes, spread):
        array.setflags(write=False)
    return Forecast(frame, ids, boxes, spread)


def forecast(predictor: Predictor, state: State, horizon: int) -> tuple[Floats, Floats]:
    """Boxes and spread of the next ``horizon`` frames, one batched call per frame.

    state [N, S], which stays as it is -> boxes [N, horizon, 4] cxcywh pixels, spread
    [N, horizon, 4] pixels.
    """
    state = state.copy()
    boxes, spread = np.empty((2, len(state), horizon, 4), np.float32)
    for step in range(horizon if len(state) else 0):
        boxes[:, step], spread[:, step] = predictor.predict(state)
    return boxes, spread
