"""Cameras that move, for tests and training: what they show of a world that stands still.

The world is a picture that is wider than what the camera sees of it. In each frame the camera looks
at one part of it, larger or smaller, a little rolled: a similarity, known exactly.

>>> views = camera_views("pan", 100, (960, 540), (640, 360))
>>> moved, _ = moved_boxes(views[5], boxes)          # of the world, cxcywh, as frame 5 shows them
>>> transform = between(views)[5]                    # from frame 4 to frame 5
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mambatrack.camera.transforms import Transform
from mambatrack.errors import MambatrackError

Floats = NDArray[np.float64]
Random = np.random.Generator
Size = tuple[int, int]

CUT_EVERY = 50  # frames


def camera_views(
    kind: str, frames: int, world: Size, size: Size, fps: float = 25.0, seed: int = 0
) -> Floats:
    """[frames, 3, 3]: for each frame what maps points of the world's picture, ``world`` (width,
    height) pixels, to those of the camera's, ``size``.

    kind: one of KINDS. Raises MambatrackError for another one, or a world that is smaller than what
    the camera shows.
    """
    if kind not in KINDS or min(np.subtract(world, size)) < 0:
        raise MambatrackError(
            f"no camera {kind!r} of {size} pixels before a world of {world}; expected one of "
            f"{', '.join(KINDS)}, and a world that is as large"
        )
    time = np.arange(frames) / fps
    path = KINDS[kind](time, np.random.default_rng(seed))  # x, y from -1 to 1, zoom, roll
    room = np.subtract(world, size) / 2
    centre = np.array(world) / 2 + path[:, :2] * room
    rest = zip(centre, path[:, 2], path[:, 3], strict=True)
    return np.array([_view(place, zoom, roll, size) for place, zoom, roll in rest])


def between(views: Floats) -> list[Transform]:
    """What maps points of the frame before to each frame; the identity for the first."""
    moves = [view @ np.linalg.inv(before) for before, view in pairwise(views)]
    return [np.eye(3), *moves]


def picture_of(image: NDArray[np.uint8], view: Transform, size: Size) -> NDArray[np.uint8]:
    """What the camera shows of the world's picture."""
    import cv2

    seen = cv2.warpPerspective(image, view, size, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.uint8)


def _view(centre: Floats, zoom: float, roll: float, size: Size) -> Transform:
    turn = zoom * np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    shift = np.array(size) / 2 - turn @ centre
    return np.vstack([np.column_stack([turn, shift]), [0, 0, 1]])


def _path(time: Floats, x: Floats | float = 0, y: Floats | float = 0,
          zoom: Floats | float = 1, roll: Floats | float = 0) -> Floats:  # fmt: skip
    return np.stack(np.broadcast_arrays(x, y, zoom, roll, time)[:4], axis=1).astype(np.float64)


def _stands(time: Floats, rng: Random) -> Floats:
    return _path(time)


def _pans(time: Floats, rng: Random) -> Floats:
    return _path(time, x=np.sin(1.2 * time + rng.uniform(0, 6)))


def _tilts(time: Floats, rng: Random) -> Floats:
    return _path(time, y=np.sin(1.2 * time + rng.uniform(0, 6)))


def _zooms(time: Floats, rng: Random) -> Floats:
    return _path(time, zoom=1.3 - 0.3 * np.cos(1.5 * time))


def _shakes(time: Floats, rng: Random) -> Floats:
    """A hand: each frame a little elsewhere, of which half stays in the next one."""
    x, y, roll = 0.1 * _tremor(rng, len(time), 3)
    return _path(time, x, y, 1, roll / 20)


def _walks(time: Floats, rng: Random) -> Floats:
    """Two steps a second: up and down with each, to the side with every second one."""
    swing = 2 * np.pi * time + rng.uniform(0, 6)
    tremor = 0.03 * _tremor(rng, len(time))
    return _path(
        time, 0.15 * np.sin(swing) + tremor[0], 0.12 * np.sin(2 * swing) + tremor[1],
        1 + 0.04 * time, 0.006 * np.sin(swing),
    )  # fmt: skip


def _drives(time: Floats, rng: Random) -> Floats:
    """Ahead, around a bend, on a road that is not even."""
    tremor = 0.05 * _tremor(rng, len(time))
    return _path(time, 0.8 * np.sin(0.5 * time), tremor[1], 1 + 0.08 * time, tremor[0] / 50)


def _cuts(time: Floats, rng: Random) -> Floats:
    """Stands, and every CUT_EVERY frames elsewhere."""
    shots = rng.uniform([-1, -1, 1], [1, 1, 1.6], (len(time) // CUT_EVERY + 1, 3))
    return _path(time, *shots[np.arange(len(time)) // CUT_EVERY].T)


def _tremor(rng: Random, frames: int, count: int = 2) -> Floats:
    """[count, frames] of variance 1, correlated from frame to frame."""
    noise, tremor = rng.standard_normal((count, frames)), np.zeros((count, frames))
    for frame in range(1, frames):
        tremor[:, frame] = 0.5 * tremor[:, frame - 1] + np.sqrt(0.75) * noise[:, frame]
    return tremor


KINDS: dict[str, Callable[[Floats, Random], Floats]] = {
    "stand": _stands, "pan": _pans, "tilt": _tilts, "zoom": _zooms, "shake": _shakes,
    "walk": _walks, "vehicle": _drives, "cuts": _cuts,
}  # fmt: skip
