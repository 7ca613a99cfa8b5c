"""Who held which id when: the stretches in which an object of the truth had one id."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.matching import Mask, match, select
from mambatrack.datasets.sequences import Trajectories


@dataclass(frozen=True)
class Timeline:
    """Stretches [S] of frames ``first`` to ``last`` (from 1, both included) in which ``object`` was
    present in the truth and had the ``id`` of a track, or none (-1). By object and time."""

    object: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    id: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.object)


def timeline(truth: Trajectories, results: Trajectories, predicted: Mask) -> Timeline:
    """From the boxes that were seen, matched one-to-one to the truth in each frame, IoU >= 0.5."""
    observed = select(results, ~predicted)
    matched = match(truth, observed)
    held = np.full(len(truth), -1)
    held[matched >= 0] = observed.id[matched[matched >= 0]]
    order = np.lexsort((truth.frame, truth.id))
    objects, frames, ids = truth.id[order], truth.frame[order], held[order]
    changes = (np.diff(objects) != 0) | (np.diff(frames) != 1) | (np.diff(ids) != 0)
    starts = np.flatnonzero(np.concatenate([[True], changes])) if len(order) else order
    stops = np.append(starts[1:], len(order))[: len(starts)] - 1
    return Timeline(objects[starts], frames[starts], frames[stops], ids[starts])
