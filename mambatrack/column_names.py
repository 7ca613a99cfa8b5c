"""What columns of a table are called that hold boxes, by whoever wrote it."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

CORNERS, SIZES, CENTRES = "corners", "sizes", "centres"  # x1 y1 x2 y2; left top width height
STARTS = {("x_min", "y_min"): ("x_max", "y_max"), ("xmin", "ymin"): ("xmax", "ymax"),
          ("x1", "y1"): ("x2", "y2"), ("left", "top"): ("right", "bottom")}  # fmt: skip
MIDDLES = (
    ("x_center", "y_center"), ("center_x", "center_y"), ("x_centre", "y_centre"), ("cx", "cy"),
    ("xc", "yc"), ("xcenter", "ycenter"),
)  # fmt: skip
SIDES = (("width", "height"), ("w", "h"))
PREFIXES = "", "bb_", "bbox_", "box_"
BOXES = tuple(
    (kind, tuple(f"{prefix}{name}" for name in names))
    for prefix in PREFIXES
    for kind, names in (
        *((CORNERS, (*start, *end)) for start, end in STARTS.items()),
        *((SIZES, (*start, *side)) for start in STARTS for side in SIDES),
        *((CENTRES, (*middle, *side)) for middle in MIDDLES for side in SIDES),
    )
)
FROM_ZERO = "frame_index"
FRAMES = (
    FROM_ZERO, "frame", "frame_id", "frame_number", "frame_no", "frame_num", "frame_idx", "frameid",
)  # fmt: skip
IMAGES = ("image", "image_name", "image_id", "filename", "file_name", "file")  # end in a number
IDS = ("tracker_id", "track_id", "id", "trackid", "object_id", "person_id", "identity")
SCORES = ("confidence", "conf", "score", "prob", "probability")
LABELS = ("class_id", "class", "label", "category_id", "cls", "category")
NAMES = ("class_name", "name", "category_name", "label_name")


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
