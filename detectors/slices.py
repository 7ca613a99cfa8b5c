"""A network on overlapping slices of a picture, for objects that are small in it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack.detections import Detections, as_detections
from mambatrack.detectors.images import size_of
from mambatrack.detectors.nms import suppress

BATCH = 16  # slices that run together
EDGE = 2.0  # pixels from the edge of a slice within which a box may be cut
COVERED = 0.5  # share of a cut box inside a whole one, above which it is a part of that


class SlicedDetector:
    """Finds objects in the whole picture, for the large ones, and in its slices.

    side: of the slices in pixels of the picture;  overlap: of neighbours, as a share of the side
    """

    def __init__(
        self,
        detector: Callable[..., Detections],
        side: int,
        overlap: float,
        nms_iou: float,
        names: tuple[str, ...] = (),
    ):
        self.names = names
        self._detector, self._nms_iou = detector, nms_iou
        self._side, self._step = side, max(1, round(side * (1 - overlap)))

    def __call__(self, image: NDArray[np.uint8], index: int = 0) -> Detections:
        width, height = size_of(image)
        whole = self._detector(image, index)
        if max(height, width) <= self._side:
            return whole
        corners = [(left, top) for top in self._starts(height) for left in self._starts(width)]
        pictures = [
            np.ascontiguousarray(image[top : top + self._side, left : left + self._side])
            for left, top in corners
        ]
        rows, cut = [_rows(whole)], [np.zeros(len(whole), bool)]
        for corner, picture, found in zip(corners, pictures, self._found(pictures), strict=True):
            cut.append(_is_cut(found.boxes, corner, picture.shape, (width, height)))
            rows.append(_rows(found) + np.array([*corner, *corner, 0, 0]))
        return self._merged(np.concatenate(rows), np.concatenate(cut))

    def _starts(self, length: int) -> list[int]:
        """Where slices begin: a step apart, and the last one ends with the picture."""
        last = max(length - self._side, 0)
        return [*range(0, last, self._step), last]

    def _found(self, pictures: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        of_pictures = getattr(self._detector, "of_pictures", None)
        if of_pictures is None:
            return [self._detector(picture) for picture in pictures]
        parts = (pictures[first : first + BATCH] for first in range(0, len(pictures), BATCH))
        return [found for part in parts for found in of_pictures(part)]

    def _merged(self, rows: NDArray[np.float64], cut: NDArray[np.bool_]) -> Detections:
        """Without parts of whole boxes, and without the weaker of two that overlap."""
        order = np.argsort(cut, kind="stable")  # of equal boxes the first one counts: a whole one
        found = as_detections(rows[order])
        cut = cut[order][found.rows]
        found = found.select(~(cut & _is_part(found, ~cut)))
        return found.select(suppress(found, self._nms_iou))


def _rows(found: Detections) -> NDArray[np.float64]:
    return np.column_stack([found.boxes.astype(np.float64), found.scores, found.labels])


def _is_cut(
    boxes: NDArray[np.float32],
    corner: tuple[int, int],
    shape: tuple[int, ...],
    size: tuple[int, int],
) -> NDArray[np.bool_]:
    """Which boxes reach an edge of the slice [height, width, ...] at ``corner`` that is none of the
    picture of ``size``."""
    end = np.array([shape[1], shape[0]])
    inner_start = np.array(corner) > 0
    inner_end = np.array(corner) + end < size
    starts = (boxes[:, :2] < EDGE) & inner_start
    ends = (boxes[:, 2:] > end - EDGE) & inner_end
    return np.asarray((starts | ends).any(axis=1))


def _is_part(found: Detections, whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes lie for the most part in a whole one of their class."""
    boxes, others = found.boxes[:, None], found.boxes[whole][None]
    sides = np.minimum(boxes[..., 2:], others[..., 2:]) - np.maximum(
        boxes[..., :2], others[..., :2]
    )
    area = np.prod(boxes[..., 2:] - boxes[..., :2], axis=2)
    share = np.prod(np.maximum(sides, 0), axis=2) / area
    same = found.labels[:, None] == found.labels[whole][None]
    return np.asarray(((share > COVERED) & same).any(axis=1))
