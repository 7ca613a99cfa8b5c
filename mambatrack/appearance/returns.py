"""What it says that a new track is as like somebody who left as it is.

Who comes back looks like himself, or a little less after a while. Others do as often as people who
are known look like each other: some wear nearly the same, so no bell curve describes them. The more
exactly a track looks like itself from one moment to the next, the better people can be told apart
who are much alike.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.appearance.embedder import Floats

LOOKS = 5.0  # that a code is the mean of, at least
NARROWEST = 0.005  # standard deviation of similarities of a track with itself
LATER = 0.1  # of the way from same to others, by which people look less like themselves later
STAYED = 0.8  # share of those who come back that look as they did
IN_VIEW = 10.0  # pairs of people that the calibration's distribution of others counts as
ANY = 1.0  # pairs that may have any similarity, as few say little of all others
LEAST = 5.0  # similarities of each kind, before which one says half of what it seems to
UNEXPECTED = 1e-4  # share of similarities that are of none of these
MOST = 100  # people whose similarities to each other are looked at
GRID = np.linspace(-1, 1, 401)

Wide = NDArray[np.float64]


def return_odds(calibration: Calibration, similarities: Floats, among: Floats) -> Floats:
    """similarities [G] of a track to people -> how much likelier each is of one person than of two,
    as a logarithm. among [P]: similarities of people who are known to each other, as among()."""
    same, others = calibration.blended()
    apart, known = same.mean - others.mean, min(same.count, others.count)
    if apart <= 0 or not known:
        return np.zeros_like(similarities)
    raised = _raised(same.mean)
    same = Similarities(known, same.mean * raised, same.variance / LOOKS)
    others = Similarities(known, others.mean * raised, others.variance * raised**2)
    width, apart = same.variance + NARROWEST**2, apart * raised
    later = same.mean - LATER * apart
    told = similarities.astype(np.float64)
    itself = _density(np.minimum(told, same.mean), same.mean, width)
    changed = _density(np.minimum(told, later), later, width + (LATER * apart) ** 2)
    in_view = _density(np.maximum(told, others.mean), others.mean, others.variance + NARROWEST**2)
    seen = IN_VIEW * in_view + _summed(told, among, width) + ANY
    ratio = (STAYED * itself + (1 - STAYED) * changed) * (IN_VIEW + len(among) + ANY) / seen
    bounded = ((1 - UNEXPECTED) * ratio + UNEXPECTED) / (UNEXPECTED * ratio + 1 - UNEXPECTED)
    return (np.log(bounded) * (known / (known + LEAST))).astype(np.float32)


def similarities_among(codes: Floats, rows: NDArray[np.int64]) -> Floats:
    """codes [G, E] of people, of whom the rows [R] are looked at -> [P] of each two of them, of
    MOST people at most."""
    some = codes[rows[:: -(-len(rows) // MOST) or 1]]
    return (some @ some.T)[np.triu_indices(len(some), 1)]


def _raised(alike: float) -> float:
    """How much larger similarities of codes are, each the mean of looks, than those of looks to
    codes, which are ``alike`` of one person. What differs from look to look shrinks in a mean: with
    LOOKS of them two codes of one person are as like as 1 / (1 + (1 / alike^2 - 1) / LOOKS)."""
    alike = max(alike, 0.1)
    return 1 / (1 + (1 / alike**2 - 1) / LOOKS) / alike


def _density(values: Wide, mean: float, variance: float) -> Wide:
    return np.exp(-0.5 * (values - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)


def _summed(values: Wide, among: Floats, variance: float) -> Wide:
    """The densities of as many bells of this variance as there are similarities ``among``, added
    up, at these values."""
    step = GRID[1] - GRID[0]
    edges = np.append(GRID, GRID[-1] + step) - step / 2
    counts = np.histogram(np.clip(among, -1, 1), edges)[0]
    reach = np.arange(-len(GRID) + 1, len(GRID)) * step
    bell = _density(reach, 0.0, variance)
    return np.interp(values, GRID, np.convolve(counts, bell)[len(GRID) - 1 : 2 * len(GRID) - 1])
