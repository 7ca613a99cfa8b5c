"""What the learned association knows of every (track, detection) pair, as numbers.

All of it is measured in sizes of the boxes, so that neither resolution nor distance to the camera
matters. Names that begin with x_ change their sign in a mirror, left_ and right_ change places.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import Indices
from mambatrack.association.crowds import TILE, tiles
from mambatrack.association.interface import Candidates, Floats
from mambatrack.association.pairs import DENSE, similarity, sweep
from mambatrack.boxes import Boxes, cxcywh_to_xyxy
from mambatrack.detections import Detections
from mambatrack.networks.devices import c_library_for
from mambatrack.track_table import TrackTable

REACH, REACH_PER_FRAME, MOST_REACH = 0.2, 0.05, 2.0  # of the gate, in box sizes on each side
MANY_PAIRS, NEAREST = 2000, 4  # of more candidates each track and each detection keeps the nearest

NAMES = (
    "iou", "cover_width", "cover_height",  # of the predicted box
    "x_moved", "y_moved", "left_moved", "top_moved", "right_moved", "bottom_moved",
    "wider", "higher",
    "x_last", "y_last", "left_last", "top_last", "right_last", "bottom_last",  # last observed box
    "x_momentum", "y_momentum", "iou_last",
    "wider_fast", "higher_fast", "wider_slow", "higher_slow",  # than the running means
    "score", "score_fast", "score_slow", "usual_score",
    "gap", "hits", "x_speed", "y_speed", "x_surprise", "y_surprise", "spread_x", "spread_y",
    "found_crowd", "found_depth", "x_found_crowd", "found_crowd_score", "found_crowd_higher",
    "crowd", "depth", "x_crowd", "crowd_gap",  # the neighbour that overlaps the track most
    "rival_of_track", "rival_of_detection",  # best IoU of another pair
)  # fmt: skip
ALONE = ("score", "crowd", "depth", "x_crowd", "crowd_score", "crowd_higher")


def describe_pairs(
    table: TrackTable, found: Detections, boxes: Floats, class_aware: bool = False
) -> Candidates:
    """Candidates in the order of their tracks and then detections, with features [len(NAMES), K]
    and alone [len(ALONE), M]. boxes [M, 4]: the detections as cxcywh. A pair is a candidate where
    its boxes overlap after the predicted one was widened on each side, by more the longer the track
    was not seen; in a crowd, see nearest()."""
    predicted = np.ascontiguousarray(table["boxes"].T)
    corners = np.ascontiguousarray(cxcywh_to_xyxy(table["boxes"]).T)
    found_corners = np.ascontiguousarray(found.boxes.T)
    reach = np.minimum(REACH + REACH_PER_FRAME * table.missed, MOST_REACH) * predicted[2:]
    rows, columns = overlapping(corners + np.concatenate([-reach, reach]), found_corners)
    if class_aware:
        (same,) = (table["labels"][rows] == found.labels[columns]).nonzero()
        rows, columns = rows[same], columns[same]
    if len(rows) > MANY_PAIRS:
        near = nearest(rows, columns, distances(table["boxes"], boxes, rows, columns))
        rows, columns = rows[near], columns[near]
    alone = _of_detections(found, np.ascontiguousarray(boxes.T), found_corners)
    track = _of_tracks(table, predicted, corners)
    features = _of_pairs(track.take(rows, axis=1), alone.take(columns, axis=1))
    features[-2] = best_other(features[0], rows, len(table))
    features[-1] = best_other(features[0], columns, len(found))
    return Candidates(rows, columns, features, alone[-len(ALONE) :], len(table))


def overlapping(a: Floats, b: Floats) -> tuple[Indices, Indices]:
    """Indices of overlapping boxes a [4, N] and b [4, M], xyxy, in the order of ``a`` and then
    of ``b``."""
    if a.shape[1] * b.shape[1] > DENSE:
        rows, columns = sweep(a, b)
        order = np.lexsort((columns, rows))
        return rows[order], columns[order]
    over = (a[:2, :, None] < b[2:, None]) & (a[2:, :, None] > b[:2, None])
    return (over[0] & over[1]).nonzero()


def distances(tracks: Boxes, found: Boxes, rows: Indices, columns: Indices) -> Floats:
    """[K] of the boxes tracks [N, 4] and found [M, 4], cxcywh, in pairs: the square of the distance
    of their centres in sizes of the track's box."""
    apart = (found[columns, :2] - tracks[rows, :2]) / tracks[rows, 2:]
    return apart[:, 0] * apart[:, 0] + apart[:, 1] * apart[:, 1]


def nearest(rows: Indices, columns: Indices, far: Floats, most: int = NEAREST) -> NDArray[np.bool_]:
    """[K] which pairs are among the ``most`` nearest of their row or of their column, by how far
    apart the two are, ``far`` [K]."""
    kept = np.zeros(len(rows), bool)
    for side in (rows, columns):
        order = np.lexsort((far, side))
        first = np.flatnonzero(np.diff(side[order], prepend=-1))
        sizes = np.diff(first, append=len(order))
        last = order[first + np.minimum(sizes, most) - 1]  # the farthest of the nearest
        kept[order] |= far[order] <= np.repeat(far[last], sizes)
    return kept


