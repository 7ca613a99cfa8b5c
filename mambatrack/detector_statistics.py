"""What is known of a detector's errors, and the cells into which true boxes fall.

A true box has at most one detection and may carry extra ones, such as halves and duplicates. Both
are described by the same model. Whether there is one, and its score, depends on a cell: for the
detection on how much of the true box is hidden behind boxes nearer to the camera, for extra ones on
what became of the detection. The place depends on cell and score. It is the error of each edge as
a share of the true width or height: an occluder cuts off one edge, which centre and size would
spread over four numbers.

The distributions are empirical and tied together by latent Gaussians (a Gaussian copula): one for
each of score, left, top, right and bottom, correlated with each other and in time. In time each is
a sum of first-order autoregressive processes of different memory, as errors flicker and persist.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from mambatrack.datasets import Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.matching import Mask, Rows, pairs_in_frames

Floats = NDArray[np.float64]

OCCLUSION = np.array([0.02, 0.3, 0.5, 0.7, 0.85, 0.95])  # hidden share of a box: edges of the bins
LEVELS = np.array([0.3, 0.6])  # scores: edges of the levels
PERSISTENCE = np.array([0, 0.4, 0.7, 0.85, 0.95, 0.99])  # of each process, from frame to frame
NORMALS = np.linspace(-3, 3, 25)  # standard normal values at which distributions are kept
GRID = 12  # points along each side of a box that decide which share of it is hidden
FORMAT = "mambatrack detector statistics 1"


@dataclass(frozen=True)
class BoxModel:
    """Boxes that a true box may have, by cell.

    rate [C]: probability of one
    scores [C, Q]: their distribution, as values at the quantiles Phi(NORMALS)
    edges [C, L, 4, Q]: errors of left, top, right, bottom as shares of the true width and height,
        by level of the score
    memory [5, M]: parts of the variance of score and edges, by PERSISTENCE
    correlation [5, 5]: of the latent Gaussians of score and edges
    """

    rate: Floats
    scores: Floats
    edges: Floats
    memory: Floats
    correlation: Floats

    def scores_at(self, cell: Rows, latent: Floats) -> Floats:
        """[N] scores for the latent Gaussians [N]; NaN, no box, in their lower tail."""
        rate, rank = self.rate[cell], norm.cdf(latent)
        within = (rank - (1 - rate)) / np.maximum(rate, 1e-9)
        scores = _values(self.scores, (cell,), norm.ppf(np.clip(within, 0, 1)))
        return np.where((rate > 0) & (within >= 0), scores, np.nan)

    def edges_at(self, cell: Rows, scores: Floats, latent: Floats) -> Floats:
        """[N, 4] errors of the edges for the latent Gaussians [N, 4]."""
        index = cell[:, None], level_of(scores)[:, None], np.arange(4)
        return _values(self.edges, index, latent)


@dataclass(frozen=True)
class DetectorStatistics:
    """How a detector errs.

    source: the data it was measured on; boxes, frames: how many true ones
    found: detections, by bin of OCCLUSION; extras: false positives at true boxes, by what became
        of the detection: 0 missed, else 1 + level of its score
    background: false positives elsewhere in a frame; background_rows [R, 3]: score, and width and
        height as multiples of those of a true box
    """

    source: str
    boxes: int
    frames: int
    found: BoxModel
    extras: tuple[BoxModel, ...]
    background: float
    background_rows: Floats

    def save(self, path: str | Path) -> None:
        """Writes JSON, with five digits after the point."""
        content = {"format": FORMAT, **asdict(self)}
        text = json.dumps(content, default=lambda array: array.round(5).tolist())
        Path(path).write_text(text + "\n", encoding="utf-8")


def load_statistics(path: str | Path) -> DetectorStatistics:
    """What ``save`` wrote. Raises MambatrackError for any other file."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise KeyError("format")
        found = _model(content.pop("found"))
        extras = tuple(_model(each) for each in content.pop("extras"))
        rows = np.array(content.pop("background_rows"), np.float64).reshape(-1, 3)
        return DetectorStatistics(**content, found=found, extras=extras, background_rows=rows)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise MambatrackError(
            f"{path} is no file of detector statistics ({error}); name one that was saved, or a "
            "dataset with gt/gt.txt and det/det.txt"
        ) from None


def occlusion(truth: Trajectories) -> Floats:
    """[len(truth)] share of each box that is covered by boxes nearer to the camera: those whose
    bottom is lower in the image, or the later row of two that are level. Counted on GRID x GRID
    points."""
    rows, others = pairs_in_frames(truth.frame, truth.frame)
    boxes = truth.boxes.astype(np.float64)
    one, two = boxes[rows], boxes[others]
    nearer = (two[:, 3] > one[:, 3]) | ((two[:, 3] == one[:, 3]) & (others > rows))
    touching = (np.minimum(one[:, 2:], two[:, 2:]) > np.maximum(one[:, :2], two[:, :2])).all(axis=1)
    rows, one, two = (each[nearer & touching] for each in (rows, one, two))
    share = np.zeros(len(truth))
    if len(rows):
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        column, line = (_covered(one[:, axis::2], two[:, axis::2]) for axis in (0, 1))
        covered = np.logical_or.reduceat(column[:, :, None] & line[:, None, :], first)
        share[rows[first]] = covered.mean(axis=(1, 2))
    return share


def occlusion_bin(hidden: Floats) -> Rows:
    """The cell of a detection, by the hidden share of its true box."""
    return np.searchsorted(OCCLUSION, hidden, "right")


def level_of(scores: Floats) -> Rows:
    return np.searchsorted(LEVELS, scores, "right")


def fate_of(scores: Floats) -> Rows:
    """The cell of extra detections, by the score of the detection, NaN where there is none."""
    return np.where(np.isnan(scores), 0, 1 + level_of(scores))


def _values(table: Floats, index: tuple[Rows, ...], normal: Floats) -> Floats:
    """[...] values of the distributions table[index] at standard normal values [...], held at the
    ends."""
    last = len(NORMALS) - 1
    place = np.clip((normal - NORMALS[0]) / (NORMALS[1] - NORMALS[0]), 0, last)
    low = np.minimum(place.astype(np.int64), last - 1)
    start, stop = table[(*index, low)], table[(*index, low + 1)]
    return start + (place - low) * (stop - start)


def _covered(one: Floats, two: Floats) -> Mask:
    """one, two [P, 2] (low, high) -> [P, GRID] whether points along ``one`` lie in ``two``."""
    steps = (np.arange(GRID) + 0.5) / GRID
    points = one[:, :1] + steps * (one[:, 1:] - one[:, :1])
    return (points >= two[:, :1]) & (points < two[:, 1:])


def _model(content: dict[str, Any]) -> BoxModel:
    return BoxModel(**{name: np.array(values, np.float64) for name, values in content.items()})
