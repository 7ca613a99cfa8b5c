"""What Problems are asked and answer: values, without the C library."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.packing import Floats
from mambatrack.kernels.cpu.table import TableColumns

Indices = NDArray[np.int64]
Answer = tuple[float, Indices, Indices]


class Reach(NamedTuple):
    """Of the gate, in box sizes on each side: at least, more for each frame unseen, at most."""

    least: float
    per_frame: float
    most: float


class Crowd(NamedTuple):
    """Of more than ``many`` candidate pairs each track keeps the ``nearest``, and each detection
    likewise."""

    many: int
    nearest: int


class Question(NamedTuple):
    """One table and the detections of its frame.

    table, tracks: its columns, of which the first ``tracks`` rows live
    span: frames of its newest step
    several: alternatives are looked for; compared: the likelihood counts without any, too
    beside: it is a further table of the same tracker as the one before
    sure_by: log-odds by which the first network alone has to be sure
    """

    table: TableColumns
    found: FoundColumns
    tracks: int
    span: int
    several: bool = False
    compared: bool = False
    beside: bool = False
    sure_by: float = np.inf


class Described(NamedTuple):
    """Candidate pairs in the order of their tracks [K] and detections [K], features [FEATURES, K],
    alone [ALONE, M]."""

    tracks: Indices
    detections: Indices
    features: Floats
    alone: Floats


class Scored(NamedTuple):
    """odds [K], people [M]: the scores."""

    described: Described
    odds: Floats
    people: Floats


class Decided(NamedTuple):
    """odds [K], people [M]: the scores; answers: the log-likelihood, the pairs that are matched [.]
    and the detections that start tracks [.] of each, the likeliest first."""

    described: Described
    odds: Floats
    people: Floats
    answers: list[Answer]
