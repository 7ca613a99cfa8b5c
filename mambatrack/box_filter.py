"""A Kalman filter of many boxes at once."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes, as_plausible, own_size
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.kernels.cpu.filter_motion import Kalman
from mambatrack.state_fields import FARTHEST, Field, box_fields

LARGEST_VARIANCE = 1e20  # pixels squared
CORRELATION = 1.001  # the largest of place and velocity, with what rounding adds

State = NDArray[np.float32]


class BoxFilter:
    """Constant velocity on cx, cy, w, h with noise relative to the box size.

    The noise model of DeepSORT (Wojke et al., 2017) in BoT-SORT's coordinates. All matrices are
    diagonal per coordinate, so the 8 x 8 filter falls apart into four of position and velocity:
    state [N, 5, 4] is position, velocity, and the covariances pp, pv, vv of each coordinate. The
    methods are those of a motion model (motion/predictor.py).
    """

    state_size = 20

    def __init__(self, position_weight: float = 1 / 20, velocity_weight: float = 1 / 160):
        self.position_weight = position_weight
        self.velocity_weight = velocity_weight

    @property
    def filter_in_c(self) -> Kalman:
        """The filter for the C library."""
        place, velocity = self.position_weight, self.velocity_weight
        return Kalman(place, velocity, 2 * place, 10 * velocity)

    def start(self, boxes: Boxes) -> State:
        size = own_size(boxes)
        nothing = np.zeros_like(boxes)
        pp = (2 * self.position_weight * size) ** 2
        vv = (10 * self.velocity_weight * size) ** 2
        return self._state(boxes, nothing, pp, nothing, vv)

    def state_fields(self, kept: State) -> list[Field]:
        position, velocity, pp, pv, vv = kept.reshape(-1, 5, 4).transpose(1, 0, 2)
        most = CORRELATION * np.sqrt(np.maximum(pp, 0)) * np.sqrt(np.maximum(vv, 0))
        return [
            *box_fields("motion", position),
            Field("velocities in motion", velocity, -FARTHEST, FARTHEST),
            Field("variances of places in motion", pp, 0, LARGEST_VARIANCE),
            Field("variances of velocities in motion", vv, 0, LARGEST_VARIANCE),
            Field("covariances in motion", pv, -most, most),
        ]

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        position, velocity, pp, pv, vv = state.reshape(-1, 5, 4).transpose(1, 0, 2)
        size = own_size(position)
        moved = as_plausible(position + velocity)
        pp = pp + 2 * pv + vv + (self.position_weight * size) ** 2
        pv = pv + vv
        vv = vv + (self.velocity_weight * size) ** 2
        state[:] = self._state(moved, velocity, pp, pv, vv)
        return moved, np.sqrt(pp)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        seen = state.take(rows, axis=0)
        position, velocity, pp, pv, vv = seen.reshape(-1, 5, 4).transpose(1, 0, 2)
        total = pp + (self.position_weight * own_size(position)) ** 2
        gain, velocity_gain = pp / total, pv / total
        residual = boxes - position
        state[rows] = self._state(
            as_plausible(position + gain * residual),
            velocity + velocity_gain * residual,
            pp - gain * pp,
            pv - gain * pv,
            vv - velocity_gain * pv,
        )

    def move(self, state: State, transform: Transform) -> None:
        position, velocity, *covariances = state.reshape(-1, 5, 4).transpose(1, 0, 2)
        moved, near = moved_boxes(transform, position)
        turned = near.vectors(velocity[:, :2])
        velocity = np.concatenate([turned, velocity[:, 2:] * near.sides[:, 2:]], axis=1)
        scaled = [each * near.sides**2 for each in covariances]
        state[:] = self._state(moved, velocity, *scaled)

    def _state(self, *parts: NDArray) -> State:
        return np.stack(parts, axis=1).astype(np.float32).reshape(-1, self.state_size)
