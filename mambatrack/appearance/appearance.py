"""What one tracker makes of an embedder: counts, and what happens where the embedder fails."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.calibration import Calibration
from mambatrack.appearance.embedder import Embedder, Embeddings
from mambatrack.association.interface import Association
from mambatrack.boxes import Boxes
from mambatrack.errors import MambatrackError, counted, shown

LENGTH_ERROR = 0.01  # of a vector, such as float16 has
MOST_FAULTS = 10  # in a row, after which the embedder is left alone
MOST_OUTSIDE = 20  # boxes, after which they may be told to be those of another picture
Measure = Callable[[str], AbstractContextManager[object]]
UNMEASURED: AbstractContextManager[None] = nullcontext()


class Appearance:
    """boxes: detections so far, in frames with a picture;  crops: of them that were looked at
    faults: frames in which the embedder failed"""

    def __init__(self, embedder: Embedder):
        self.embedder = embedder
        self.boxes = self.crops = self.faults = 0
        self.measure: Measure = unmeasured
        self._in_a_row = self._outside = 0

    def calibration(self) -> Calibration:
        """What similarities are worth before anything was seen."""
        return Calibration.before(getattr(self.embedder, "prior", None))

    @property
    def gave_up(self) -> bool:
        """Whether the embedder failed so often that it is asked no more."""
        return self._in_a_row >= MOST_FAULTS

    def __str__(self) -> str:
        """What was looked at, "" where there was nothing to look at."""
        if not self.boxes:
            return ""
        saved = 100 * (1 - self.crops / self.boxes)
        told = f"looked at {self.crops} of {counted(self.boxes, 'box')} ({saved:.0f} %"
        faults = f"; failed in {counted(self.faults, 'frame')}" if self.faults else ""
        return f"{self.embedder.name} {told} saved){faults}"

    def look(self, image: NDArray, boxes: Boxes) -> Embeddings:
        """The embeddings of boxes [K, 4] xyxy; none is usable where the embedder fails, of which a
        warning tells once."""
        try:
            with self.measure("look"):
                found = checked_embeddings(self.embedder(image, boxes), len(boxes), self.embedder)
        except Exception as error:  # of an embedder, without which tracking goes on
            self._note_fault(error)
            nothing = np.zeros((len(boxes), self.embedder.size), np.float32)
            return Embeddings(nothing, np.zeros(len(boxes), bool))
        self.crops += len(boxes)
        self._in_a_row = 0
        self._note_outside(image, boxes)
        return found

    def _note_outside(self, image: NDArray, boxes: Boxes) -> None:
        """Warns once where most boxes lie in no picture of this size; image: the picture, or what
        an embedder of a sequence has of it."""
        if not isinstance(image, np.ndarray):
            return
        sides = image.shape[1], image.shape[0]
        before = self._outside
        self._outside += int(((boxes[:, :2] + boxes[:, 2:]) / 2 > sides).any(axis=1).sum())
        if before < MOST_OUTSIDE <= self._outside and 2 * self._outside > self.crops:
            warnings.warn(
                f"most boxes lie outside of the picture that is looked at, {sides[0]} pixels wide "
                f"and {sides[1]} high: is it a smaller copy of the one that they were found in?",
                stacklevel=6,
            )

    def _note_fault(self, error: Exception) -> None:
        if not self.faults:
            known = isinstance(error, MambatrackError)
            reason = str(error) if known else f"{type(error).__name__}: {error}"
            warnings.warn(
                f"the embedder {self.embedder.name} failed, and such frames are tracked without "
                f"it: {reason}",
                stacklevel=6,
            )
        self.faults += 1
        self._in_a_row += 1


def unmeasured(step: str) -> AbstractContextManager[None]:
    """The measure of steps that nobody times."""
    return UNMEASURED


def open_appearance(embedder: Embedder | None, association: Association) -> Appearance | None:
    """That of an embedder. Raises MambatrackError where the scores of the association are no
    log-odds, to which nothing can be added."""
    if embedder is None:
        return None
    if association.match_odds is None:
        kind = type(association).__name__.removesuffix("Association").lower()
        raise MambatrackError(
            f"an embedder adds to the log-odds of a learned association, not to the scores of "
            f"{kind}, which are none; use --association learned, or leave the embedder out"
        )
    return Appearance(checked_embedder(embedder))


def checked_embedder(embedder: Any) -> Embedder:
    """The same. Raises MambatrackError where it does not follow the protocol."""
    size = getattr(embedder, "size", None)
    if not callable(embedder) or not isinstance(size, int) or size < 1:
        raise MambatrackError(
            f"the embedder is {shown(embedder)}; expected mambatrack.open_embedder(NAME or FILE), "
            "or what has name, size and a call as mambatrack.appearance.embedder.Embedder has"
        )
    return embedder


def checked_embeddings(given: Any, count: int, embedder: Embedder) -> Embeddings:
    """Those of ``count`` boxes. Raises MambatrackError where they are none."""
    vectors, usable = np.asarray(given[0]), np.asarray(given[1])
    wanted = (count, embedder.size)
    if vectors.shape != wanted or usable.shape != (count,) or vectors.dtype.kind != "f":
        raise MambatrackError(
            f"its vectors are {vectors.dtype} {list(vectors.shape)}, usable {list(usable.shape)}; "
            f"expected float32 {list(wanted)} and [{count}]"
        )
    if vectors.dtype == np.float32 and usable.dtype == bool and usable.all():
        apart = np.einsum("ke,ke->k", vectors, vectors) - 1  # not finite where a vector is not
        if (abs(apart) < LENGTH_ERROR).all():
            return Embeddings(vectors, usable)
    if not np.isfinite(vectors).all():
        raise MambatrackError("its vectors are not finite")
    usable = usable.astype(bool, copy=False)
    lengths = np.linalg.norm(vectors[usable].astype(np.float64), axis=1)
    if (abs(lengths - 1) > LENGTH_ERROR).any():
        raise MambatrackError(
            f"its vectors are of lengths from {lengths.min():.3g} to {lengths.max():.3g}; expected "
            "1: divide each by its length, or make it with CropEmbedder, which does"
        )
    return Embeddings(vectors.astype(np.float32, copy=False), usable)
