"""Where tracks will be: the motion model run ahead on a copy of its state.

A predictor that is not corrected appends its own prediction to its state; repeating that is the
autoregressive forecast of MambaTrack (section 3.3), which also patches tracks that nobody sees.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.errors import MambatrackError
from mambatrack.motion.predictor import Predictor

Floats = NDArray[np.float32]
LONGEST = 1000  # frames


@dataclass(frozen=True)
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
    step: Callable[[Floats], tuple[Floats, Floats]],
    state: Floats,
    horizon: int,
    ids: NDArray[np.int64],
    frame: int,
) -> Forecast:
    """step: moves a state [M, S] on by one frame in place -> boxes [M, 4] cxcywh and spread. It
    gets a copy. Raises MambatrackError where the horizon is not a number of frames."""
    if isinstance(horizon, bool) or not isinstance(horizon, (int, np.integer)):
        raise MambatrackError(f"horizon is {horizon!r}; expected a whole number of frames")
    if not 1 <= horizon <= LONGEST:
        raise MambatrackError(f"horizon is {horizon}; expected 1 to {LONGEST} frames")
    state, ids = state.copy(), ids.copy()
    boxes, spread = np.empty((2, len(ids), horizon, 4), np.float32)
    for index in range(horizon if len(ids) else 0):
        boxes[:, index], spread[:, index] = step(state)
    boxes = cxcywh_to_xyxy(boxes)
    for array in (ids, boxes, spread):
        array.setflags(write=False)
    return Forecast(frame, ids, boxes, spread)


def forecast(
    predictor: Predictor, state: NDArray[np.float32], horizon: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and spread of the next ``horizon`` frames, one batched call per frame.

    state [N, S] -> boxes [N, horizon, 4] cxcywh pixels, spread [N, horizon, 4] pixels.
    """
    boxes = np.empty((len(state), horizon, 4), np.float32)
    spread = np.empty_like(boxes)
    for step in range(horizon):
        boxes[:, step], spread[:, step], state = predictor.predict(state)
    return boxes, spread
