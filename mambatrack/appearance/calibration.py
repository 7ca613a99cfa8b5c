"""What a similarity is worth: log-odds of "same person", learnt from the stream itself.

Two distributions are kept: of similarities of a track with itself, some time apart, in moments when
nobody else could be meant; and with others who are in view at the same time. Where all wear the
same, they are one, and a similarity says nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.embedder import Floats
from mambatrack.state_fields import Field

PRIOR = 40.0  # similarities of each kind that a prior counts as
SAME_KNOWN, OTHERS_KNOWN = 40.0, 400.0  # seen, at which it is forgotten; pairs of people are few
KEPT = 500.0  # similarities that a distribution is of; older ones fade
MOST_COUNTED = 1e9  # in states and files of old, where those of a crowd counted for more
LEAST = 20.0  # of each kind, before which a similarity says half of what it seems to
NARROWEST = 0.02  # standard deviation of similarities
UNEXPECTED = 0.05  # share of similarities that are of neither distribution
MOST_ODDS = float(np.log((1 - UNEXPECTED) / UNEXPECTED))  # that a similarity can say


class Prior(NamedTuple):
    """(mean, standard deviation) of the similarities of one person, and of two who are in view at
    once, as an embedder knows them before it has seen a stream"""

    same: tuple[float, float]
    others: tuple[float, float]


class Similarities:
    """count, mean, variance: of the last KEPT or so"""

    def __init__(self, count: float = 0.0, mean: float = 0.0, variance: float = 0.0):
        self.count, self.mean, self.variance = count, mean, variance

    def note(self, values: Floats) -> None:
        """values [K], each as new as the others."""
        new = len(values)
        if not new:
            return
        old = self.count * (1 - 1 / KEPT) ** new
        mean, total = float(values.mean()), old + new
        apart = mean - self.mean
        spread = old * self.variance + new * float(values.var()) + old * new / total * apart**2
        self.mean += apart * new / total
        self.count, self.variance = min(total, KEPT), spread / total

    def with_others(self, others: "Sequence[Similarities]") -> "Similarities":
        """One distribution of all these similarities."""
        both = [each for each in (self, *others) if each.count]
        total = sum(each.count for each in both)
        if not total:
            return Similarities()
        mean = sum(each.count * each.mean for each in both) / total
        squares = sum(each.count * (each.variance + (each.mean - mean) ** 2) for each in both)
        return Similarities(total, mean, squares / total)


class Calibration:
    """same, others: similarities of tracks with themselves, and with others in view
    prior: what they are before enough were seen"""

    def __init__(
        self, same: Similarities | None = None, others: Similarities | None = None,
        prior: Prior | None = None,
    ):  # fmt: skip
        self.same, self.others = same or Similarities(), others or Similarities()
        self.prior = prior

    def blended(self) -> tuple[Similarities, Similarities]:
        """Same and others, each with what is left of the prior."""
        if self.prior is None:
            return self.same, self.others
        return (
            _with_prior(self.same, self.prior.same, SAME_KNOWN),
            _with_prior(self.others, self.prior.others, OTHERS_KNOWN),
        )

    def log_odds(self, similarities: Floats, share: float = UNEXPECTED) -> Floats:
        """similarities [...] -> how much likelier each is of one person than of two who are in view
        at once, as a logarithm. share: of similarities that are of neither distribution, which
        bounds what one can say; by default it is between -MOST_ODDS and MOST_ODDS."""
        same, others = self.blended()
        apart, known = same.mean - others.mean, min(same.count, others.count)
        if apart <= 0 or not known:
            return np.zeros_like(similarities)
        variance = (same.variance + others.variance) / 2 + NARROWEST**2
        middle = (same.mean + others.mean) / 2
        plain = np.exp(np.clip(apart / variance * (similarities - middle), -30, 30))
        odds = np.log(((1 - share) * plain + share) / (share * plain + 1 - share))
        return (odds * (known / (known + LEAST))).astype(np.float32)

    def with_others(self, others: "Sequence[Calibration]") -> "Calibration":
        """What is known from this stream and the others together."""
        same = self.same.with_others([each.same for each in others])
        together = self.others.with_others([each.others for each in others])
        return Calibration(same, together, self.prior)

    @classmethod
    def before(cls, prior: Prior | None) -> "Calibration":
        """That of a stream of which nothing was seen yet."""
        return cls(prior=prior)

    def columns(self) -> NDArray[np.float64]:
        """[2, 3] all that was seen: count, mean and variance of same and of others."""
        both = self.same, self.others
        return np.array([(each.count, each.mean, each.variance) for each in both])

    @classmethod
    def of(cls, columns: NDArray[np.float64]) -> "Calibration":
        """That of which these are the columns(), without a prior."""
        same, others = (Similarities(min(row[0], KEPT), *row[1:]) for row in columns.tolist())
        return cls(same, others)


def _with_prior(seen: Similarities, prior: tuple[float, float], known: float) -> Similarities:
    left = PRIOR * (1 - seen.count / known)
    return seen if left <= 0 else seen.with_others([Similarities(left, prior[0], prior[1] ** 2)])


def calibration_fields(columns: NDArray[np.float64]) -> Sequence[Field]:
    """What the columns [2, 3] of a saved state may be."""
    return [
        Field("counts of similarities", columns[:, 0], 0, MOST_COUNTED),
        Field("means of similarities", columns[:, 1], -1.01, 1.01),
        Field("variances of similarities", columns[:, 2], 0, 2),
    ]
