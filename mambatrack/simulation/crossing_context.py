"""What happens around each true box over time, by which people who cross alike are found.

The numbers are weighed so that boxes whose numbers are near each other are detected alike: the
distance between two of them is Euclidean.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.matching import (
    Mask,
    Rows,
    neighbour_overlap,
    pair_iou,
    pairs_in_frames,
)
from mambatrack.datasets.sequences import Trajectories

FADING = 8  # frames in which the nearness of a track's end falls by the factor e
GRID = 12  # points along each side of a box that decide which share of it is hidden
MIRROR = np.array([1, 1, -1, 1, 1, 1, -1, 1, 1, 1, 1, 1, 1, 1], np.float32)

Floats = NDArray[np.float64]
Context = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """True boxes by identity and frame, and what happens around them.

    context [N, C]: as _context gives it; MIRROR has the signs in a mirror
    behind, ahead [N]: frames before and after each row until its track breaks off
    overlap, partner [N]: largest IoU with another box, and its row, -1 where none overlaps
    farther [N]: whether that one is nearer to the camera, as _nearer has it
    """

    truth: Trajectories
    context: Context
    behind: Rows
    ahead: Rows
    overlap: Floats
    partner: Rows
    farther: Mask

    def profile(self, anchors: Rows, steps: Rows) -> Context:
        """[B, M * P * C] the context of the people [B, M] at ``steps`` [P] from their rows; held
        where a track breaks off."""
        return self.context[self.move(anchors[..., None], steps)].reshape(len(anchors), -1)

    def move(self, rows: Rows, steps: Rows) -> Rows:
        """The rows of the same tracks some frames later, or the last ones there are."""
        return rows + np.clip(steps, -self.behind[rows], self.ahead[rows])


def describe_scene(truth: Trajectories, image_size: tuple[int, int]) -> Scene:
    """``truth`` by identity and frame."""
    breaks = (np.diff(truth.frame) != 1) | (np.diff(truth.id) != 0)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1, [len(truth)]])
    size, rows = np.diff(first), np.arange(len(truth))
    behind = rows - np.repeat(first[:-1], size)
    ahead = np.repeat(first[1:], size) - 1 - rows
    overlap, partner = neighbour_overlap(truth)
    farther = (partner >= 0) & _nearer(truth, rows, partner)
    context = _context(truth, image_size, behind, ahead)
    return Scene(truth, context, behind, ahead, overlap, partner, farther)


def join_scenes(scenes: Many[Scene]) -> Scene:
    """One after the other, with frames and identities of their own."""
    parts, frames, identities, rows = [], 0, 0, 0
    for each in scenes:
        truth = each.truth
        moved = truth.frame + frames, truth.id + identities, truth.boxes
        partner = np.where(each.partner < 0, -1, each.partner + rows)
        around = each.context, each.behind, each.ahead, each.overlap, partner, each.farther
        parts.append((*moved, *around))
        frames += int(truth.frame.max(initial=0)) + 1
        identities += int(truth.id.max(initial=0)) + 1
        rows += len(truth)
    frame, identity, boxes, *rest = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Scene(Trajectories(frame, identity, boxes), *rest)


def occlusion(truth: Trajectories) -> Floats:
    """[len(truth)] share of each box that is covered by boxes nearer to the camera. Counted on
    GRID x GRID points."""
    rows, others = pairs_in_frames(truth.frame, truth.frame)
    nearer = _nearer(truth, rows, others)
    rows, others = rows[nearer], others[nearer]
    one, two = (truth.boxes[each].astype(np.float64) for each in (rows, others))
    touching = (np.minimum(one[:, 2:], two[:, 2:]) > np.maximum(one[:, :2], two[:, :2])).all(axis=1)
    rows, one, two = rows[touching], one[touching], two[touching]
    share = np.zeros(len(truth))
    if len(rows):
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        column, line = (_covered(one[:, axis::2], two[:, axis::2]) for axis in (0, 1))
        covered = np.logical_or.reduceat(column[:, :, None] & line[:, None, :], first)
        share[rows[first]] = covered.mean(axis=(1, 2))
    return share


def _covered(one: Floats, two: Floats) -> Mask:
    """one, two [P, 2] (low, high) -> [P, GRID] whether points along ``one`` lie in ``two``."""
    steps = (np.arange(GRID) + 0.5) / GRID
    points = one[:, :1] + steps * (one[:, 1:] - one[:, :1])
    return (points >= two[:, :1]) & (points < two[:, 1:])


def _context(
    truth: Trajectories, image_size: tuple[int, int], behind: Rows, ahead: Rows
) -> Context:
    """[N, 14] what decides how a detector errs: the hidden share, which matters most when there is
    little left to see; of all nearer people and of all farther ones the overlap, and overlap times
    place and size; own height, shape and speed; the nearness of both ends of the track."""
    boxes = truth.boxes.astype(np.float64)
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1)
    centre = (boxes[:, 2:] + boxes[:, :2]) / 2
    step = np.zeros(len(truth))
    goes_on = np.flatnonzero(ahead)
    step[goes_on] = np.abs((centre[goes_on + 1] - centre[goes_on]) / sides[goes_on]).max(axis=1)
    columns = [
        2 * occlusion(truth) ** 3,
        *_neighbours(truth, sides, centre),
        0.2 * np.log(sides[:, 1] / image_size[1]),
        0.3 * np.log(sides[:, 1] / sides[:, 0]),
        2 * np.minimum(step, 0.2),
        np.exp(-(behind + 1) / FADING),
        np.exp(-(ahead + 1) / FADING),
    ]
    return np.column_stack(columns).astype(np.float32)


def _neighbours(truth: Trajectories, sides: Floats, centre: Floats) -> list[Floats]:
    """Eight columns [N]: sums over nearer people of the covered share, and of it times their place
    and relative size; the same over farther people, with IoU."""
    rows, others = pairs_in_frames(truth.frame, truth.frame)
    iou = pair_iou(truth, truth, rows, others)
    kept = (iou > 0) & (rows != others)
    rows, others, iou = rows[kept], others[kept], iou[kept]
    size = sides.prod(axis=1)
    share = iou / (1 + iou) * (1 + size[others] / size[rows])
    right = centre[others, 0] - centre[rows, 0]
    below = truth.boxes[others, 1] - truth.boxes[rows, 1]
    place = (
        np.ones(len(rows)),
        2 * right / sides[rows, 0],
        2 * below / sides[rows, 1],
        np.log(sides[others, 1] / sides[rows, 1]),
    )
    nearer = _nearer(truth, rows, others)
    weights = np.where(nearer, share, 0), np.where(nearer, 0, iou)
    sums = [np.bincount(rows, w * each, len(truth)) for w in weights for each in place]
    return [each.astype(np.float64) for each in sums]


def _nearer(truth: Trajectories, rows: Rows, others: Rows) -> Mask:
    """[P] whether the other box is nearer to the camera: its bottom is lower in the image, or it is
    the later row of two that are level."""
    one, two = truth.boxes[rows, 3], truth.boxes[others, 3]
    return np.asarray((two > one) | ((two == one) & (others > rows)))
