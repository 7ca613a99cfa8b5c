"""The class of a track: votes of its detections, weighted by their scores."""

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 4  # classes that a track is remembered for
DECAY = 0.98  # of older votes, with each new one
MOST_VOTES = 1.01 / (1 - DECAY)  # of one class, scores being at most 1; rounding included
LEAST = 1e-3  # weight of a vote of score 0; what is below it is forgotten


def vote(
    classes: NDArray[np.int64],
    votes: NDArray[np.float32],
    labels: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> NDArray[np.int64]:
    """One vote per track: changes classes, votes [K, CANDIDATES] and returns the winners [K].

    labels [K], scores [K]: of the new detections. A class that is not among the candidates takes
    the place of the weakest; a place with 0 votes is free.
    """
    every = np.arange(len(labels))
    decay(votes)
    own = (classes == labels[:, None]) & (votes > 0)
    known = own.any(axis=1)
    place = np.where(known, own.argmax(axis=1), votes.argmin(axis=1))
    classes[every, place] = labels
    votes[every, place] = votes[every, place] * known + np.maximum(scores, LEAST)
    return classes[every, votes.argmax(axis=1)]


def decay(votes: NDArray[np.float32]) -> None:
    votes *= DECAY
    votes[votes < LEAST] = 0
