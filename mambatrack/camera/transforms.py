"""Motion of the camera between two frames: the transform, its check, points and boxes moved.

A transform [3, 3] float64 maps points (x, y, 1) of the previous frame to this one, up to a factor:
an affine one has the last row (0, 0, 1), a homography (Hartley and Zisserman, 2004, section 2.3)
any other. What a tracker carries from frame to frame is moved by it before it is compared with what
this frame shows.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes, as_plausible
from mambatrack.errors import MambatrackError, shown

Transform = NDArray[np.float64]
Size = tuple[int, int]  # (width, height) in pixels

SAME_SHAPE = 0.02  # between the proportions of two sizes of one view, as sides are whole pixels
LEAST_AREA = 1e-6  # of what becomes of a square pixel
LARGEST = 1e9  # of a number in a transform
LEAST_WEIGHT = 0.1  # of a homography's denominator; points that are nearer to its horizon stop here
IDENTITY: Transform = np.eye(3)
IDENTITY.setflags(write=False)


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """What is known of the camera between the previous frame and this one.

    transform: [3, 3] float64, points of the previous frame -> this frame; the identity where the
               camera stands, and where nothing is known
    certainty: 0 (nothing is known) to 1; a transform that was given has 1
    cut:       True where this frame shows another view: no transform fits, tracks wait in place
    """

    transform: Transform
    certainty: float = 1.0
    cut: bool = False

    @property
    def stands(self) -> bool:
        """Whether nothing is moved."""
        return bool((self.transform == IDENTITY).all())


UNKNOWN = CameraMotion(IDENTITY, 0.0)
CUT = CameraMotion(IDENTITY, 1.0, cut=True)


def as_motion(given: Any) -> CameraMotion | None:
    """None as it is; a CameraMotion with its transform checked; a transform [2, 3] or [3, 3] with
    certainty 1.

    Raises MambatrackError where the transform has another shape, is not finite, or is singular.
    """
    if given is None or given is UNKNOWN or given is CUT:
        return given
    if isinstance(given, CameraMotion):
        return CameraMotion(checked_transform(given.transform), given.certainty, given.cut)
    return CameraMotion(checked_transform(given))


def checked_transform(given: Any) -> Transform:
    """A transform [2, 3] or [3, 3] -> [3, 3] whose last number is 1, not writable. Raises
    MambatrackError as as_motion()."""
    try:
        matrix = np.array(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise MambatrackError(_refusal(given, "is not an array of numbers")) from None
    if matrix.shape not in ((2, 3), (3, 3)):
        raise MambatrackError(_refusal(given, f"has the shape {matrix.shape}"))
    if not (np.abs(matrix) < LARGEST).all():
        raise MambatrackError(_refusal(given, "has numbers that are not finite or too large"))
    whole = np.vstack([matrix, IDENTITY[2:]]) if len(matrix) == 2 else matrix
    if abs(whole[2, 2]) < LEAST_AREA or not is_regular(whole / whole[2, 2]):
        raise MambatrackError(_refusal(given, "is singular or a mirror"))
    whole = whole / whole[2, 2]
    whole.setflags(write=False)
    return whole


def is_regular(transform: Transform) -> bool:
    """Whether a transform [3, 3] neither flattens nor mirrors the picture, and is finite."""
    areas = np.linalg.det(transform), np.linalg.det(transform[:2, :2])
    return bool(np.isfinite(transform).all()) and min(areas) > LEAST_AREA


def _refusal(given: Any, found: str) -> str:
    return (
        f"the camera's transform {found} ({shown(given)}); expected 2x3 or 3x3 finite numbers that "
        "map points of the previous frame to this one, or None where the camera stands"
    )


def moved_points(transform: Transform, points: NDArray) -> tuple[NDArray, NDArray]:
    """points [N, 2] pixels -> where they are in this frame [N, 2], and the linear part of the
    transform there [N, 2, 2]: what becomes of a small step."""
    linear, shift, slant = transform[:2, :2], transform[:2, 2], transform[2, :2]
    weight = np.maximum(points @ slant + 1, LEAST_WEIGHT)[:, None]
    places = (points @ linear.T + shift) / weight
    return places, (linear - places[:, :, None] * slant) / weight[:, :, None]


@dataclass(frozen=True, eq=False)
class LocalMotion:
    """A transform near each of N boxes.

    linear: [N, 2, 2], what becomes of a small step there
    stretch: [N, 2], by how much a box's width and height grow
    """

    linear: NDArray
    stretch: NDArray

    def vectors(self, vectors: NDArray) -> NDArray[np.float32]:
        """Steps [N, 2] in pixels, turned and stretched."""
        return np.einsum("nij,nj->ni", self.linear, vectors).astype(np.float32)

    @property
    def sides(self) -> NDArray[np.float32]:
        """[N, 4] factors of cx, cy, w, h: of lengths along them."""
        return np.tile(self.stretch, 2).astype(np.float32)


def moved_boxes(transform: Transform, boxes: Boxes) -> tuple[Boxes, LocalMotion]:
    """boxes [N, 4] cxcywh pixels -> moved ones, and the motion near each.

    The centre is moved; the sides grow as the transform stretches horizontal and vertical lines
    there. An upright box stays one: the hull of its turned corners would grow with each frame.
    """
    places, linear = moved_points(transform, boxes[:, :2].astype(np.float64))
    stretch = np.sqrt((linear**2).sum(axis=1))
    moved = np.concatenate([places, boxes[:, 2:] * stretch], axis=1, dtype=np.float32)
    return as_plausible(moved), LocalMotion(linear, stretch)


def scale_of(before: Size | None, now: Size | None) -> Transform | None:
    """From pictures of one size to those of another; None where one is not known, or their shapes
    differ, so that they show another view."""
    if before is None or now is None:
        return None
    across, down = now[0] / before[0], now[1] / before[1]
    return np.diag([across, down, 1.0]) if abs(across / down - 1) <= SAME_SHAPE else None


def distance(transform: Transform, size: tuple[int, int]) -> float:
    """Pixels by which the corners of a picture of ``size`` (width, height) move, in the mean."""
    width, height = size
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    return float(np.linalg.norm(moved_points(transform, corners)[0] - corners, axis=1).mean())


def inverted(motion: CameraMotion | None) -> CameraMotion | None:
    """The motion from this frame to the previous one."""
    if motion is None or motion.stands:
        return motion
    back = np.linalg.inv(motion.transform)
    return CameraMotion(back / back[2, 2], motion.certainty, motion.cut)
