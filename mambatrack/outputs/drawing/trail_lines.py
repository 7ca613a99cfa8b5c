"""Trails in the picture: lines that fade and taper towards the past."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.outputs.drawing.box_lines import Corners
from mambatrack.outputs.drawing.canvas import FRACTION, Image, fixed, paint
from mambatrack.outputs.drawing.colours import Colour, colour_of
from mambatrack.outputs.drawing.trails import Trails

OLDEST, NEWEST, UNSEEN = 10, 235, 0.55  # opacity of its ends, of 255; factor where it was hidden
PIECES, TAIL = 7, 0.75  # number of steps of opacity; below 1: the tail is clearer than half
SHORTEST = 2.0  # pixels, in all
ON_HEAD = 4  # of its opacity a trail has such a part on a head
NO_HEAD = 0, 0, 0, 0
NEAR = 0.5 * (1 << FRACTION)  # how far a line may be off its points: half a pixel


def draw_trails(canvas: Image, trails: Trails, heads: Mapping[int, Corners], line: int) -> None:
    """All that have not faded; they are faint on the heads of their own tracks, by id."""
    size = np.array(canvas.shape[1::-1])
    for row in trails.opacity.nonzero()[0].tolist():
        points, seen, ages = trails.lines(row)
        points = points.clip(-size, 2 * size)
        if len(points) > 1 and (points.max(axis=0) - points.min(axis=0)).max() > SHORTEST:
            fresh = trails.opacity[row] * (1 - ages / trails.seconds) ** TAIL
            identity = int(trails.ids[row])
            head = heads.get(identity, NO_HEAD)
            _draw_trail(canvas, points, seen, fresh, colour_of(identity), head, line)


def _draw_trail(
    canvas: Image, points: NDArray, seen: NDArray, fresh: NDArray, colour: Colour, head: Corners,
    line: int,
) -> None:  # fmt: skip
    """fresh [P]: 1 for a new point, 0 for one as old as any."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int) - line - 1, 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + line + 2, canvas.shape[1::-1])
    if (low >= high).any():
        return
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    whole = fixed(points - low)
    for start, stop, seen_there in _pieces(seen):
        share = float(fresh[(start + stop) // 2])
        thick = max(1, round((line + 1) * (0.4 + 0.6 * share))) if seen_there else 1
        ink = OLDEST + (NEWEST - OLDEST) * share * (1 if seen_there else UNSEEN)
        piece = cv2.approxPolyDP(whole[start : stop + 1], NEAR, False)  # a third of the time
        cv2.polylines(mask, [piece], False, ink, thick, cv2.LINE_AA, FRACTION)
    left, top, right, bottom = np.maximum(np.subtract(head, (*low, *low)), 0).tolist()
    mask[top:bottom, left:right] //= ON_HEAD
    paint(canvas, int(low[0]), int(low[1]), mask, colour)


def _pieces(seen: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    """First and last point of each piece, and whether it is seen throughout or hidden; they
    join."""
    last = len(seen) - 1
    ends = {*range(0, last, -(-last // PIECES)), last}
    ends.update(((seen[1:-1] != seen[2:]).nonzero()[0] + 1).tolist())
    order = sorted(ends)
    for start, stop in pairwise(order):
        yield start, stop, bool(seen[stop])
