"""Painted boxes to time trackers with."""

from collections.abc import Iterator
from itertools import islice
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

from mambatrack.evaluation.peers.process import Video

SIZE = (1920, 1080)  # of a picture, pixels
GROUP = 10  # people who meet each other
LATER = 10  # frames by which each further group is ahead of the one before


def moving_boxes(objects: int, frames: int, seed: int = 0) -> Video:
    """Detections of moving_objects()."""
    moved = moving_objects(objects, frames, seed)
    tables = [np.insert(rows, 0, frame, axis=1) for frame, (rows, _) in enumerate(moved, 1)]
    return Video(frames, SIZE, np.concatenate(tables))


def moving_objects(objects: int, frames: int, seed: int = 0) -> Iterator[tuple[NDArray, NDArray]]:
    """Of each frame detections [M, 5] as x1 y1 x2 y2 score, and of which object each is [M]. The
    objects move straight and turn at the border; the same for every call.

    A detection is missing with 10 %, its corners are off by 1 % of its height (standard deviation),
    and 15 % have a score below 0.6.
    """
    random = np.random.default_rng([seed, objects])
    size = np.array(SIZE)
    centre, velocity = random.uniform(0, size, (objects, 2)), random.normal(0, 2, (objects, 2))
    height = random.uniform(80, 160, objects)
    half = np.column_stack([0.4 * height, height]) / 2
    for _ in range(frames):
        outside = (centre < 0) & (velocity < 0) | (centre > size) & (velocity > 0)
        velocity = np.where(outside, -velocity, velocity)
        centre = centre + velocity
        corners = np.column_stack([centre - half, centre + half])
        corners += random.normal(0, 0.01, corners.shape) * height[:, None]
        weak = random.random(objects) < 0.15
        scores = np.where(weak, random.uniform(0.1, 0.6, objects), random.uniform(0.7, 1, objects))
        seen = random.random(objects) >= 0.1
        yield np.column_stack([corners, scores])[seen], seen.nonzero()[0]


def meeting_boxes(people: int, frames: int, seed: int = 0) -> Video:
    """Detections of about ``people`` dancers of the synthetic world (simulation/world.py), who
    cross, hide and stop.

    They dance in groups of about GROUP, so that who is near whom does not depend on their number.
    Each group has a picture of SIZE to itself; the pictures lie side by side in a large one.
    """
    from mambatrack.simulation.world import simulate

    groups = max(1, round(people / GROUP))
    columns = ceil(sqrt(groups))
    world = simulate(seed, round(people / groups), SIZE, pillars=0)
    found = [each.detections for each in islice(world, frames + LATER * (groups - 1))]
    tables = [
        np.column_stack(
            [
                np.full(len(own), frame + 1),
                own.boxes + np.tile(np.multiply((group % columns, group // columns), SIZE), 2),
                own.scores,
            ]
        )
        for frame in range(frames)
        for group in range(groups)
        for own in [found[frame + LATER * group]]
    ]
    size = SIZE[0] * columns, SIZE[1] * ceil(groups / columns)
    return Video(frames, size, np.concatenate(tables).astype(float))
