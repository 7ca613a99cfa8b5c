"""Detections of one frame, checked once, at the border of the library."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.detection_data import by_name, of_boxes, of_rows, taken, with_detections
from mambatrack.errors import MambatrackError
from mambatrack.kernels.cpu.admission import Admitted, admit
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.tracks import names_by_number

# of the absolute values of x1, y1, x2, y2, score and class [6, 1], exclusive
LIMITS = np.array([[1e7], [1e7], [1e7], [1e7], [np.inf], [2**31]])
HIGHEST_SCORE = 1.01  # more is no score that rounding took above 1
PLAIN_LIMITS = np.array([1e7, 1e7, 1e7, 1e7, HIGHEST_SCORE, 2**31])  # nothing is told of these
EXPECTED = "(N, 4) x1 y1 x2 y2, (N, 5) with a score or (N, 6) with score and class"

Parts = tuple[Any, Any, Any]  # boxes, scores and labels


@dataclass(frozen=True)
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
        return FoundColumns(self.boxes, self.centred, self.scores, self.labels, self.rows)

    def __repr__(self) -> str:
        dropped = f", {self.dropped} dropped" if self.dropped else ""
        data = f", with {', '.join(self.data)}" if self.data else ""
        return f"<Detections: {len(self)} boxes{dropped}{data}>"

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
    if data is None and (plain := admit(source, PLAIN_LIMITS)) is not None:
        return _in_c(plain)
    parts = _parts(source)
    columns = _columns(source, parts)
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
    if len(rows) and (highest := columns[4].max()) > HIGHEST_SCORE:
        _warn_of_scores(highest)
    scores = np.minimum(np.maximum(columns[4], 0), 1).astype(np.float32)
    labels = columns[5].astype(np.int64)
    own = of_rows(given, rows, len(usable)) if given else {}
    return Detections(np.ascontiguousarray(boxes.T), scores, labels, rows, dropped, own, names)


def _in_c(plain: Admitted) -> Detections:
    """What the C library read, which is checked and read-only, without the constructor."""
    own, extent = plain
    found: Detections = object.__new__(Detections)
    found.__dict__.update(
        boxes=own.boxes, scores=own.scores, labels=own.labels, rows=own.rows, data={},
        centred=own.centred, extent=extent, in_c=own,
    )  # fmt: skip
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
    wrong = labels[np.isfinite(labels) & (labels != np.floor(labels))]
    if len(wrong):
        warnings.warn(
            f"class {wrong[0]:g} is no whole number, and its box is dropped; expected the columns "
            "x1 y1 x2 y2 score class, in this order",
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


def _warn_of_scores(highest: float) -> None:
    warnings.warn(
        f"a score is {highest:g}, and counts as 1; expected 0 to 1: are scores percent, or do "
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


def _columns(source: Any, parts: Parts | None) -> NDArray[np.float64]:
    """-> [6, N] float64: x1, y1, x2, y2, score (1 where absent), class (0 where absent). parts: of
    the source, as _parts gives them"""
    array = as_numbers([] if source is None else source) if parts is None else _table(*parts)
    if array.size == 0:
        return np.zeros((6, 0))
    if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
        raise MambatrackError(f"detections have shape {array.shape}; expected {EXPECTED}")
    columns = np.empty((6, len(array)))
    columns[4], columns[5] = 1, 0
    columns[: array.shape[1]] = array.T
    return columns


def as_numbers(source: Any) -> NDArray[np.float64]:
    """An array or a tensor, of whatever type and device, or a list -> float64. What is masked is
    NaN. Raises MambatrackError, with the mend, where it is no numbers."""
    if type(source) is np.ndarray and source.dtype.kind in "fiu":
        return source.astype(np.float64, copy=False)
    try:
        if isinstance(source, list | tuple) and any(hasattr(each, "detach") for each in source):
            source = [_plain(each) for each in source]
        array = np.asanyarray(_plain(source))
        if isinstance(array, np.ma.MaskedArray):
            array = np.ma.filled(array.astype(np.float64), np.nan)
        if array.dtype.kind in "cmMV":
            raise TypeError(f"numbers expected, found {array.dtype}{_mend(array)}")
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RuntimeError, NotImplementedError) as error:
        raise MambatrackError(
            f"detections are not a table of numbers: {error}; expected {EXPECTED}, such as "
            "numpy.column_stack([boxes, scores, classes])"
        ) from None


def _plain(source: Any) -> Any:
    """A tensor of torch as an array; anything else as it is."""
    if not hasattr(source, "detach"):
        return source
    tensor = source.detach().cpu()
    if "complex" in str(getattr(tensor, "dtype", "")):
        raise TypeError(f"numbers expected, found {tensor.dtype}")
    return (tensor.to_dense() if getattr(tensor, "is_sparse", False) else tensor).double().numpy()


def _mend(array: NDArray) -> str:
    if array.dtype.names is None:
        return ""
    return "; numpy.lib.recfunctions.structured_to_unstructured makes a table of it"


def _parts(source: Any) -> Parts | None:
    """Boxes, scores and labels, each of which may be None, of another library's object."""
    if source is None or isinstance(source, np.ndarray):
        return None
    if isinstance(source, Mapping):
        if "boxes" not in source:
            raise MambatrackError(
                f"detections are a mapping of {', '.join(map(str, source)) or 'nothing'}; expected "
                "boxes, scores and labels"
            )
        return _in_pixels(source["boxes"]), source.get("scores"), source.get("labels")
    _refuse_others(source)
    if hasattr(source, "boxes") and hasattr(source, "names"):  # Results of Ultralytics
        if source.boxes is None:
            raise MambatrackError("the results have no boxes; expected those of a detector")
        source = source.boxes
    for scores, labels in (("confidence", "class_id"), ("conf", "cls")):
        if hasattr(source, "xyxy") and hasattr(source, scores):
            return source.xyxy, getattr(source, scores), getattr(source, labels, None)
    return None


