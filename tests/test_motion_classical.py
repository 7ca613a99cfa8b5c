"""Predictors without a network."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.motion.classical import KalmanPredictor, VelocityPredictor
from test_motion_window_predictor import FIRST


class FullKalman:
    """The same filter with 8 x 8 matrices, as the literature writes it."""

    def __init__(self, box):
        self.mean = np.concatenate([box, np.zeros(4)])
        size = np.tile(box[2:], 2)
        self.cov = np.diag(np.concatenate([size / 10, size / 16]) ** 2)
        self.F = np.eye(8) + np.eye(8, k=4)
        self.H = np.eye(4, 8)

    def predict(self):
        size = np.tile(self.mean[2:4], 2)
        noise = np.diag(np.concatenate([size / 20, size / 160]) ** 2)
        self.mean = self.F @ self.mean
        self.cov = self.F @ self.cov @ self.F.T + noise

    def correct(self, box):
        noise = np.diag(np.tile(self.mean[2:4], 2) / 20) ** 2
        gain = self.cov @ self.H.T @ np.linalg.inv(self.H @ self.cov @ self.H.T + noise)
        self.mean = self.mean + gain @ (box - self.H @ self.mean)
        self.cov = self.cov - gain @ self.H @ self.cov


def test_kalman_equals_the_full_matrix_filter():
    rng = np.random.default_rng(2)
    box = np.array([100, 200, 40, 90.0])
    full, fast = FullKalman(box), KalmanPredictor()
    state = fast.start(box[None].astype(np.float32))
    for step in range(40):
        full.predict()
        ahead, spread = fast.predict(state)
        np.testing.assert_allclose(ahead[0], full.mean[:4], rtol=1e-4)
        np.testing.assert_allclose(spread[0], np.sqrt(np.diag(full.cov)[:4]), rtol=1e-3)
        if step % 5:
            box = box + rng.normal([3, -1, 0, 0], 2)
            full.correct(box)
            fast.correct(state, FIRST, box[None].astype(np.float32))


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(2, 12), st.integers(-9, 9))
def test_constant_velocity_survives_a_gap_and_any_start(span, unseen, seen, speed):
    predictor = VelocityPredictor(span)
    step = np.arange(seen + 2 * unseen + 1, dtype=np.float32)[:, None]
    track = (step * [speed, 2 * speed, 0, 0] + [300, 200, 60, 150]).astype(np.float32)[:, None]
    state = predictor.start(track[0])
    hidden = range(seen, seen + unseen)
    for t in range(1, seen + unseen + 1):
        boxes, _ = predictor.predict(state)
        if t > 1:
            np.testing.assert_allclose(boxes, track[t], atol=1e-3)
        if t not in hidden:
            predictor.correct(state, np.array([0]), track[t])
    for t in range(seen + unseen + 1, len(track)):
        boxes, _ = predictor.predict(state)
        np.testing.assert_allclose(boxes, track[t], atol=1e-3)
