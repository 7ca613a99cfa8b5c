"""What gaps in real detections may be filled with, and the truth inside them: the methods that
docs/experiments/filled_gaps.py compares.

    causal    the online predictor's own forecast: what a tracker shows as it happens
    line      straight line between both ends
    smoother  Rauch-Tung-Striebel smoother of KalmanPredictor's model, 10 frames beyond the gap
    filler    mambatrack.gaps.filling with 10 boxes before the gap and N after it
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.gaps.filling import Gap, GapFiller
from mambatrack.learning.gap_data import SeenPeople, observations
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.motion.predictor import Predictor

HISTORY, BEYOND, LONGEST = 60, 10, 60


class Gaps(NamedTuple):
    """found [B, HISTORY + G + BEYOND, 4], the observations from HISTORY frames before the gap on;
    seen, which there are; true, the truth [B, G, 4]; length [B]."""

    found: NDArray[np.float32]
    seen: NDArray[np.bool_]
    true: NDArray[np.float32]
    length: NDArray[np.int64]

    def of(self, length: int) -> "Gaps":
        """Those of this length."""
        rows = self.length == length
        end = HISTORY + length + BEYOND
        return Gaps(
            self.found[rows, :end], self.seen[rows, :end], self.true[rows, :length],
            self.length[rows],
        )  # fmt: skip


Method = Callable[[Gaps], tuple[NDArray, NDArray]]  # gaps of one length -> boxes, spread [B, G, 4]


def read_gaps(people: SeenPeople) -> Gaps:
    """All gaps of the people."""
    found = observations(people, 0.0, LONGEST)
    last = found.rows[found.gaps]
    length = found.rows[found.gaps + 1] - last - 1
    rows = last[:, None] + np.arange(1 - HISTORY, LONGEST + BEYOND + 1)
    inside = (rows >= 0) & (rows < len(people.run))
    rows = np.where(inside, rows, 0)
    seen = inside & (people.run[rows] == people.run[last][:, None]) & (people.scores[rows] >= 0)
    true = people.true[np.minimum(rows[:, HISTORY : HISTORY + LONGEST], len(people.run) - 1)]
    return Gaps(people.found[rows], seen, true, length)


def causal(predictor: Predictor) -> Method:
    """The forecast of an online predictor that was fed, frame by frame, what was seen."""

    def method(gaps: Gaps) -> tuple[NDArray, NDArray]:
        *_, boxes = _filtered(predictor, gaps, HISTORY + int(gaps.length[0]))
        said = np.stack(boxes[HISTORY:], axis=2)
        return said[0], said[1]

    return method


def _filtered(
    predictor: Predictor, gaps: Gaps, frames: int
) -> tuple[list[NDArray], list[NDArray], list[NDArray]]:
    """State before and after the observation of each frame, and the box and spread [2, B, 4] that
    were predicted for it."""
    state = predictor.start(gaps.found[:, HISTORY - 1])
    begun = np.zeros(len(state), bool)
    befores, afters, said = [], [], []
    for frame in range(frames):
        boxes, spread = predictor.predict(state)
        seen, box, before = gaps.seen[:, frame], gaps.found[:, frame], state.copy()
        (again,), new = (seen & begun).nonzero(), seen & ~begun
        predictor.correct(state, again, box[again])
        state[new] = predictor.start(box[new])
        begun |= seen
        befores.append(before)
        afters.append(state.copy())
        said.append(np.stack([boxes, spread]))
    return befores, afters, said


def line(gaps: Gaps) -> tuple[NDArray, NDArray]:
    """Straight lines; they know no spread."""
    start, stop = gaps.found[:, HISTORY - 1, None], gaps.found[:, -BEYOND, None]
    length = int(gaps.length[0])
    share = np.arange(1, length + 1)[:, None] / (length + 1)
    boxes = start + share * (stop - start)
    return boxes, np.zeros_like(boxes)


def smoother(gaps: Gaps) -> tuple[NDArray, NDArray]:
    """Rauch, Tung and Striebel (1965) on the states of KalmanPredictor, per coordinate a position
    and a velocity."""
    kalman, length = KalmanPredictor(), int(gaps.length[0])
    befores, afters, _ = _filtered(kalman, gaps, gaps.found.shape[1])
    split = [[_moments(each) for each in states] for states in (befores, afters)]
    mean, cover = split[1][-1]
    boxes, spread = np.zeros((2, len(mean), length, 4))
    move = np.array([[1.0, 1.0], [0.0, 1.0]])
    for frame in range(gaps.found.shape[1] - 2, HISTORY - 1, -1):
        (later, later_cover), (now, now_cover) = split[0][frame + 1], split[1][frame]
        gain = now_cover @ move.T @ np.linalg.inv(later_cover)
        mean = now + (gain @ (mean - later)[..., None])[..., 0]
        cover = now_cover + gain @ (cover - later_cover) @ np.swapaxes(gain, -1, -2)
        if frame < HISTORY + length:
            boxes[:, frame - HISTORY] = mean[..., 0]
            spread[:, frame - HISTORY] = np.sqrt(cover[..., 0, 0])
    return boxes, spread


def _moments(state: NDArray) -> tuple[NDArray, NDArray]:
    """Mean [B, 4, 2] and covariance [B, 4, 2, 2] of position and velocity."""
    position, velocity, pp, pv, vv = state.astype(np.float64).reshape(-1, 5, 4).swapaxes(0, 1)
    cover = np.stack([np.stack([pp, pv], -1), np.stack([pv, vv], -1)], -1)
    return np.stack([position, velocity], -1), cover


def filler(network: GapFiller, after: int) -> Method:
    """The learned filler with ``after`` boxes behind the gap."""

    def method(gaps: Gaps) -> tuple[NDArray, NDArray]:
        filled = network([_gap(*row, after) for row in zip(*gaps, strict=True)])
        return np.stack([each.boxes for each in filled]), np.stack([e.spread for e in filled])

    return method


def _gap(found: NDArray, seen: NDArray, true: NDArray, length: int, after: int) -> Gap:
    before = np.flatnonzero(seen[:HISTORY])
    behind = np.flatnonzero(seen[HISTORY:])[:after] + HISTORY
    return Gap(before, found[before], behind, found[behind])
