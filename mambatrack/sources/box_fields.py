"""Boxes of JSON Lines that are objects: the numbers of each, and its further fields."""

from typing import Any

from mambatrack.errors import MambatrackError, shown

OF_THE_BOX = ("box", "score", "label")


def split_fields(rows: Any) -> tuple[Any, dict[str, list[Any]]]:
    """Rows of numbers, and the further fields by name, None for a box without one.

    rows: [x1, y1, x2, y2, score, class] each, or all objects with box, score (1 where it is left
    out) and label (0), named as in the JSON Lines of tracks. Raises MambatrackError for an object
    without a box.
    """
    if not isinstance(rows, list) or not any(isinstance(each, dict) for each in rows):
        return rows, {}
    for each in rows:
        box = each.get("box") if isinstance(each, dict) else None
        if not isinstance(box, list) or len(box) != 4:
            raise MambatrackError(
                f"a box is {shown(each)}; where one is an object, all are, as "
                '{"box": [x1, y1, x2, y2], "score": 0.9, "label": 0}'
            )
    numbers = [[*each["box"], each.get("score", 1.0), each.get("label", 0)] for each in rows]
    names = dict.fromkeys(name for each in rows for name in each if name not in OF_THE_BOX)
    return numbers, {name: [each.get(name) for each in rows] for name in names}
