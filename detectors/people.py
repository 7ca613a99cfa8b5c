"""People in the foreground, by their sizes.

Lengths are pixels of the working picture, h is a person's height.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mambatrack.detectors.background import Picture
from mambatrack.detectors.sizes import MIN_HEIGHT, SHORT, Array, Sizes

MIN_AREA = 0.0003  # of the picture, smallest blob
CLEAR = 0.08  # of the picture's height, the shortest clear person before sizes are known
UPRIGHT = 0.2, 0.7  # width / height of a person alone
FILL = 0.35  # of the box of a person alone is foreground
PARTIAL, TALL, WIDE = 0.35, 1.25, 1.4  # of the expected size
GAP = 0.6, 0.1  # of h, so far apart are fragments of one person: vertically, horizontally
BLEND = 0.7  # how far the size of a box moves from the seen to the expected
KNOWN_IOU, KNOWN_SCORE = 0.3, 0.65  # a fragment of a person who was there in the last frame
UNKNOWN = 0.7  # times its share of h: score of any other fragment
TRUSTED = 0.6  # score from which a box is remembered until the next frame

SLIM = 0.6  # of a person's box, the width that is mostly foreground
PENALTY = 0.7  # of a pixel without foreground there; one with foreground counts 1
GAIN = 0.25  # mean of these at which a person's score is 0.6; at half of it there is nobody
VISIBLE = 0.25  # least share of a person that is not behind others
LOWEST = 0.7  # of the best gain; the lowest place with so much is taken first
STANCE = 0.15  # of h, how far above that place the best one is looked for
STEPS = 32  # places tried along h
MOST = 8  # people in one blob


class People:
    """Finds people in the foreground; remembers their sizes, and where they were last."""

    def __init__(self, height: int):
        self._sizes = Sizes(height)
        self._last = np.zeros((0, 4))

    def find(self, mask: Picture) -> Array:
        """``mask [H, W]`` of 0 and 1 -> [N, 5] xyxy and score."""
        joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 3), np.uint8))
        labels, boxes, areas = blobs(joined)
        width, height = (boxes[:, 2:] - boxes[:, :2]).T
        big = (areas >= MIN_AREA * mask.size) & (height >= MIN_HEIGHT * len(mask))
        dense = areas >= FILL * width * height
        upright = big & dense & (width >= UPRIGHT[0] * height) & (width < UPRIGHT[1] * height)
        if not self._sizes.known:
            upright &= height >= CLEAR * len(mask)
            table = np.column_stack([boxes, np.full(len(boxes), 0.8)])
            table = table[upright & self._sizes.tall(height)]
        else:
            score = self._alone(boxes) * dense
            rest = joined * np.append(False, big & (score == 0))[labels].astype(np.uint8)
            table = np.column_stack([boxes, score])[big & (score > 0)]
            table = np.concatenate([table, *self._groups(rest)])
            self._last = table[table[:, 4] >= TRUSTED, :4]
            table = table[self._sizes.within(table[:, 3])]
            table[:, :4] = self._usual(table[:, :4], mask.shape)
        self._sizes.learn(boxes[upright & inside(boxes, mask.shape).all(axis=1)])
        return table

    def _alone(self, boxes: Array) -> Array:
        """Score [N] of boxes as one whole person each; 0 where the size is not one's."""
        wanted, tall = self._sizes.expected(boxes[:, 3])
        width, share = boxes[:, 2] - boxes[:, 0], (boxes[:, 3] - boxes[:, 1]) / tall
        fits = (share >= SHORT) & (share < TALL) & (width < WIDE * wanted)
        return np.where(fits, 0.95 - np.abs(np.log(np.maximum(share, 1e-3))), 0)

    def _groups(self, rest: Picture) -> list[Array]:
        """Fragments close together, as one person, as a part of one, or as several."""
        if not rest.any():
            return []
        _, tall = self._sizes.expected(np.flatnonzero(rest.any(axis=1))[-1:])
        reach = np.maximum(np.round(tall * GAP[::-1]), 1).astype(int)
        labels, frames, _ = blobs(cv2.dilate(rest, np.ones(reach[::-1], np.uint8)))
        found = []
        for label, (left, top, right, bottom) in enumerate(frames.astype(int), start=1):
            part = np.s_[top:bottom, left:right]
            group = rest[part] * (labels[part] == label).astype(np.uint8)
            x, y, width, height = cv2.boundingRect(group)
            box = np.array([[x, y, x + width, y + height]]) + [left, top, left, top]
            score = self._alone(box)
            one = np.column_stack([box, score]) if score > 0 else self._fragment(box)
            found.append(self._crowd(group, left, top) if one is None else one)
        return found

    def _fragment(self, box: Array) -> Array | None:
        """``box [1, 4]`` made as tall as a person, if it is no wider than one.

        It grows upwards or downwards, whichever agrees with a box of the last frame; else upwards.
        """
        wide, tall = (float(size[0]) for size in self._sizes.expected(box[:, 3]))
        left, top, right, bottom = box[0]
        share = (bottom - top) / tall
        if not PARTIAL <= share < SHORT or right - left >= WIDE * wide:
            return None
        centre, half = (left + right) / 2, max(wide, right - left) / 2
        both = np.array([[centre - half, end - tall, centre + half, end]
                         for end in (bottom, top + tall)])  # fmt: skip
        overlap = iou(both, self._last).max(axis=1, initial=0)
        known = KNOWN_SCORE if overlap.max() >= KNOWN_IOU else 0
        return np.append(both[overlap.argmax()], max(known, UNKNOWN * share))[None]

    def _crowd(self, group: Picture, left: int, top: int) -> Array:
        """``group [H, W]`` at (left, top), covered with people from front to back -> [N, 5]."""
        margin = int(self._sizes.expected(np.array([top + len(group)]))[1][0] / 4)
        group = cv2.copyMakeBorder(group, margin, 0, margin, margin, cv2.BORDER_CONSTANT)
        corner = np.array([left, top, left, top]) - margin
        places = Places(group.shape, corner, self._sizes)
        value = np.where(group > 0, 1, -PENALTY).astype(np.float32)
        free = np.ones_like(value)
        found = []
        for _ in range(MOST):
            visible = places.means(free)
            gain = np.where(visible >= VISIBLE, places.means(value), -1)
            strength = gain / np.maximum(visible, VISIBLE)
            box, best = places.lowest(np.where(strength >= GAIN / 2, gain, -1))
            if gain[best] < 0 or strength[best] < GAIN / 2:
                break
            found.append([*(box + corner), min(1, TRUSTED * strength[best] / GAIN)])
            x0, y0, x1, y1 = np.maximum(np.round(box), 0).astype(int)
            value[y0:y1, x0:x1] = free[y0:y1, x0:x1] = 0
        return np.array(found).reshape(-1, 5)

    def _usual(self, boxes: Array, shape: tuple[int, int]) -> Array:
        """Boxes [N, 4] with sizes nearer to the expected ones; sides at the border stay."""
        body = xyxy_to_cxcywh(boxes)
        body[:, 2:] += BLEND * (np.stack(self._sizes.expected(boxes[:, 3]), axis=1) - body[:, 2:])
        whole = np.tile(inside(boxes, shape), 2)
        return np.where(whole, cxcywh_to_xyxy(body), boxes)


