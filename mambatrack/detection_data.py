"""What comes with detections, a value for each: masks, key points, embeddings, anything by name.

Values stay as they were given; only the numbers of their rows are copied.
"""

from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted, shown

OF_THE_BOX = ("boxes", "scores", "labels")  # of a mapping, as torchvision and transformers name it
PER_DETECTION = ("masks", "keypoints", "keypoints_scores")  # whatever else a library gives
NO_ROW = -1


class DetectionData(Mapping[str, Any]):
    """Values by name, those of some rows of what was given.

    given: by name, an array, tensor or list with a value for each row
    rows: [M] int64, the row of each detection or track, NO_ROW (-1) where it has none: such a one
        has no value, so each name has as many values as there are other rows, in their order
    """

    def __init__(self, given: Mapping[str, Any], rows: NDArray[np.int64]):
        self.given, self.rows = given, rows

    def __getitem__(self, name: str) -> Any:
        """Raises KeyError, with the names that there are, for another one."""
        if name not in self.given:
            raise KeyError(f"{name!r} did not come with the detections, but {', '.join(self)}")
        values, rows = self.given[name], self.rows[self.rows != NO_ROW]
        if isinstance(values, list | tuple):
            return [values[row] for row in rows.tolist()]
        return values[rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)

    def __repr__(self) -> str:
        count = int(np.count_nonzero(self.rows != NO_ROW))
        return f"<{', '.join(self)} of {counted(count, 'detection')}>"

    def take(self, chosen: Any) -> "DetectionData":
        """That of the chosen detections or tracks (mask, indices or slice)."""
        return DetectionData(self.given, self.rows[chosen])

    def each(self) -> Iterator[dict[str, Any]]:
        """The values of each detection or track by name, none of one without a row."""
        for row in self.rows.tolist():
            if row == NO_ROW:
                yield {}
            else:
                yield {name: values[row] for name, values in self.given.items()}

    def of_tracks(self, rows: NDArray[np.int64], det_ind: NDArray[np.int64]) -> "DetectionData":
        """That of tracks, where this is the data of the detections ``rows`` [N] of the caller's
        array. det_ind [M]: of the tracks, in the same array, -1 where they were not detected."""
        seen, own = det_ind >= 0, np.full(len(det_ind), NO_ROW)
        order = rows.argsort()
        own[seen] = self.rows[order[rows.searchsorted(det_ind[seen], sorter=order)]]
        return DetectionData(self.given, own)


def taken(data: Mapping[str, Any], chosen: Any) -> Mapping[str, Any]:
    """DetectionData.take; nothing of nothing."""
    return data.take(chosen) if isinstance(data, DetectionData) else data


def each_of(data: Mapping[str, Any], count: int) -> Iterator[Mapping[str, Any]]:
    """DetectionData.each; ``count`` times nothing of nothing."""
    return data.each() if isinstance(data, DetectionData) else repeat(data, count)


def of_rows(data: Any, rows: NDArray[np.int64], count: int) -> DetectionData | dict[str, Any]:
    """``data``, of ``count`` values by each name, as that of the ``rows`` [M]; {} where it is
    nothing. Raises MambatrackError for another number of values, and for what is no mapping."""
    data = by_name(data)
    for name, values in data.items():
        if _length(values) != count:
            raise MambatrackError(_of_another_number(name, values, count))
    return DetectionData({name: _plain(data[name]) for name in data}, rows) if data else {}


def of_boxes(data: Any, count: int) -> DetectionData | dict[str, Any]:
    """``data`` as that of ``count`` boxes. Raises MambatrackError likewise, also for the data of
    other boxes."""
    if not isinstance(data, DetectionData):
        return of_rows(data, np.arange(count), count)
    if len(data.rows) != count:
        raise MambatrackError(
            f"{counted(count, 'box')}, but data of {len(data.rows)}; choose with select(), which "
            "takes both"
        )
    return data


def by_name(data: Any) -> Mapping[str, Any]:
    """``data``, nothing for None. Raises MambatrackError for what is no mapping from texts."""
    if data is None:
        return {}
    if not isinstance(data, Mapping) or not all(isinstance(name, str) for name in data):
        raise MambatrackError(
            f"the data of detections is {shown(data)}; expected values by name, as "
            '{"keypoints": [N, 17, 3]}'
        )
    return data


def with_detections(source: Any, count: int) -> dict[str, Any]:
    """What another library's object has for each of its ``count`` detections: further values of a
    mapping, masks and key points of Ultralytics, mask and data of supervision. Values of another
    number belong to the picture; masks and key points raise MambatrackError."""
    if hasattr(source, "columns"):
        return {}  # of a data frame, where mask is a method
    if isinstance(source, Mapping):
        known = {name: source[name] for name in source if name not in OF_THE_BOX}
    elif hasattr(source, "boxes"):
        known = {name: getattr(source, name, None) for name in ("masks", "keypoints")}
        known = {name: getattr(each, "data", None) for name, each in known.items()}
    else:
        data = getattr(source, "data", None)
        known = {"masks": getattr(source, "mask", None)}
        known |= data if isinstance(data, Mapping) else {}
    return {
        name: values
        for name, values in known.items()
        if isinstance(name, str) and _belongs(name, values, count)
    }


def _belongs(name: str, values: Any, count: int) -> bool:
    if values is None or not count:
        return False
    if _length(values) == count:
        return True
    if name in PER_DETECTION:
        raise MambatrackError(_of_another_number(name, values, count))
    return False


def _length(values: Any) -> int | None:
    """The number of values, None where it is a single one."""
    if isinstance(values, str | bytes | Mapping | set | frozenset):
        return None
    try:
        return len(values)
    except TypeError:
        return None


def _of_another_number(name: str, values: Any, count: int) -> str:
    length = _length(values)
    found = f"no list but {shown(values)}" if length is None else counted(length, "value")
    return f"data {name!r} has {found} for {counted(count, 'detection')}; expected one for each"


def _plain(values: Any) -> Any:
    """A column of pandas as an array, whose rows count from 0; anything else as it is."""
    return values.to_numpy() if hasattr(values, "iloc") else values
