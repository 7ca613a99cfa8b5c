"""The protocol of motion models: a function of state that owns no track."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes

State = NDArray[np.float32]


class Predictor(Protocol):
    """Motion of many tracks at once; every method is one batched call and changes no argument."""

    state_size: int

    def start(self, boxes: Boxes) -> State:
        """First observed boxes [N, 4] -> state [N, S]."""
        ...

    def predict(self, state: State) -> tuple[Boxes, Boxes, State]:
        """state [N, S] -> boxes [N, 4] one frame on, their spread [N, 4] (cx, cy, w, h in pixels;
        as within a standard deviation, 68 % of the true values are nearer), and the state with that
        prediction taken as what happened."""
        ...

    def correct(self, state: State, boxes: Boxes) -> State:
        """State after predict() [N, S] and what was observed instead [N, 4] -> state [N, S]."""
        ...


def spread_after(measured: Boxes, gaps: NDArray, boxes: Boxes) -> Boxes:
    """measured [H, 4] after 1..H frames, as a share of the size; gaps [N] frames -> [N, 4] pixels.

    Grows as measured, and beyond the longest measured gap with its square root.
    """
    horizon = len(measured)
    spread: Boxes = measured[np.minimum(gaps, horizon).astype(np.int64) - 1] * own_size(boxes)
    if gaps.max(initial=0) > horizon:
        spread *= np.sqrt(np.maximum(gaps / horizon, 1, dtype=np.float32))[:, None]
    return spread


def own_size(boxes: Boxes) -> Boxes:
    """cxcywh [N, 4] -> the size that each coordinate is measured by: (w, h, w, h)."""
    return boxes[:, [2, 3, 2, 3]]