class Places:
    """Where in a picture [H, W], whose corner is at ``corner``, a person's feet may be: [Y, X]."""

    def __init__(self, shape: tuple[int, ...], corner: NDArray[np.int64], sizes: Sizes):
        rows = np.arange(1, shape[0] + 1)
        step = max(2, int(sizes.expected(rows[-1:] + corner[1])[1][0] / STEPS))
        self._y, self._x = rows[::-step], np.arange(0, shape[1] + 1, step)
        self._width, self._height = sizes.expected(self._y + corner[1])
        half = self._width[:, None] * SLIM / 2
        edges = self._y - self._height, self._x - half, self._x + half
        self._top, self._left, self._right = (
            np.clip(np.round(edge), 0, side).astype(int)
            for edge, side in zip(edges, (shape[0], shape[1], shape[1]), strict=True)
        )
        self._area = self._height[:, None] * 2 * half

    def means(self, values: NDArray[np.float32]) -> Array:
        """``values [H, W]`` -> means over a slim person at each place [Y, X]."""
        table = cv2.integral(values)
        strip = table[self._y] - table[self._top]
        right, left = (np.take_along_axis(strip, x, 1) for x in (self._right, self._left))
        return (right - left) / self._area

    def lowest(self, gain: Array) -> tuple[Array, tuple[int, int]]:
        """Box [4] and place of who stands lowest, if nearly as good as the best."""
        rows = gain.max(axis=1)
        row = int((rows >= LOWEST * rows.max()).argmax())
        near = self._y >= self._y[row] - STANCE * self._height[row]
        row += int(rows[row:][near[row:]].argmax())
        column = int(gain[row].argmax())
        x, y, half = self._x[column], self._y[row], self._width[row] / 2
        return np.array([x - half, y - self._height[row], x + half, y]), (row, column)


def blobs(mask: Picture) -> tuple[Any, Array, Array]:
    """-> labels [H, W] from 1, 0 is nothing; boxes [N, 4] xyxy and areas [N] of labels 1 to N"""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, ltype=cv2.CV_16U)
    x, y, width, height, area = stats[1:].T.astype(np.float64)
    return labels, np.stack([x, y, x + width, y + height], axis=1), area


def inside(boxes: Array, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """``boxes [N, 4]`` -> [N, 2]: does not touch the left or right, the top or bottom border."""
    size = np.array(shape[::-1])
    return (boxes[:, :2] > 1) & (boxes[:, 2:] < size - 1)
