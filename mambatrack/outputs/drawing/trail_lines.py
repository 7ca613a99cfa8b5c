"""Trails in the picture: lines that fade and taper towards the past."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.outputs.drawing.canvas import FRACTION, Image, fixed, paint
from mambatrack.outputs.drawing.colours import colour_of
from mambatrack.outputs.drawing.trails import Trails

OLDEST, NEWEST, UNSEEN = 10, 235, 0.55  # opacity of its ends, of 255; factor where it was hidden
PIECES = 8
SHORTEST = 2.0  # pixels, in all


def draw_trails(canvas: Image, trails: Trails, line: int) -> None:
    """All that have not faded."""
    for row in np.flatnonzero(trails.opacity).tolist():
        points, seen, ages = trails.lines(row)
        size = canvas.shape[1::-1]
        points = np.clip(points, [-each for each in size], [2 * each for each in size])
        if len(points) > 1 and np.ptp(points, axis=0).max() > SHORTEST:
            fresh = trails.opacity[row] * (1 - ages / trails.seconds)
            _draw_trail(canvas, points, seen, fresh, colour_of(int(trails.ids[row])), line)


def _draw_trail(
    canvas: Image, points: NDArray, seen: NDArray, fresh: NDArray, colour: tuple[int, int, int],
    line: int,
) -> None:  # fmt: skip
    """fresh [P]: 1 for a new point, 0 for one as old as any."""
    low = np.floor(points.min(axis=0)).astype(int) - line - 1
    high = np.ceil(points.max(axis=0)).astype(int) + line + 2
    low, high = np.maximum(low, 0), np.minimum(high, canvas.shape[1::-1])
    if (low >= high).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    whole = fixed(points - low)
    for start, stop in _pieces(seen):
        middle = (start + stop) // 2
        share = fresh[middle] if seen[stop] else UNSEEN * fresh[middle]
        thick = max(1, round((line + 1) * (0.4 + 0.6 * fresh[middle]))) if seen[stop] else 1
        ink = OLDEST + (NEWEST - OLDEST) * share
        cv2.polylines(mask, [whole[start : stop + 1]], False, ink, thick, cv2.LINE_AA, FRACTION)
    paint(canvas, int(low[0]), int(low[1]), mask, colour)


def _pieces(seen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last point of each piece, which is seen or hidden throughout; they join."""
    last = len(seen) - 1
    ends = {*np.linspace(0, last, min(PIECES, last) + 1).round().astype(int).tolist()}
    ends.update((np.flatnonzero(seen[1:-1] != seen[2:]) + 1).tolist())
    order = sorted(ends)
    return list(zip(order[:-1], order[1:], strict=True))
