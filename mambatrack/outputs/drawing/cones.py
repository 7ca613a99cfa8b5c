"""Forecasts in the picture: a cone from the feet of each track, as wide as it may be off."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.canvas import FRACTION, Image, fixed, paint
from mambatrack.outputs.drawing.colours import Colour
from mambatrack.outputs.drawing.rules import Shown
from mambatrack.tracks import Tracks, TrackState

Points = NDArray[np.float64]
FORESEEN = 10  # frames: who has not been seen for longer has a cone as wide as the picture
HERE, AHEAD = 140, 32  # opacity of the cone at the feet and at the horizon, of 255
PATH = 230, 110  # of the line in its middle
SHORTEST = 0.2  # of the height of its box: who stays where they are has no cone
PARTS = 10


def cones_ahead(
    forecast: Forecast, tracks: Tracks, shown: Shown
) -> Iterator[tuple[int, Points, NDArray]]:
    """The row of each track that has a cone, as it moves and was seen lately, the path of its feet
    [H + 1, 2] from now on, and how far it may be off [H + 1], pixels."""
    firm = shown.drawn & (tracks.state != TrackState.TENTATIVE) & (tracks.gap <= FORESEEN)
    _, rows, ahead = np.intersect1d(tracks.ids, forecast.ids, return_indices=True)
    for row, step in zip(rows.tolist(), ahead.tolist(), strict=True):
        if firm[row]:
            box = tracks.boxes[row]
            path, radii = feet_ahead(forecast, step, box)
            far = np.linalg.norm(path[-1] - path[0]) >= SHORTEST * height(box)
            if far and np.isfinite(path).all():
                yield row, path, np.nan_to_num(radii)


def draw_cone(
    canvas: Image, path: Points, radii: NDArray, colour: Colour, line: int, opacity: float = 1.0
) -> None:
    """A cone, one standard deviation wide on each side, which fades towards the horizon, and the
    path in its middle."""
    size = np.array(canvas.shape[1::-1], float)
    path = np.clip(path, -size, 2 * size)
    sides = cone(path, np.minimum(radii, size.max()))
    low = np.clip(np.floor(sides.min(axis=(0, 1))), 0, size).astype(int)
    high = np.clip(np.ceil(sides.max(axis=(0, 1))) + 1, 0, size).astype(int)
    if (low >= high).any():
        return
    mask = _faded(sides - low, path - low, (int(high[1] - low[1]), int(high[0] - low[0])), line)
    mask = (mask * opacity).astype(np.uint8)
    paint(canvas, int(low[0]), int(low[1]), mask, colour)


def feet_ahead(forecast: Forecast, row: int, box: NDArray) -> tuple[Points, NDArray]:
    """Middle of the box's lower edge now and at each step [H + 1, 2], and how far it may be off
    [H + 1], pixels; never less than before."""
    boxes = np.concatenate([box[None], forecast.boxes[row]]).astype(float)
    spread = forecast.spread[row].astype(float)
    off = np.hypot(np.hypot(spread[:, 0], spread[:, 1]), spread[:, 3] / 2) / np.sqrt(2)
    radii = np.maximum.accumulate(np.concatenate([[0.0], off]))
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1), radii


def cone(path: Points, radii: NDArray) -> Points:
    """[2, PARTS + 1, 2]: both sides of the cone, at points spread evenly along the path."""
    stops = np.linspace(0, len(path) - 1, PARTS + 1)
    whole = np.arange(len(path))
    points = np.stack([np.interp(stops, whole, path[:, axis]) for axis in (0, 1)], axis=1)
    ways = np.gradient(points, axis=0) + 0.1 * (path[-1] - path[0]) / PARTS
    ways /= np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-9)
    across = np.interp(stops, whole, radii)[:, None] * ways[:, ::-1] * (-1, 1)
    return np.stack([points - across, points + across])


def height(box: NDArray) -> float:
    return float(box[3] - box[1])


def _faded(sides: Points, path: Points, shape: tuple[int, int], line: int) -> Image:
    """[H, W] opacity of the cone and of the path in it."""
    mask = np.zeros(shape, np.uint8)
    parts = zip(np.linspace(HERE, AHEAD, PARTS), np.linspace(*PATH, PARTS), strict=True)
    stops = np.linspace(0, len(path) - 1, PARTS + 1).round().astype(int)
    inks = []
    for part, (opacity, ink) in enumerate(parts):
        ring = np.concatenate([sides[0, part : part + 2], sides[1, part : part + 2][::-1]])
        cv2.fillConvexPoly(mask, fixed(cv2.convexHull(ring.astype(np.float32))), int(opacity),
                           cv2.LINE_AA, FRACTION)  # fmt: skip
        inks.append((fixed(path[stops[part] : stops[part + 1] + 1]), int(ink)))
    for piece, ink in inks:
        cv2.polylines(mask, [piece], False, ink, line, cv2.LINE_AA, FRACTION)
    return mask
