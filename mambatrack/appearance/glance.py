"""The picture of a frame that the C library takes in few calls, which does what view.py says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance import calibration, clean, doubts, looks, view
from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.appearance.embedder import Embeddings
from mambatrack.detections import Detections
from mambatrack.kernels.cpu.looking import LooksBy
from mambatrack.state_fields import LARGEST_EXACT

NO_PRIOR = 0.0, 0.0, -1.0  # as looks.h has it


class Glance:
    """The picture ``image`` with what was found in it: Detections, or rows as of
    admission.readable."""

    def __init__(
        self,
        appearance: Appearance,
        worth: Calibration,
        image: NDArray,
        found: NDArray | Detections,
    ):
        self._appearance, self._calibration, self._image = appearance, worth, image
        self._found, self.size = found, appearance.embedder.size

    def begin(self) -> None:
        """The frame is tracked."""
        self._appearance.boxes += len(self._found)

    @property
    def worth(self) -> tuple[float, ...]:
        """What similarities are worth: the twelve numbers of struct Calibration of looks.h."""
        kept = self._calibration
        prior = kept.prior and (*_prior(*kept.prior.same), *_prior(*kept.prior.others))
        return *_numbers(kept.same), *_numbers(kept.others), *(prior or 2 * NO_PRIOR)

    def learn(self, worth: tuple[float, ...]) -> None:
        kept = self._calibration
        kept.same, kept.others = Similarities(*worth[:3]), Similarities(*worth[3:6])

    def look(self, rows: NDArray[np.int64]) -> Embeddings | None:
        """Of the detections ``rows`` [K]; None where the embedder was given up."""
        if self._appearance.gave_up:
            return None
        found = self._found
        boxes = found.boxes if isinstance(found, Detections) else found[:, :4]
        return self._appearance.look(self._image, boxes[rows].astype(np.float32, copy=False))

    def view(
        self,
        found: Detections,
        seen: tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]] | None,
    ) -> view.View:
        """The same in numpy, with what was ``seen`` so far: detections [K], their vectors and
        which of these are usable."""
        other = view.View(self._appearance, self._calibration, self._image, found)
        if seen is not None:
            other.take(*seen)
        return other


def glance_at(
    appearance: Appearance | None, worth: Calibration, image: Any, found: NDArray | Detections
) -> Glance | None:
    """None where there is no picture, or nobody who looks."""
    if appearance is None or image is None or not np.size(image):
        return None
    return Glance(appearance, worth, image, found)


def looks_by() -> LooksBy:
    """The constants by which all that is done."""
    return LooksBy(
        calibration.PRIOR, calibration.SAME_KNOWN, calibration.OTHERS_KNOWN, calibration.KEPT,
        calibration.LEAST, calibration.NARROWEST, calibration.UNEXPECTED, calibration.MOST_ODDS,
        view.FIRST, view.REFRESH, view.APART, view.LOST, looks.KNOWN, looks.RATE, LARGEST_EXACT,
        clean.IN_FRONT, clean.BEHIND, doubts.CROSSING, doubts.UNLIKE, doubts.LIKE, doubts.REACH,
        doubts.SHARE, doubts.PRIOR, doubts.SETTLED, doubts.FEWEST, doubts.MOST,
    )  # fmt: skip


def _numbers(kept: Similarities) -> tuple[float, float, float]:
    return kept.count, kept.mean, kept.variance


def _prior(mean: float, deviation: float) -> tuple[float, float, float]:
    return 0.0, mean, deviation**2