def neighbours(corners: Floats) -> tuple[Floats, Indices]:
    """Of each box [4, N] the largest IoU with another one [N] and which that is [N]; itself where
    nothing overlaps. Work grows with their number, in heaps of boxes with its square."""
    count = corners.shape[1]
    if count <= TILE:
        return _neighbours(corners)
    most, which = np.zeros(count, np.float32), np.arange(count)
    for own, near in tiles(corners, corners):
        values, places = _neighbours(corners.take(near, axis=1))
        at = near.searchsorted(own)
        most[own], which[own] = values.take(at), near.take(places.take(at))
    return most, which


def _neighbours(corners: Floats) -> tuple[Floats, Indices]:
    if c_library_for("cpu"):
        from mambatrack.kernels.cpu import boxes

        return boxes.neighbours(corners)
    count = corners.shape[1]
    most, which = np.zeros(count, np.float32), np.arange(count)
    rows, others = overlapping(corners, corners)
    (apart,) = (rows != others).nonzero()
    rows, others = rows[apart], others[apart]
    values = similarity(corners.take(rows, axis=1), corners.take(others, axis=1))
    ascending = values.argsort()  # of several writes to one place the last one stays
    which[rows[ascending]] = others[ascending]
    most[rows[ascending]] = values[ascending]
    return most, which


def best_other(values: Floats, index: Indices, count: int) -> Floats:
    """values [K] of pairs, index [K] from 0 to ``count``, one side of each -> the largest value
    among the other pairs of that side [K], 0 where there is none."""
    if c_library_for("cpu"):
        from mambatrack.kernels.cpu import boxes

        return boxes.best_other(values, index, count)
    ascending = values.argsort()
    ranked, of = values[ascending], index[ascending]
    place = np.full(count, -1)
    place[of] = np.arange(len(of))
    best, second = np.zeros((2, count), np.float32)
    best[of] = ranked
    below = place[of] != np.arange(len(of))
    second[of[below]] = ranked[below]
    other = np.empty_like(values)
    other[ascending] = np.where(below, best[of], second[of])
    return other


def _of_tracks(table: TrackTable, boxes: Floats, corners: Floats) -> Floats:
    """[33, N]: predicted box as cxcywh and xyxy, last observed one likewise, where its momentum
    carries it, running means, and the features that are the track's alone."""
    last, means = table["last"].T, table["means"].T
    width, height = boxes[2], boxes[3]
    missed, hits = np.log1p(table.missed), np.minimum(table["hits"], 200)
    most, which = neighbours(corners)
    return np.concatenate(
        [
            boxes, corners, last, last[:2] - last[2:] / 2, last[:2] + last[2:] / 2,
            last[:2] + table["gap"] * means[6:8] * last[2:], means[:6],
            [missed, np.log(hits)], means[6:8], table["spread"].T[:2] / boxes[2:],
            [most, (corners[3, which] - corners[3]) / height,
             (boxes[0, which] - boxes[0]) / width, missed[which]],
        ], dtype=np.float32,
    )  # fmt: skip


def _of_detections(found: Detections, boxes: Floats, corners: Floats) -> Floats:
    """[16, M]: box as cxcywh and xyxy, log of width and height, and ALONE."""
    width, height = boxes[2], boxes[3]
    most, which = neighbours(corners)
    return np.concatenate(
        [
            boxes, corners, np.log(boxes[2:]),
            [found.scores, most, (corners[3, which] - corners[3]) / height,
             (boxes[0, which] - boxes[0]) / width, found.scores[which],
             np.log(height[which] / height)],
        ], dtype=np.float32,
    )  # fmt: skip


def _of_pairs(track: Floats, found: Floats) -> Floats:
    """The columns of both sides [33, K] and [16, K] -> NAMES [F, K]; the last two are left 0."""
    both = track[:16].reshape(2, 2, 4, -1)  # predicted and last observed box, cxcywh and xyxy
    sizes, corners = both[:, 0, 2:], both[:, 1]
    momentum, means, rest = track[16:18], track[18:24], track[24:]
    place, edges, logs, score = found[:2], found[4:8], found[8:10], found[10:11]
    low, high = corners[0, :2], corners[0, 2:]
    shared = np.minimum(high, edges[2:]) - np.maximum(low, edges[:2])
    hull = np.maximum(high, edges[2:]) - np.minimum(low, edges[:2])
    iou, last_iou = similarity(corners.transpose(1, 0, 2), edges[:, None])
    moved, last_moved = (place - both[:, 0, :2]) / sizes
    sides = (edges - corners).reshape(2, 2, 2, -1) / sizes[:, None]
    shifted, last_shifted = sides.reshape(2, 4, -1)
    spread = rest[4:6]
    surprise = moved / np.maximum(spread, 0.005)
    return np.concatenate(
        [
            iou[None], shared / hull,
            moved, shifted, logs - np.log(sizes[0]),
            last_moved, last_shifted, (place - momentum) / sizes[1], last_iou[None],
            logs - means[:2], logs - means[2:4],
            score, score - means[4:6], means[4:5],
            rest[:4], np.minimum(np.maximum(surprise, -8), 8), spread,
            found[11:16], rest[6:10], np.zeros((2, track.shape[1]), np.float32),
        ], dtype=np.float32,
    )  # fmt: skip
