"""The last layer of an embedder in closed form, when its backbone has learnt.

Two steps, each a solution of linear equations: the regression of the teacher's codes, and axes in
which two views of one crop differ by equal amounts (Hatch et al., within-class covariance
normalisation, Interspeech 2006), of which those are kept along which crops vary most.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
RIDGE = 0.015  # of the number of crops, added to the squares of features of variance 1
FLOOR = 0.2  # of the mean variance between two views, added to that of each axis


class Head(NamedTuple):
    """weight [code, F] and bias [code] of a linear layer."""

    weight: Floats
    bias: Floats


def fitted_head(first: Floats, second: Floats, targets: Floats, code: int) -> Head:
    """first, second: features [N, F] of two views of each crop; targets: the teacher's codes
    [N, E], less their mean."""
    seen = np.concatenate([first, second]).astype(np.float64)
    centre, scale = seen.mean(0), seen.std(0) + 1e-3
    seen = (seen - centre) / scale
    wanted = np.concatenate([targets, targets]).astype(np.float64)
    wanted /= np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-6)
    squares = seen.T @ seen + RIDGE * len(seen) * np.eye(seen.shape[1])
    matrix = np.linalg.solve(squares, seen.T @ wanted)
    said = seen @ matrix
    matrix = matrix @ _equal_errors(said[: len(first)] - said[len(first) :])
    matrix = matrix @ main_axes(seen @ matrix, code)
    weight = (matrix / scale[:, None]).T
    return Head(weight.astype(np.float32), (-weight @ centre).astype(np.float32))


def _equal_errors(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """[E, E], after which differences [N, E] have about the same variance along every axis."""
    covariance = differences.T @ differences / len(differences)
    floor = FLOOR * np.trace(covariance) / len(covariance) + 1e-9
    values, axes = np.linalg.eigh(covariance)
    return np.asarray(axes * (values + floor) ** -0.5)


def main_axes(codes: NDArray, count: int) -> NDArray[np.float64]:
    """The ``count`` axes [E, count] along which codes [N, E] vary most; zeros where there are
    fewer."""
    axes = np.linalg.eigh(np.cov(codes.T))[1][:, ::-1][:, :count]
    return np.pad(axes, ((0, 0), (0, count - axes.shape[1])))
