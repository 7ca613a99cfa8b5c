"""What the numbers of a saved state may be: each part that keeps some says it of its own.

A table of tracks (track_columns.py), a predictor and an association give a Field for each of their
numbers; tracking/saved_state.py checks them all before a state is taken over.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST_COUNT = 2**62
LARGEST_EXACT = 2**24  # up to here float32 holds every whole number
FARTHEST = 1e9  # pixels, of a centre, as far as a lost track may go on
LARGEST_SIZE = 2e7  # pixels, as detections are limited (detections.LIMITS)
SMALLEST_SIZE = 1e-30  # pixels; what is divided by it stays finite


class Field(NamedTuple):
    """name: in messages; values: of any shape; least, most: that are allowed, numbers or arrays
    that fit the values; whole: whether the values are whole numbers."""

    name: str
    values: NDArray
    least: Any
    most: Any
    whole: bool = False

    def fault(self) -> str:
        """What is wrong with the values, "" where nothing is."""
        values = np.asarray(self.values)
        wrong = ~((values >= self.least) & (values <= self.most))
        if self.whole and values.dtype.kind == "f":
            wrong |= values != np.floor(values)
        if not wrong.any():
            return ""
        seen, least, most = (
            np.broadcast_to(each, wrong.shape)[wrong][0].item()
            for each in (values, np.asarray(self.least), np.asarray(self.most))
        )
        kind = "whole numbers " if self.whole else ""
        return f"{self.name} {seen:.7g}, not {kind}from {least:.7g} to {most:.7g}"


def box_fields(name: str, boxes: NDArray[np.float32]) -> list[Field]:
    """Of boxes [..., 4] cxcywh."""
    return [
        Field(f"centres of {name}", boxes[..., :2], -FARTHEST, FARTHEST),
        Field(f"sizes of {name}", boxes[..., 2:], SMALLEST_SIZE, LARGEST_SIZE),
    ]
