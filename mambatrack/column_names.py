"""What columns of a table are called that hold boxes, by whoever wrote it."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

CORNERS, SIZES, CENTRES = "corners", "sizes", "centres"  # x1 y1 x2 y2; left top width height
BOXES = (
    (CORNERS, ("x_min", "y_min", "x_max", "y_max")),
    (CORNERS, ("xmin", "ymin", "xmax", "ymax")),
    (CORNERS, ("x1", "y1", "x2", "y2")),
    (CORNERS, ("left", "top", "right", "bottom")),
    (SIZES, ("left", "top", "width", "height")),
    (SIZES, ("bb_left", "bb_top", "bb_width", "bb_height")),
    (CENTRES, ("x_center", "y_center", "width", "height")),
    (CENTRES, ("cx", "cy", "w", "h")),
)
FROM_ZERO = "frame_index"
FRAMES = (FROM_ZERO, "frame", "frame_id", "frame_number")
IDS = ("tracker_id", "track_id", "id")
SCORES = ("confidence", "conf", "score")
LABELS = ("class_id", "class", "label", "category_id")
NAMES = ("class_name", "name")


def named(names: Sequence[str], header: Collection[str]) -> str | None:
    """The first of the names that a table has."""
    return next((name for name in names if name in header), None)


def box_columns(header: Collection[str]) -> tuple[str, tuple[str, ...]] | None:
    """CORNERS, SIZES or CENTRES, and the four columns; None where there are none."""
    return next(((kind, names) for kind, names in BOXES if set(names) <= set(header)), None)


def as_corners(kind: str, sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """[..., 4] as the columns have them -> xyxy."""
    first, second = sides[..., :2], sides[..., 2:]
    if kind == CENTRES:
        return np.concatenate([first - second / 2, first + second / 2], axis=-1)
    return np.concatenate([first, first + second if kind == SIZES else second], axis=-1)
