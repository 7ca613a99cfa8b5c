"""Whether the camera moves: whether most corners of the picture that move together have moved."""

import itertools
from typing import Any

import cv2
import numpy as np

from mambatrack.detectors.background import Picture

CELLS = 6  # of a picture, across and down; each has corners of its own
CORNERS = 4  # of a cell, the most that are followed
QUALITY, DISTANCE = 0.02, 12  # of corners: of the cell's best, at least; pixels between two
SHARPNESS = 1e-6  # of a corner, by which it can be followed; a plain road has some, too
FEWEST = 12  # corners; fewer say nothing
SPAN = 10  # frames, after which corners are chosen anew
TOGETHER = 1.0  # pixels, how far corners that move together may be from where they should be
AGREEING = 0.4  # of the corners, the fewest that are the scene
STAYED = 1.0  # pixels, the farthest that a corner at rest is found away
SHARE = 0.6  # of the last frames, weighted: so often is the picture displaced when a camera moves
SMOOTHING = 0.15  # a frame, at which that share follows


class CameraMotion:
    """Follows corners of the working picture, in its pixels.

    The largest group of corners that move together is the scene, if it is large enough, as people
    go their own ways. moving: the scene was displaced in most of the last frames, so that neither a
    cut nor a flash is motion of the camera
    """

    def __init__(self) -> None:
        self._share, self._age = 0.0, SPAN
        self._picture: Any = None
        self._corners: Any = None

    @property
    def moving(self) -> bool:
        return self._share >= SHARE

    def update(self, image: Picture) -> None:
        """``image [H, W, 3]``, of the size of those before."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if self._corners is not None and len(self._corners) >= FEWEST:
            displaced = self._displaced(grey)
            if displaced is not None:
                self._share += SMOOTHING * (displaced - self._share)
        self._age += 1
        if self._age >= SPAN:
            self._picture, self._age = grey, 0
            self._corners = spread_corners(grey)

    def _displaced(self, grey: Picture) -> bool | None:
        """Whether the scene is elsewhere than when its corners were chosen; None where they are
        lost, or too few of them agree, as behind a car that passes close to the camera."""
        places, found, _ = cv2.calcOpticalFlowPyrLK(
            self._picture, grey, self._corners, self._corners.copy(), minEigThreshold=SHARPNESS
        )
        kept = found[:, 0] == 1
        if kept.sum() < FEWEST:
            return None
        before, after = self._corners[kept], places[kept]
        _, scene = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=TOGETHER
        )
        distances = np.linalg.norm(after - before, axis=2)[scene == 1]
        if len(distances) < AGREEING * len(self._corners):
            return None
        return bool(np.median(distances) > STAYED)


def spread_corners(grey: Picture) -> Any:
    """Corners [N, 1, 2] of all parts of ``grey [H, W]``, so that one object whose corners are
    sharper than those of the floor does not have them all."""
    rows, columns = (np.linspace(0, side, CELLS + 1).astype(int) for side in grey.shape)
    found: list[Any] = [np.zeros((0, 1, 2), np.float32)]
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(columns):
            cell = grey[top:bottom, left:right]
            corners = cv2.goodFeaturesToTrack(cell, CORNERS, QUALITY, DISTANCE)
            if corners is not None:
                found.append(corners + np.array([left, top], np.float32))
    return np.concatenate(found)