def _refuse_others(source: Any) -> None:
    several = isinstance(source, list | tuple)
    if several and any(hasattr(each, "boxes") or hasattr(each, "xyxy") for each in source):
        raise MambatrackError("detections are a list of results; give those of one picture")
    if hasattr(source, "columns") and hasattr(source, "to_numpy"):
        raise MambatrackError(
            f"detections are a data frame with the columns {', '.join(map(str, source.columns))}; "
            'name those that are x1 y1 x2 y2, score and class in this order, as frame[["x1", '
            '"y1", "x2", "y2", "score"]].to_numpy()'
        )
    if isinstance(source, set | frozenset | Iterator):
        raise MambatrackError(
            f"detections are a {type(source).__name__}; expected (N, 4) x1 y1 x2 y2, or a longer "
            "table, as numpy.column_stack([boxes, scores, labels])"
        )


def _in_pixels(boxes: Any) -> NDArray[np.float64]:
    array = as_numbers(boxes)
    if array.size and np.abs(array).max() <= 1:
        raise MambatrackError(
            "the boxes are shares of the picture; expected pixels: give target_sizes to "
            "post_process_object_detection"
        )
    return array


def _table(boxes: Any, scores: Any, labels: Any) -> NDArray[np.float64]:
    """-> [N, 6]: x1, y1, x2, y2, score (1 where absent), class (0 where absent)."""
    corners = as_numbers([] if boxes is None else boxes)
    corners = corners if corners.size else np.zeros((0, 4))
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise MambatrackError(f"boxes have shape {corners.shape}; expected (N, 4) x1 y1 x2 y2")
    columns = [corners]
    for name, given, absent in (("scores", scores, 1.0), ("classes", labels, 0.0)):
        column = np.full(len(corners), absent) if given is None else as_numbers(given)
        if column.size != len(corners):
            raise MambatrackError(
                f"{len(corners)} boxes with {column.size} {name}; expected one for each"
            )
        columns.append(column.reshape(-1, 1))
    return np.concatenate(columns, axis=1)


def _may_repeat(columns: NDArray[np.float64]) -> bool:
    """False where no two rows are equal: equal ones have equal sums, and few others have."""
    sums = columns.sum(axis=0)
    sums.sort()
    return bool(np.count_nonzero(sums[1:] == sums[:-1]))


def _first_of_equals(columns: NDArray[np.float64]) -> NDArray[np.bool_]:
    first = np.zeros(columns.shape[1], bool)
    first[np.unique(columns, axis=1, return_index=True)[1]] = True
    return first
