"""Tracklet patching: what stands in a track's history where nobody saw the object.

A predictor that is not corrected has already appended its own prediction to its state; repeating
that is the autoregressive forecast of MambaTrack, section 3.3. Observed boxes are never altered.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mambatrack.motion.loading import Predictor


def forecast(
    predictor: "Predictor", state: NDArray[np.float32], horizon: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and spread of the next ``horizon`` frames, one batched call per frame.

    state [N, S] -> boxes [N, horizon, 4] cxcywh pixels, spread [N, horizon, 4] pixels.
    """
    boxes = np.empty((len(state), horizon, 4), np.float32)
    spread = np.empty_like(boxes)
    for step in range(horizon):
        boxes[:, step], spread[:, step], state = predictor.predict(state)
    return boxes, spread


def refill(window: NDArray[np.float32], gap: NDArray[np.int64]) -> NDArray[np.float32]:
    """Replaces each row's last ``gap`` predicted boxes by a straight line to the newest box.

    window [N, K, 4], oldest first, newest observed; gap [N], predicted boxes just before it.
    A gap that reaches beyond the window starts from the oldest box that is left.
    """
    last = window.shape[1] - 1
    before = np.maximum(last - 1 - gap, 0)
    start = window[np.arange(len(window)), before]
    steps = np.arange(last + 1) - before[:, None]
    share = (steps / np.maximum(last - before, 1)[:, None])[..., None]
    line = start[:, None] + share * (window[:, -1:] - start[:, None])
    return np.where(steps[..., None] > 0, line, window).astype(np.float32)
