"""Scores of a detector that say how many of such boxes are right."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

STEPS = 30  # of Newton's method
ENOUGH = 20  # right boxes, and wrong ones, from which a curve is fitted
HELD = 1e-3  # how firmly the curve is held to the scores as they are, for few boxes


class Curve(NamedTuple):
    """The log-odds that a box is right: factor times the log-odds of its score, and offset."""

    factor: float = 1.0
    offset: float = 0.0


def fitted(scores: NDArray, right: NDArray) -> Curve:
    """The likeliest curve (Platt 1999) for boxes with these scores [N], of which some are right
    [N]; the scores as they are where there are few, or where higher ones are no better."""
    if min(right.sum(), (~right).sum()) < ENOUGH:
        return Curve()
    clipped = scores.clip(1e-6, 1 - 1e-6)
    known = np.column_stack([np.log(clipped / (1 - clipped)), np.ones(len(scores))])
    curve = np.array(Curve())
    for _ in range(STEPS):
        likely = 0.5 + 0.5 * np.tanh(0.5 * known @ curve)
        slope = known.T @ (likely - right) / len(right) + HELD * (curve - Curve())
        weight = likely * (1 - likely) / len(right)
        curve = curve - np.linalg.solve((known.T * weight) @ known + HELD * np.eye(2), slope)
    return Curve(*curve.tolist()) if curve[0] > 0 else Curve()


def rescored(weights: dict[str, Tensor], curve: Curve) -> dict[str, Tensor]:
    """The weights of a detector whose scores follow the curve: its last layers say the log-odds of
    a score in their first row."""
    changed = dict(weights)
    for name in (each for each in weights if each.startswith("out.")):
        changed[name] = weights[name].clone()
        changed[name][0] *= curve.factor
        if name.endswith("bias"):
            changed[name][0] += curve.offset
    return changed
