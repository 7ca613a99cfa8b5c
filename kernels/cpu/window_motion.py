"""The window predictor in the C library: its state as motion.window_predictor describes it."""

import numpy as np

from mambatrack.kernels.cpu.motion import Motion, Moving, TrackMotion
from mambatrack.kernels.cpu.network import WindowNetwork
from mambatrack.kernels.cpu.packing import Floats, address, check_array, check_fit
from mambatrack.kernels.cpu.table import StateColumns


class WindowMotion(TrackMotion):
    """WindowPredictor.predict and correct.

    q, seen_q: offsets that the network sees, and of a track seen in the frame before; measured:
    [H, 4], as ``spread`` of WindowPredictor; straighten: as there; scale: [4] pixels per unit of
    offset, None where that is the track's own.
    """

    def __init__(
        self,
        network: WindowNetwork,
        q: int,
        seen_q: int,
        measured: Floats,
        straighten: bool = False,
        scale: Floats | None = None,
    ):
        window, horizon = q + 1, len(measured)
        check_array("measured", measured, np.float32, (max(horizon, 1), 4))
        if scale is not None:
            check_array("scale", scale, np.float32, (4,))
        motion = Motion(
            horizon=horizon, window=window, seen_window=seen_q + 1, straightens=straighten,
            measured=address(measured), scale=None if scale is None else address(scale),
        )  # fmt: skip
        super().__init__(motion, 4 * window + 2, (network, q, seen_q, measured, straighten, scale))
        self._network, self._q = network, q

    def predict(self, state: Floats) -> tuple[Floats, Floats]:
        count = len(state)
        check_array("state", state, np.float32, (count, self.state_size), True)
        boxes, spread = np.empty((count, 4), np.float32), np.empty((count, 4), np.float32)
        self.predict_tables([Moving(StateColumns(boxes, spread, state), count, 0, False)])
        return boxes, spread

    def predict_listed(self, moved: int, count: int, tracks: int) -> None:
        """Raises ValueError, and changes nothing, where a window holds no box of its track."""
        network, q = self._network, self._q
        floats = self._floats.borrow(4 * tracks * (q + 4))
        numbers = self._numbers.borrow(3 * tracks)
        memory = network.scratch.borrow(network.need(q))
        result = self._library.predict_windows(
            self.at, network.at, memory.at, memory.size, moved, count, tracks, floats.at, numbers.at
        )
        network.scratch.give_back(memory)
        self._floats.give_back(floats)
        self._numbers.give_back(numbers)
        check_fit(result)
        if result < 0:
            raise ValueError(f"boxes in the window: from 1 to {q + 1} expected")
