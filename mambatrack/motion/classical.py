"""Motion models without a network."""

import numpy as np

from mambatrack.assignment import Indices
from mambatrack.box_filter import BoxFilter
from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import Transform, moved_boxes
from mambatrack.motion.predictor import Predictor, State
from mambatrack.state_fields import LARGEST_SIZE, Field, box_fields


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


class KalmanPredictor(BoxFilter, Predictor):
    """The Kalman filter as a motion model."""
