"""How the camera moved, from the pictures: corners of the background, followed from frame to frame.

Corners of a key picture (Shi and Tomasi, 1994) are followed through the pictures after it (Lucas
and Kanade's method in pyramids; Bouguet, 2000) and back again. The transform from the key picture
to the newest one is what most of the corners agree on, found by random samples (RANSAC; Fischler
and Bolles, 1981), so that errors do not add up from frame to frame, and what moves slowly is told
from the background after a while. All of it is done on a reduced grey picture, and without corners
on what moves by itself.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes
from mambatrack.camera.transforms import (
    CUT,
    IDENTITY,
    UNKNOWN,
    CameraMotion,
    Transform,
    is_regular,
)

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]
Mask = NDArray[np.bool_]

SIDE = 640  # pixels of the longer side of the reduced picture
CORNERS, QUALITY, APART = 120, 0.001, 10  # corners to follow; of the best one's; pixels
WINDOW, LEVELS = (15, 15), 3  # around a corner, in pixels; of the pyramid
STEPS, NEAR = 10, 0.03  # towards a corner, at most; in pixels, where they end
LEAST_CORNERS, LEAST_FOR_CUT = 8, 30  # that tell a transform; that tell that there is none
KEPT = 0.6  # share of the corners below which the picture becomes the key picture
BACK = 0.5  # pixels that the way back may miss the corner by
INLIER = 1.0  # pixels
LEAST_AGREEING, SURE = 0.4, 0.7  # share of the corners: nothing is known; nothing is in doubt
LEAST_SPREAD = 0.05  # of the picture's sides, of the corners: nearer together they tell of no zoom
STILL, STANDING = 0.4, 0.5  # pixels since the key picture; share of corners that moved less
LOST = 0.5  # share of the corners that are found again, below which they are looked for elsewhere
CUT_DIFFERENCE = 15  # grey levels by which pictures of two views differ, in the mean
WIDER = 0.1  # of its width and height, by which a box is widened: shadows, hands


class _View(NamedTuple):
    """A reduced picture, and where it shows the background."""

    grey: Grey
    free: Mask


class PictureCamera:
    """The transforms between the pictures it is shown, as a CameraSource: shift, zoom and roll.

    homography: all 8 degrees of freedom; for a scene that is flat or far
    """

    def __init__(self, homography: bool = False):
        self.homography = homography
        self._before: _View | None = None
        self._key = self._now = np.zeros((0, 2), np.float32)  # the corners, then and now
        self._newest: Grey = np.zeros((0, 0), np.uint8)  # the picture of the corners now
        self._begun = 0  # corners of the key picture
        self._known = IDENTITY  # from the key picture to the last frame whose motion is known

    def __call__(self, image: NDArray[np.uint8], index: int, boxes: Boxes) -> CameraMotion | None:
        if not image.size:
            return None
        scale = min(1.0, SIDE / max(image.shape[:2]))
        grey = reduced(image, scale)
        now = _View(grey, background(grey, boxes * scale))
        before, self._before = self._before, now
        if before is None or before.grey.shape != grey.shape:
            self._begin(now)
            return UNKNOWN
        motion = self._follow(now) or self._begin_again(before, now)
        if len(self._now) < KEPT * self._begun:
            self._begin(now)
        return at_full_size(motion, scale)

    def _begin(self, view: "_View") -> None:
        """This is the key picture."""
        self._key = self._now = corners_of(view)
        self._newest, self._begun, self._known = view.grey, len(self._key), IDENTITY

    def _begin_again(self, before: "_View", now: "_View") -> CameraMotion:
        """What the corners of the key picture do not tell those of the picture before may."""
        self._begin(before)
        telling = self._begun >= LEAST_FOR_CUT and differs(before.grey, now.grey)
        motion = self._follow(now)
        if motion is None:
            self._begin(now)
            return CUT if telling else UNKNOWN
        return motion

    def _follow(self, view: "_View") -> CameraMotion | None:
        """The corners where they are in the next picture; None where they tell nothing."""
        now, found = followed(self._newest, view.grey, self._now)
        found &= inside(now, view.free)
        key, now = self._key[found], now[found]
        transform, agreeing = agreed(key, now, self.homography, view.grey.shape)
        if transform is None or agreeing < LEAST_AGREEING:
            return None
        moved = transform @ np.linalg.inv(self._known)
        self._key, self._now, self._newest, self._known = key, now, view.grey, transform
        return CameraMotion(moved / moved[2, 2], min(agreeing / SURE, 1.0))


def reduced(image: NDArray[np.uint8], scale: float) -> Grey:
    """The grey picture [h, w], smaller by ``scale``."""
    import cv2

    area = cv2.INTER_AREA
    small = image if scale == 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=area)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def background(grey: Grey, boxes: Boxes) -> Mask:
    """[h, w] True outside of the boxes [N, 4] xyxy pixels."""
    free = np.ones(grey.shape, bool)
    wider = WIDER * (boxes[:, 2:] - boxes[:, :2])
    size = grey.shape[1], grey.shape[0]
    low = np.clip(np.floor(boxes[:, :2] - wider), 0, size).astype(int)
    high = np.clip(np.ceil(boxes[:, 2:] + wider), 0, size).astype(int)
    for (x0, y0), (x1, y1) in zip(low.tolist(), high.tolist(), strict=True):
        free[y0:y1, x0:x1] = False
    return free


def corners_of(view: _View) -> Points:
    """[K, 2] corners of the background."""
    import cv2

    mask = view.free.view(np.uint8)
    found = cv2.goodFeaturesToTrack(view.grey, CORNERS, QUALITY, APART, mask=mask)
    return np.zeros((0, 2), np.float32) if found is None else np.asarray(found[:, 0], np.float32)


def followed(before: Grey, now: Grey, corners: Points) -> tuple[Points, Mask]:
    """Where the corners [K, 2] are now, and which of them the way back leads to again [K]. Where
    most are lost, they are looked for anew from where the picture as a whole has gone."""
    if not len(corners):
        return corners, np.zeros(0, bool)
    there, found = _there_and_back(before, now, corners, corners)
    if found.mean() < LOST:
        import cv2

        shift, _ = cv2.phaseCorrelate(before.astype(np.float32), now.astype(np.float32))
        there, found = _there_and_back(before, now, corners, corners + np.array(shift, np.float32))
    return there, found


def _there_and_back(
    before: Grey, now: Grey, corners: Points, guess: Points
) -> tuple[Points, Mask]:  # fmt: skip
    import cv2

    guessed = cv2.OPTFLOW_USE_INITIAL_FLOW
    ends = cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, STEPS, NEAR
    flow = partial(
        cv2.calcOpticalFlowPyrLK, winSize=WINDOW, maxLevel=LEVELS, criteria=ends, flags=guessed
    )
    there, found, _ = flow(before, now, corners, guess.copy())
    back, again, _ = flow(now, before, there, corners.copy())
    missed = np.linalg.norm(back - corners, axis=1)
    return np.asarray(there, np.float32), (found[:, 0] == 1) & (again[:, 0] == 1) & (missed < BACK)


def inside(points: Points, free: Mask) -> Mask:
    """Which points [K, 2] lie in the picture, on its background [K]."""
    height, width = free.shape
    column, row = np.floor(np.clip(points.T, -1, max(free.shape))).astype(int)
    within = (column >= 0) & (row >= 0) & (column < width) & (row < height)
    within[within] = free[row[within], column[within]]
    return within


def agreed(
    old: Points, new: Points, homography: bool, shape: tuple[int, ...]
) -> tuple[Transform | None, float]:
    """The transform [3, 3] that most corners agree on, None where there is none, and their share.
    shape: (height, width) of the picture"""
    import cv2

    if len(old) < LEAST_CORNERS:
        return None, 0.0
    standing = float((np.linalg.norm(new - old, axis=1) < STILL).mean())
    if standing >= STANDING:
        return IDENTITY, standing
    cv2.setRNGSeed(0)  # the same pictures always give the same transform
    if homography:
        found, inliers = cv2.findHomography(old, new, cv2.RANSAC, INLIER)
    else:
        found, inliers = cv2.estimateAffinePartial2D(
            old, new, method=cv2.RANSAC, ransacReprojThreshold=INLIER
        )
    if found is None:
        return None, 0.0
    chosen = inliers[:, 0] == 1
    if standing >= chosen.mean():
        return IDENTITY, standing
    whole = np.vstack([found, IDENTITY[2:]])[:3].astype(np.float64)
    if (old[chosen].std(axis=0) < LEAST_SPREAD * np.array(shape[::-1])).any():
        whole = IDENTITY.copy()
        whole[:2, 2] = np.median(new[chosen] - old[chosen], axis=0)
    return (whole if is_regular(whole) else None), float(chosen.mean())


def differs(before: Grey, now: Grey) -> bool:
    """Whether two pictures are of different views, by their grey levels."""
    return float(np.abs(before.astype(np.int16) - now).mean()) > CUT_DIFFERENCE


def at_full_size(motion: CameraMotion, scale: float) -> CameraMotion:
    """The motion of the picture itself, from that of one that is smaller by ``scale``."""
    if scale == 1 or motion.stands:
        return motion
    shrink = np.diag([scale, scale, 1.0])
    return CameraMotion(np.linalg.inv(shrink) @ motion.transform @ shrink, motion.certainty)
