"""Motion models without a network."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes, as_plausible
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.kernels.cpu.overlap_frame import Kalman
from mambatrack.motion.predictor import Predictor, State, own_size
from mambatrack.state_fields import FARTHEST, LARGEST_SIZE, Field, box_fields

LARGEST_VARIANCE = 1e20  # pixels squared
CORRELATION = 1.001  # the largest of place and velocity, with what rounding adds


class StillPredictor(Predictor):
    """The box stays where it was seen: the floor for every motion model."""

    state_size = 4

    def start(self, boxes: Boxes) -> State:
        return boxes.astype(np.float32)

    def state_fields(self, kept: State) -> list[Field]:
        return box_fields("motion", kept)

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        return state.copy(), np.zeros_like(state)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        state[rows] = boxes

    def move(self, state: State, transform: Transform) -> None:
        state[:], _ = moved_boxes(transform, state)


class VelocityPredictor(Predictor):
    """Constant velocity without a filter: a floor to compare with.

    The centre goes on with the mean velocity of the last ``span`` steps before it was last seen;
    the size stays. State: the last span + 1 boxes, newest last, (vx, vy), boxes in the window.
    """

    def __init__(self, span: int = 5):
        self.span = span
        self.state_size = (span + 1) * 4 + 3

    def start(self, boxes: Boxes) -> State:
        window = np.tile(boxes, (1, self.span + 1))
        return np.column_stack([window, np.tile([0, 0, 1], (len(boxes), 1))]).astype(np.float32)

    def state_fields(self, kept: State) -> list[Field]:
        windows = kept[:, :-3].reshape(len(kept), self.span + 1, 4)
        return [
            *box_fields("motion", windows),
            Field("velocities in motion", kept[:, -3:-1], -LARGEST_SIZE, LARGEST_SIZE),
            Field("boxes in the window in motion", kept[:, -1], 1, self.span + 1, whole=True),
        ]

    def predict(self, state: State) -> tuple[Boxes, Boxes]:
        boxes = state[:, -7:-3].copy()
        boxes[:, :2] += state[:, -3:-1]
        state[:, :-7] = state[:, 4:-3].copy()
        state[:, -7:-3] = boxes
        state[:, -1] = np.minimum(state[:, -1] + 1, self.span + 1)
        return boxes, np.zeros_like(boxes)

    def correct(self, state: State, rows: Indices, boxes: Boxes) -> None:
        steps = state[rows, -1:] - 1
        state[rows, -3:-1] = (boxes[:, :2] - state[rows, :2]) / steps
        state[rows, -7:-3] = boxes

    def move(self, state: State, transform: Transform) -> None:
        windows = state[:, :-3].reshape(-1, 4)
        moved, _ = moved_boxes(transform, windows)
        _, near = moved_boxes(transform, state[:, -7:-3])
        state[:, :-3] = moved.reshape(state[:, :-3].shape)
        state[:, -3:-1] = near.vectors(state[:, -3:-1])


class KalmanPredictor(Predictor):
    """Constant velocity on cx, cy, w, h with noise relative to the box size.

    The noise model of DeepSORT (Wojke et al., 2017) in BoT-SORT's coordinates. All matrices are
    diagonal per coordinate, so the 8 x 8 filter falls apart into four of position and velocity:
    state [N, 5, 4] is position, velocity, and the covariances pp, pv, vv of each coordinate.
    """

    state_size = 20

    def __init__(self, position_weight: float = 1 / 20, velocity_weight: float = 1 / 160):
        self.position_weight = position_weight
        self.velocity_weight = velocity_weight

    @property
    def in_c(self) -> Kalman:
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
