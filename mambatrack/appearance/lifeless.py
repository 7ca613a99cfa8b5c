"""Weak detections of people that never change are of things: posts, signs, dummies.

>>> lifeless = Lifeless(detector.names, seconds=5)
>>> tracks = lifeless.mark(image, tracker.update(detector(image, index)))

A person who stands still moves a hand or the head within seconds, and a detector that sees one well
is sure of it. Where the picture inside of a track's box stays the same, and the detector is not
sure, the track is of a thing. It keeps its id, and its state is TENTATIVE until it moves, or until
something in its box has been another for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou
from mambatrack.class_names import class_name
from mambatrack.tracks import Tracks, TrackState

PEOPLE = ("person", "people", "pedestrian", "human", "man", "woman", "child")
WEAK = 0.65  # mean score below which a detector is not sure
EVERY_S = 0.5  # between two looks
COVERED_S = 2.0  # for so long somebody who passes may cover a thing
MOVED = 0.6  # IoU with the box at the first look below which a track has moved
UNLIKE = 0.4  # root mean square of a block's difference, the picture in the box having 1
SIDE = 8.0  # pixels; smaller boxes show too little
WIDTH, HEIGHT = 16, 32  # of a patch
BLOCK = 4
FLAT = 2.0  # grey levels; a picture that varies less shows nothing
FOLLOWED = 0.1  # share of a look in what a thing looks like, as the light changes
THUMB = 16  # pixels between those by which a picture is known to be the one before

Patch = NDArray[np.float32]


@dataclass
class Watched:
    """One track since its box has been where it is: box [4] xyxy, its patch, times in seconds.

    total, looks: of its scores, and how many there were
    changed: since when the patch is another, None while it is the same
    """

    box: NDArray[np.float32]
    patch: Patch | None
    since: float
    total: float
    looks: int = 1
    changed: float | None = None
    thing: bool = False


class Lifeless:
    """names: of the detector's classes, by which those of people are known
    seconds: for which nothing changes about a thing; 0: nothing is one"""

    def __init__(self, names: Sequence[str], seconds: float):
        self._names, self._seconds = names, seconds
        self._watched: dict[int, Watched] = {}
        self._looked = -np.inf
        self._thumb = np.zeros((0, 0, 3), np.uint8)

    def mark(self, image: NDArray[np.uint8], tracks: Tracks) -> Tracks:
        """The same tracks of the picture [H, W, 3], those of things TENTATIVE. Nothing is told of
        tracks without a time."""
        now = tracks.time_s
        if not self._seconds or not image.size or now is None:
            return tracks
        if not 0 <= now - self._looked < EVERY_S:
            self._look(image, tracks, now)
        things = [each for each, watched in self._watched.items() if watched.thing]
        if not things:
            return tracks
        lifeless = np.isin(tracks.ids, things) & tracks.observed
        state = np.where(lifeless, np.uint8(TrackState.TENTATIVE), tracks.state)
        return replace(tracks, state=state)

    def _look(self, image: NDArray[np.uint8], tracks: Tracks, now: float) -> None:
        passed, self._looked = now - self._looked, now
        thumb = image[::THUMB, ::THUMB].copy()
        same, self._thumb = np.array_equal(thumb, self._thumb), thumb
        known = set(tracks.ids.tolist())
        self._watched = {each: of for each, of in self._watched.items() if each in known}
        if passed < 0:  # a clock that was set back
            self._watched.clear()
        if same:  # a stream that stands, or a scene in which nothing shows that it goes on
            for watched in self._watched.values():
                watched.since += passed
            return
        rows = (tracks.gap == 0).nonzero()[0]
        columns = tracks.ids[rows], tracks.boxes[rows], tracks.scores[rows], tracks.labels[rows]
        for identity, box, score, label in zip(*columns, strict=True):
            if class_name(self._names, label).lower() in PEOPLE:
                self._watch(image, int(identity), box, float(score), now)

    def _watch(
        self, image: NDArray[np.uint8], identity: int, box: NDArray[np.float32], score: float,
        now: float,
    ) -> None:  # fmt: skip
        watched = self._watched.get(identity)
        if watched is None or iou(box[None], watched.box[None])[0, 0] < MOVED:
            self._watched[identity] = Watched(box, patch_of(image, box), now, score)
            return
        patch = patch_of(image, watched.box)
        if unlike(patch, watched.patch) >= UNLIKE:
            watched.changed = now if watched.changed is None else watched.changed
            if not watched.thing or now - watched.changed >= COVERED_S:
                self._watched[identity] = Watched(box, patch_of(image, box), now, score)
            return
        assert patch is not None and watched.patch is not None
        watched.changed = None
        watched.total, watched.looks = watched.total + score, watched.looks + 1
        if watched.thing:
            watched.patch += FOLLOWED * (patch - watched.patch)
        elif now - watched.since >= self._seconds and watched.total < WEAK * watched.looks:
            watched.thing = True


def patch_of(image: NDArray[np.uint8], box: NDArray[np.float32]) -> Patch | None:
    """[HEIGHT, WIDTH, 3] of mean 0, what ``box`` has of the picture; None where it is too small."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).round().astype(int)
    if min(x1 - x0, y1 - y0) < SIDE:
        return None
    patch = cv2.resize(image[y0:y1, x0:x1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return patch.astype(np.float32) - patch.mean((0, 1), dtype=np.float32)


def unlike(one: Patch | None, other: Patch | None) -> float:
    """Root mean square difference of the two where it is largest, each scaled to 1; infinite where
    they show too little."""
    if one is None or other is None:
        return np.inf
    sizes = [float(np.sqrt((each**2).mean())) for each in (one, other)]
    if min(sizes) < FLAT:
        return np.inf
    squares = (one / sizes[0] - other / sizes[1]) ** 2
    blocks = squares.reshape(HEIGHT // BLOCK, BLOCK, WIDTH // BLOCK, BLOCK, 3).mean((1, 3, 4))
    return float(np.sqrt(blocks.max()))
