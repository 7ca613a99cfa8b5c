"""What detectors of other libraries return, as one table of numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.column_names import LABELS, SCORES, as_corners, box_columns, named
from mambatrack.errors import MambatrackError, counted, shown

EXPECTED = "(N, 4) x1 y1 x2 y2, (N, 5) with a score or (N, 6) with score and class"

Parts = tuple[Any, Any, Any]  # boxes, scores and labels


def parts_of(source: Any) -> Parts | None:
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
    if _is_frame(source) and (parts := _named_parts(source)) is not None:
        return parts
    _refuse_others(source)
    if hasattr(source, "boxes") and hasattr(source, "names"):  # Results of Ultralytics
        if source.boxes is None:
            raise MambatrackError("the results have no boxes; expected those of a detector")
        source = source.boxes
    for scores, labels in (("confidence", "class_id"), ("conf", "cls")):
        if hasattr(source, "xyxy") and hasattr(source, scores):
            return source.xyxy, getattr(source, scores), getattr(source, labels, None)
    return None


def _is_frame(source: Any) -> bool:
    """A data frame, of pandas or polars."""
    return hasattr(source, "columns") and hasattr(source, "to_numpy")


def _named_parts(frame: Any) -> Parts | None:
    """Of a data frame by the names of its columns, None where they tell no boxes."""
    header = {str(name).casefold(): name for name in frame.columns}
    sides = box_columns(header)
    if sides is None:
        return None

    def column(name: str | None) -> Any:
        return None if name is None else frame[header[name]].to_numpy()

    table = np.stack([as_numbers(column(name)) for name in sides[1]], axis=-1)
    return as_corners(sides[0], table), column(named(SCORES, header)), column(named(LABELS, header))


def columns_of(source: Any, parts: Parts | None) -> NDArray[np.float64]:
    """-> [6, N] float64: x1, y1, x2, y2, score (1 where absent), class (0 where absent). parts: of
    the source, as parts_of gives them"""
    array = as_numbers([] if source is None else source) if parts is None else _table(*parts)
    if array.size == 0:
        return np.zeros((6, 0))
    if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
        one = "; a table of one box is [row]" if array.ndim == 1 else ""
        raise MambatrackError(f"detections have shape {array.shape}; expected {EXPECTED}{one}")
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
            "numpy.column_stack([boxes, scores, classes]); a class is a number, and its name is "
            "given as Tracker(class_names=[...])"
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


def _refuse_others(source: Any) -> None:
    if isinstance(source, list | tuple):
        _refuse_list(source)
    if _is_frame(source):
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


def _refuse_list(source: Sequence[Any]) -> None:
    """What some models give for a batch, or for each box, or side by side."""
    if any(map(_is_result, source)):
        raise MambatrackError("detections are a list of results; give those of one picture")
    if any(isinstance(each, Mapping) for each in source):
        raise MambatrackError(
            f"detections are a list of mappings, a box each; make rows of them: {EXPECTED}"
        )
    shapes = [each.shape for each in source if hasattr(each, "shape")]
    if 1 < len(shapes) == len(source) <= 3 and len(shapes[0]) == 2 and len(set(shapes)) > 1:
        raise MambatrackError(
            f"detections are {len(shapes)} arrays, of the shapes {', '.join(map(str, shapes))}; "
            "join them: numpy.column_stack([boxes, scores, classes])"
        )


def _is_result(each: Any) -> bool:
    if isinstance(each, Mapping):
        return "boxes" in each
    return hasattr(each, "boxes") or hasattr(each, "xyxy")


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
    if any(isinstance(each, str) for each in (labels if isinstance(labels, list | tuple) else ())):
        raise MambatrackError(
            f"classes are names, as {shown(labels[0])}; expected numbers, whose names are given as "
            "Tracker(class_names=[...])"
        )
    columns = [corners]
    for name, given, absent in (("scores", scores, 1.0), ("classes", labels, 0.0)):
        column = np.full(len(corners), absent) if given is None else as_numbers(given)
        if column.size != len(corners):
            raise MambatrackError(
                f"{counted(len(corners), 'box')} with {column.size} {name}; expected one for each"
            )
        columns.append(column.reshape(-1, 1))
    return np.concatenate(columns, axis=1)
