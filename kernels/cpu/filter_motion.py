"""The Kalman filter in the C library: its state as motion.classical.KalmanPredictor has it."""

import ctypes

import numpy as np

from mambatrack.kernels.cpu.motion import Motion, Moving, TrackMotion
from mambatrack.kernels.cpu.packing import Floats, check_array
from mambatrack.kernels.cpu.table import StateColumns

STATE_SIZE = 20  # FILTER of kalman.h


class Kalman(ctypes.Structure):
    """struct Kalman of kalman.h: standard deviations as shares of a box's size."""

    _names = ("place", "velocity", "first_place", "first_velocity")
    _fields_ = [(name, ctypes.c_float) for name in _names]


class FilterMotion(TrackMotion):
    """KalmanPredictor.predict and correct."""

    def __init__(self, filter_in_c: Kalman):
        self._filter = filter_in_c
        motion = Motion(filter=ctypes.addressof(filter_in_c))
        super().__init__(motion, STATE_SIZE, (filter_in_c,))

    def predict(self, state: Floats) -> tuple[Floats, Floats]:
        count = len(state)
        check_array("state", state, np.float32, (count, STATE_SIZE), True)
        boxes, spread = np.empty((count, 4), np.float32), np.empty((count, 4), np.float32)
        self.predict_tables([Moving(StateColumns(boxes, spread, state), count, 0, False)])
        return boxes, spread

    def predict_listed(self, moved: int, count: int, tracks: int) -> None:
        self._library.predict_filters(self.at, moved, count)
