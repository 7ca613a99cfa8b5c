"""What stays where it is in the scene, while the camera moves."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes, cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.transforms import (
    IDENTITY,
    CameraMotion,
    Transform,
    moved_boxes,
    moved_points,
)


def views_of(motions: Iterable[CameraMotion | None]) -> dict[int, Transform] | None:
    """What maps points of the first picture to each one, by its number; None where the camera
    stands throughout. Over a cut nothing is known, and nothing moves."""
    views, scene = {}, Scene()
    for frame, motion in enumerate(motions):
        scene.note(without_cut(motion))
        views[frame] = scene.shown
    return views if scene.shown is not IDENTITY else None


def without_cut(motion: CameraMotion | None) -> CameraMotion | None:
    """The motion; None for a cut, over which tracks wait where they are in the picture."""
    return None if motion is None or motion.cut else motion


def moved_by_frame(
    views: Mapping[int, Transform], frames: NDArray[np.int64], boxes: Boxes, back: bool = False
) -> tuple[Boxes, Boxes]:
    """Boxes [R, 4] cxcywh of the first picture, as their frames [R] show them, or with ``back`` the
    other way round; and by what their cx, cy, w and h are stretched [R, 4]."""
    moved, sides = np.empty_like(boxes), np.empty_like(boxes)
    for frame in np.unique(frames).tolist():
        own = frames == frame
        view = np.linalg.inv(views[frame]) if back else views[frame]
        moved[own], near = moved_boxes(view / view[2, 2], boxes[own])
        sides[own] = near.sides
    return moved, sides


class Scene:
    """The picture of the first frame, and where it is now; after a cut that of the first one then.

    shown: [3, 3], points of that picture -> the newest frame
    """

    def __init__(self) -> None:
        self.shown: Transform = IDENTITY

    def note(self, motion: CameraMotion | None) -> None:
        """One frame on; None: the camera stands."""
        if motion is not None and motion.cut:
            self.shown = IDENTITY
        elif motion is not None and not motion.stands:
            shown = motion.transform @ self.shown
            self.shown = shown / shown[2, 2]

    def points_now(self, points: NDArray) -> NDArray:
        """Points [N, 2] of the first picture, as the newest frame shows them."""
        return points if self.shown is IDENTITY else moved_points(self.shown, points)[0]

    def boxes_then(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes [N, 4] xyxy of the newest frame, where they would be in the first picture."""
        if self.shown is IDENTITY:
            return boxes
        back = np.linalg.inv(self.shown)
        moved, _ = moved_boxes(back / back[2, 2], xyxy_to_cxcywh(boxes))
        return cxcywh_to_xyxy(moved).astype(np.float32)
