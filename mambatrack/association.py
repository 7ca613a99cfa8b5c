"""Similarities, gates and the Hungarian assignment: arrays in, index pairs out."""

from typing import NamedTuple

import lap
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import height_iou, iou

Indices = NDArray[np.int64]


class Matches(NamedTuple):
    """pairs [K, 2] (track, detection); unmatched_tracks [.], unmatched_detections [.]."""

    pairs: Indices
    unmatched_tracks: Indices
    unmatched_detections: Indices


def similarity(tracks: NDArray, detections: NDArray, height_power: float = 0.0) -> NDArray:
    """IoU of predicted boxes [N, 4] and detected ones [M, 4], xyxy pixels -> [N, M] in [0, 1].

    height_power: multiplies by the overlap of the vertical extents to that power. People in a
    crossing differ in height and depth more than in place (Hybrid-SORT, AAAI 2024, uses power 1).
    """
    overlap = iou(tracks, detections)
    if height_power:
        overlap = overlap * height_iou(tracks, detections) ** height_power
    return overlap


def assign(similarities: NDArray, allowed: NDArray[np.bool_]) -> Matches:
    """The one-to-one matching of the largest total similarity; only ``allowed`` pairs are matched.

    similarities, allowed [N, M] -> Matches, of the right shapes also where N or M is 0.
    """
    tracks, detections = similarities.shape
    pairs = np.zeros((0, 2), np.int64)
    if allowed.any():
        cost = np.where(allowed, -similarities, 0.0)
        _, chosen, _ = lap.lapjv(cost, extend_cost=True)
        rows = np.flatnonzero(chosen >= 0)
        rows = rows[allowed[rows, chosen[rows]]]
        pairs = np.stack([rows, chosen[rows]], axis=1).astype(np.int64)
    return Matches(
        pairs,
        np.setdiff1d(np.arange(tracks), pairs[:, 0]),
        np.setdiff1d(np.arange(detections), pairs[:, 1]),
    )


def cascade(
    similarities: NDArray, passes: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
) -> Matches:
    """Several assignments in turn, each on what the earlier ones left over.

    similarities [N, M]; passes: (tracks taking part [N], pairs allowed [N, M]) of each pass.
    """
    free_tracks = np.ones(similarities.shape[0], bool)
    free_detections = np.ones(similarities.shape[1], bool)
    found = [np.zeros((0, 2), np.int64)]
    for taking_part, allowed in passes:
        rows = np.flatnonzero(free_tracks & taking_part)
        columns = np.flatnonzero(free_detections)
        block = np.ix_(rows, columns)
        local = assign(similarities[block], allowed[block]).pairs
        pairs = np.stack([rows[local[:, 0]], columns[local[:, 1]]], axis=1)
        free_tracks[pairs[:, 0]] = False
        free_detections[pairs[:, 1]] = False
        found.append(pairs)
    return Matches(
        np.concatenate(found), np.flatnonzero(free_tracks), np.flatnonzero(free_detections)
    )
