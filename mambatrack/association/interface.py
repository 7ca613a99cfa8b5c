"""What the tracker asks of an association."""

from typing import NamedTuple, Protocol

from mambatrack.assignment import Indices
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.track_table import TrackTable


class Associated(NamedTuple):
    """rows [K] of the table and the detections seen there [K]; detections that start tracks [B]."""

    rows: Indices
    seen: Indices
    born: Indices


class Association(Protocol):
    """Who is seen where. memory_size: floats per track that it keeps in the table."""

    memory_size: int

    def __call__(self, table: TrackTable, found: Detections, boxes: Boxes) -> Associated:
        """The table after TrackTable.predict; boxes [M, 4]: the detections as cxcywh pixels."""
        ...
