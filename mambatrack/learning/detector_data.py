"""Pictures of people that a detector learns from, held in memory."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mambatrack.datasets.labelled_pictures import Labelled, labelled_pictures
from mambatrack.errors import MambatrackError

Picture = NDArray[np.uint8]
HELD_OUT = 10  # the last of so many pictures of a folder are kept for validation
LEVELS = 3  # of a pyramid of pictures


class Scene(NamedTuple):
    """levels: the picture [H, W, 3] uint8 BGR, and smaller by half each; boxes [N, 4] float32,
    xyxy, pixels of the first; sure [N] float32, from 0 to 1."""

    levels: tuple[Picture, ...]
    boxes: NDArray[np.float32]
    sure: NDArray[np.float32]


class Scenes(NamedTuple):
    """Those to learn from, by folder, and those to measure with; shares: how often each folder is
    drawn, as shares of their sum."""

    learnt: list[list[Scene]]
    held_out: list[Scene]
    shares: NDArray[np.float64]

    def any(self, rng: Generator) -> Scene:
        """One to learn from."""
        ends = np.cumsum(self.shares)
        folder = self.learnt[int(np.searchsorted(ends, rng.random() * ends[-1], side="right"))]
        return folder[int(rng.integers(len(folder)))]

    def counts(self) -> tuple[int, int]:
        """Pictures to learn from, and people in them."""
        people = [len(each.sure) for folder in self.learnt for each in folder]
        return len(people), sum(people)


def read_scenes(
    folders: Sequence[str | Path],
    side: int,
    classes: Sequence[int],
    shares: Sequence[float] = (),
) -> Scenes:
    """side: longer side in pixels above which a picture is made smaller;  shares: how often each
    folder is drawn, the roots of their numbers of pictures where none are given. The last tenth of
    each folder's pictures is held out. Raises MambatrackError for unusable folders or shares, and
    where there are not both pictures to learn from with people in them, and pictures to measure
    with."""
    learnt: list[list[Scene]] = []
    measured: list[Scene] = []
    for folder in map(Path, folders):
        found = labelled_pictures(folder, classes)
        first = len(found) - len(found) // HELD_OUT
        learnt.append([_scene(each, side) for each in found[:first]])
        measured.extend(_scene(each, side) for each in found[first:])
    scenes = Scenes(learnt, measured, _shares(shares, learnt))
    pictures, people = scenes.counts()
    held_out = sum(len(each.sure) for each in scenes.held_out)
    if not people or not held_out:
        raise MambatrackError(
            f"{pictures} pictures to learn from show {people} people of class "
            f"{', '.join(map(str, classes))}, and {len(scenes.held_out)}, the last tenth of each "
            f"folder, {held_out}; both need people"
        )
    return scenes


def _shares(given: Sequence[float], learnt: list[list[Scene]]) -> NDArray[np.float64]:
    found = np.array(given or np.sqrt([len(each) for each in learnt]), float)
    if len(found) != len(learnt) or (found < 0).any() or not found.sum() > 0:
        raise MambatrackError(
            f"detector_training.shares: one for each of the {len(learnt)} folders expected, 0 or "
            f"more and not all 0, found {', '.join(map(str, given))}"
        )
    return found


def _scene(labelled: Labelled, side: int) -> Scene:
    picture = cv2.imread(str(labelled.picture), cv2.IMREAD_COLOR)
    if picture is None:
        raise MambatrackError(f"{labelled.picture} is no picture, or cut off; take it out")
    height, width = picture.shape[:2]
    share = min(1.0, side / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    levels = [np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)]
    while len(levels) < LEVELS and min(size) > 1:
        size = -(-size[0] // 2), -(-size[1] // 2)
        levels.append(np.asarray(cv2.resize(levels[-1], size, interpolation=cv2.INTER_AREA)))
    boxes = labelled.boxes * np.tile(np.array(levels[0].shape[1::-1], np.float32), 2)
    return Scene(tuple(levels), boxes, labelled.sure)
