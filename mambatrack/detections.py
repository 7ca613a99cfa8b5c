"""Detections of one frame, checked once, at the border of the library."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.class_names import names_by_number
from mambatrack.detection_columns import columns_of, parts_of
from mambatrack.detection_data import by_name, of_boxes, of_rows, taken, with_detections
from mambatrack.errors import MambatrackError, counted
from mambatrack.kernels.cpu.admission import Admitted, admit, readable
from mambatrack.kernels.cpu.found import FoundColumns

# of the absolute values of x1, y1, x2, y2, score and class [6, 1], exclusive
LIMITS = np.array([[1e7], [1e7], [1e7], [1e7], [np.inf], [2**31]])
HIGHEST_SCORE = 1.01  # more is no score that rounding took above 1
PLAIN_LIMITS = np.array([1e7, 1e7, 1e7, 1e7, HIGHEST_SCORE, 2**31])  # nothing is told of these


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one frame.

    boxes:  [N, 4] float32, xyxy, pixels, finite, of positive size
    scores: [N] float32 in [0, 1]
    labels: [N] int64, class index
    rows:   [N] int64, index of each box in the array it was made from
    dropped: rows of that array that were unusable
    data:   what comes with the boxes, N values by each name: arrays, tensors or lists, kept as they
            are given. Raises MambatrackError for another number
    class_names: by label, where the source has them
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    dropped: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rows.shape != self.scores.shape:
            object.__setattr__(self, "rows", np.arange(len(self.scores)))
        if not isinstance(self.data, dict) or self.data:
            object.__setattr__(self, "data", of_boxes(self.data, len(self.scores)))
        for name in ("boxes", "scores", "labels", "rows"):
            view = getattr(self, name).view()
            view.setflags(write=False)
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.scores)

    @cached_property
    def centred(self) -> NDArray[np.float32]:
        """[N, 4] the boxes as cxcywh."""
        return xyxy_to_cxcywh(self.boxes)

    @cached_property
    def extent(self) -> list[float]:
        """The largest left and top, and the least right and bottom edge of all boxes."""
        return [*self.boxes[:, :2].max(axis=0).tolist(), *self.boxes[:, 2:].min(axis=0).tolist()]

    @cached_property
    def in_c(self) -> FoundColumns:
        """The same for the C library."""
        centred = xyxy_to_cxcywh(self.boxes)  # of a copy with other rows, self.centred asks this
        return FoundColumns(self.boxes, centred, self.scores, self.labels, self.rows)

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        data = f", with {', '.join(self.data)}" if self.data else ""
        return f"<Detections: {counted(len(self), 'box')}{dropped}{data}>"

    def select(self, chosen: Any) -> "Detections":
        """The chosen rows (mask or indices), in that order."""
        return Detections(
            self.boxes[chosen], self.scores[chosen], self.labels[chosen], self.rows[chosen],
            self.dropped, taken(self.data, chosen), self.class_names,
        )  # fmt: skip

    @staticmethod
    def empty() -> "Detections":
        return as_detections(None)


def as_detections(source: Any, data: Mapping[str, Any] | None = None) -> Detections:
    """Detections from whatever a detector returns; the caller's array is never changed.

    source: Detections; None; a list, array or tensor (N, 4) xyxy, (N, 5) xyxy score or (N, 6) xyxy
    score class, or an empty one; an object with xyxy, confidence and class_id as supervision has,
    or with xyxy, conf and cls as the Results of Ultralytics and their Boxes; or a mapping with
    boxes, scores and labels as torchvision and transformers give it, in pixels.
    data: what comes with the N boxes, by name, beside what the source has itself (detection_data).
    A row is dropped, and counted in ``dropped``, when it is not finite, has no positive size, a
    class that is no whole number, or repeats an earlier row exactly; where most have no size, a
    warning asks whether they are x, y, width, height, and where a score above 1 counts as 1,
    whether it is percent. Raises MambatrackError for any other shape, and for data of another
    length.
    """
    if isinstance(source, Detections):
        return source if data is None else replace(source, data={**source.data, **by_name(data)})
    if (plain := admit(source, PLAIN_LIMITS)) is not None:
        return _in_c(plain, of_boxes(data, plain.found.count))
    parts = parts_of(source)
    columns = columns_of(source, parts)
    given, names = by_name(data), tuple[str, ...]()
    if parts is not None:
        given = {**with_detections(source, columns.shape[1]), **given}
        names = _names_of(source)
    sound = np.empty((9, columns.shape[1]), bool)
    with np.errstate(over="ignore", invalid="ignore"):
        # a float32 box can round to nothing or to infinity: judge what will be used
        boxes = columns[:4].astype(np.float32)
        np.greater(boxes[2:], boxes[:2], out=sound[:2])
        np.less(np.abs(columns), LIMITS, out=sound[2:8])
        np.equal(np.floor(columns[5]), columns[5], out=sound[8])
        usable = np.logical_and.reduce(sound)
        if _may_repeat(columns):
            usable &= _first_of_equals(columns)
    (rows,) = usable.nonzero()
    dropped = len(usable) - len(rows)
    if dropped:
        _warn_of_turned(columns)
        _warn_of_classes(columns[5])
        boxes, columns = boxes[:, rows], columns[:, rows]
    if len(rows) and columns[4].max() > HIGHEST_SCORE:
        _warn_of_scores()
    scores = np.minimum(np.maximum(columns[4], 0), 1).astype(np.float32)
    labels = columns[5].astype(np.int64)
    own = of_rows(given, rows, len(usable)) if given else {}
    return Detections(np.ascontiguousarray(boxes.T), scores, labels, rows, dropped, own, names)


def as_given(source: Any, data: Mapping[str, Any] | None = None) -> "NDArray | Detections":
    """The rows themselves where the C library reads them as they are, else as_detections()."""
    return source if data is None and readable(source) else as_detections(source, data)


class _FromC(Detections):
    """Those that the C library read, which are checked and read-only; columns when asked for."""

    boxes = cached_property(lambda self: self.in_c.boxes)
    scores = cached_property(lambda self: self.in_c.scores)
    labels = cached_property(lambda self: self.in_c.labels)
    rows = cached_property(lambda self: self.in_c.rows)
    centred = cached_property(lambda self: self.in_c.centred)

    def __len__(self) -> int:
        return self.in_c.count


def _in_c(plain: Admitted, data: Mapping[str, Any] | None) -> Detections:
    """Without the constructor, which would ask for the columns."""
    found: Detections = object.__new__(_FromC)
    found.__dict__.update(in_c=plain.found, extent=plain.extent, data=data)
    return found


def _names_of(source: Any) -> tuple[str, ...]:
    """Names of classes by label, as the Results of Ultralytics have them; none where they are by
    something else."""
    names = getattr(source, "names", None)
    try:
        return names_by_number(names) if isinstance(names, Mapping) else ()
    except MambatrackError:
        return ()


def _warn_of_classes(labels: NDArray[np.float64]) -> None:
    if (np.isfinite(labels) & (labels != np.floor(labels))).any():
        warnings.warn(
            "a class is no whole number, and its box is dropped; expected the columns x1 y1 x2 y2 "
            "score class, in this order",
            stacklevel=4,
        )


def _warn_of_turned(columns: NDArray[np.float64]) -> None:
    turned = np.count_nonzero((columns[2] < columns[0]) | (columns[3] < columns[1]))
    if 2 * turned > columns.shape[1]:
        warnings.warn(
            "most boxes end left of or above where they begin, and are dropped; expected x1 y1 x2 "
            "y2 in pixels: are they x, y, width, height?",
            stacklevel=4,
        )


def _warn_of_scores() -> None:
    warnings.warn(
        "a score is above 1, and counts as 1; expected 0 to 1: are scores percent or logits, or do "
        "class and score stand in the other order?",
        stacklevel=4,
    )


def within(found: Detections, image_size: tuple[int, int]) -> Detections:
    """Those that reach into an image of (width, height) pixels; the others are dropped."""
    if not len(found):
        return found
    left, top, right, low = found.extent
    if left < image_size[0] and top < image_size[1] and right > 0 and low > 0:
        return found
    inside = (found.boxes[:, :2] < np.array(image_size, np.float32)) & (found.boxes[:, 2:] > 0)
    (kept,) = (inside[:, 0] & inside[:, 1]).nonzero()
    return replace(found.select(kept), dropped=found.dropped + len(found) - len(kept))


def _may_repeat(columns: NDArray[np.float64]) -> bool:
    """False where no two rows are equal: equal ones have equal sums, and few others have."""
    sums = columns.sum(axis=0)
    sums.sort()
    return bool(np.count_nonzero(sums[1:] == sums[:-1]))


def _first_of_equals(columns: NDArray[np.float64]) -> NDArray[np.bool_]:
    first = np.zeros(columns.shape[1], bool)
    first[np.unique(columns, axis=1, return_index=True)[1]] = True
    return first
