"""Lines and zones with their counts, drawn into a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.counting.counts import Counts, LineCount, ZoneCount, told
from mambatrack.outputs.drawing.colours import DARK, WHITE
from mambatrack.outputs.drawing.plates import draw_plate

COLOUR = (60, 200, 255)  # BGR
ARROW = 14.0  # pixels from a line to the right, where ``in`` leads


def draw_counts(image: NDArray[np.uint8], counts: Counts) -> None:
    """Into the picture [H, W, 3], in place."""
    thick = max(1, round(min(image.shape[:2]) / 360))
    places: list[LineCount | ZoneCount] = [*counts.lines, *counts.zones]
    for place in places:
        corners = np.round(np.array(place.points)).astype(np.int32)
        closed = isinstance(place, ZoneCount)
        cv2.polylines(image, [corners], closed, COLOUR, thick, cv2.LINE_AA)
        if isinstance(place, LineCount):
            _draw_direction(image, place, thick)
        at = corners[corners[:, 1].argmin()]
        draw_plate(image, int(at[0]), int(at[1]), told(place), DARK, WHITE)


def _draw_direction(image: NDArray[np.uint8], line: LineCount, thick: int) -> None:
    """An arrow from the middle of the line to where ``in`` leads."""
    start, end = np.array(line.points)
    along = (end - start) / np.linalg.norm(end - start)
    middle = (start + end) / 2
    tip = middle + ARROW * thick * np.array([-along[1], along[0]])
    a, b = (tuple(map(int, np.round(point))) for point in (middle, tip))
    cv2.arrowedLine(image, a, b, COLOUR, thick, cv2.LINE_AA, tipLength=0.4)
