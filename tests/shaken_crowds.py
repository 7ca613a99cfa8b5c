"""Crowds as a detector that is far from exact sees them."""

import numpy as np

from mambatrack.simulation.world import make_world

SIZE = (320, 240)


def shaken(found, rng):
    """Rows [N, 5] of boxes and scores, each box moved by some pixels."""
    noise = rng.normal(0, 5, (len(found), 2))
    return np.column_stack([found.boxes + np.tile(noise, 2), found.scores])


def crowd_of_two_classes(seed, count, rng, steps=(0.05, 0.05, 0.05, 0.2)):
    """(rows [N, 6], seconds) of each frame; a class is mistaken now and then, and some frames are
    late. steps: seconds between two frames, one of which is drawn."""
    world, time_s = make_world(seed=seed, people=14, frames=count, size=SIZE), 0.0
    for frame in range(count):
        rows = shaken(world.detections(frame), rng)
        time_s += rng.choice(steps)
        yield np.column_stack([rows, rng.random(len(rows)) < 0.1]), time_s
