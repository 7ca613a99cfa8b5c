"""Whether the camera moves: whether most corners of the picture that move together have moved."""

from typing import Any

import cv2
import numpy as np

from mambatrack.detectors.background import Picture

CORNERS = 150  # of a picture, the most that are followed
QUALITY, DISTANCE = 0.02, 12  # of corners: of the best one's, at least; pixels between two
FEWEST = 12  # corners; fewer say nothing
SPAN = 10  # frames, after which corners are chosen anew
TOGETHER = 1.0  # pixels, how far corners that move together may be from where they should be
STAYED = 1.0  # pixels, the farthest that a corner at rest is found away
SHARE = 0.6  # of the last frames, weighted: so often is the picture displaced when a camera moves
SMOOTHING = 0.15  # a frame, at which that share follows


class CameraMotion:
    """Follows corners of the working picture, in its pixels.

    The largest group of corners that move together is the scene, as people go their own ways.
    moving: the scene was displaced in most of the last frames, so that neither a cut nor a flash is
    motion of the camera
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
            self._share += SMOOTHING * (self._displaced(grey) - self._share)
        self._age += 1
        if self._age >= SPAN:
            self._picture, self._age = grey, 0
            self._corners = cv2.goodFeaturesToTrack(grey, CORNERS, QUALITY, DISTANCE)

    def _displaced(self, grey: Picture) -> bool:
        """Whether the scene is elsewhere than when its corners were chosen, or lost."""
        places, found, _ = cv2.calcOpticalFlowPyrLK(
            self._picture, grey, self._corners, self._corners.copy()
        )
        kept = found[:, 0] == 1
        if kept.sum() < FEWEST:
            return True
        before, after = self._corners[kept], places[kept]
        _, scene = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=TOGETHER
        )
        distances = np.linalg.norm(after - before, axis=2)[scene == 1]
        return bool(len(distances) and np.median(distances) > STAYED)
