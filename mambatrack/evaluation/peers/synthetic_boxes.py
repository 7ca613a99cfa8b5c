"""Moving boxes to time trackers with."""

import numpy as np

from mambatrack.evaluation.peers.process import Video
from mambatrack.evaluation.peers.results import SIZE


def moving_boxes(objects: int, frames: int, seed: int = 0) -> Video:
    """Detections of objects that move straight and turn at the border; the same for every call.

    A detection is missing with 10 %, its corners are off by 1 % of its height (standard deviation),
    and 15 % have a score below 0.6.
    """
    random = np.random.default_rng([seed, objects])
    size = np.array(SIZE)
    centre, velocity = random.uniform(0, size, (objects, 2)), random.normal(0, 2, (objects, 2))
    height = random.uniform(80, 160, objects)
    half = np.column_stack([0.4 * height, height]) / 2
    tables = []
    for frame in range(1, frames + 1):
        outside = (centre < 0) & (velocity < 0) | (centre > size) & (velocity > 0)
        velocity = np.where(outside, -velocity, velocity)
        centre = centre + velocity
        corners = np.column_stack([centre - half, centre + half])
        corners += random.normal(0, 0.01, corners.shape) * height[:, None]
        weak = random.random(objects) < 0.15
        scores = np.where(weak, random.uniform(0.1, 0.6, objects), random.uniform(0.7, 1, objects))
        seen = random.random(objects) >= 0.1
        tables.append(np.column_stack([np.full(objects, frame), corners, scores])[seen])
    return Video(frames, SIZE, np.concatenate(tables))
