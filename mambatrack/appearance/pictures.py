"""Small pictures of people, for those who look after a gallery; kept only where that is asked for.

A picture is cut where a track is looked at and nothing covers it, and goes into the gallery with
the code of the track.
"""

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes

WIDTH, HEIGHT = 48, 96
LARGER = 1.2  # times the area of the box of the last picture, for which a new one is taken

Picture = NDArray[np.uint8]
NOTHING: Picture = np.zeros((0, 0, 3), np.uint8)


class Pictures:
    """Of the tracks in view, by id, each the largest so far."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, Picture]] = {}

    def note(self, ids: NDArray[np.int64], image: NDArray, boxes: Boxes) -> None:
        """image [H, W, 3], as an embedder takes it; boxes [K, 4] xyxy of the tracks ids [K]."""
        for identity, box in zip(ids.tolist(), boxes, strict=True):
            area = float((box[2:] - box[:2]).prod())
            if area > LARGER * self._kept.get(identity, (0.0, NOTHING))[0]:
                self._kept[identity] = area, thumbnail(image, box)

    def take(self, ids: NDArray[np.int64]) -> Picture:
        """[K, HEIGHT, WIDTH, 3] of these tracks, which are over; black where there is none."""
        black = 0.0, np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        found = [self._kept.pop(each, black)[1] for each in ids.tolist()]
        return np.array(found, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)

    def forget_others(self, ids: NDArray[np.int64]) -> None:
        """Those of tracks that are none of these."""
        for each in self._kept.keys() - set(ids.tolist()):
            del self._kept[each]


def thumbnail(image: NDArray, box: NDArray[np.float32]) -> Picture:
    """What is inside a box xyxy of a picture, which may be grey or of 16 bits -> [HEIGHT, WIDTH, 3]
    BGR, every so many pixels."""
    layers = image if image.ndim == 3 else image[..., None]
    places = [
        np.clip(np.linspace(low, high, count, endpoint=False), 0, most - 1).astype(np.int64)
        for low, high, count, most in (
            (box[1], box[3], HEIGHT, layers.shape[0]), (box[0], box[2], WIDTH, layers.shape[1]),
        )
    ]  # fmt: skip
    part = layers[np.ix_(*places)]
    part = (part >> 8 if part.dtype == np.uint16 else part).astype(np.uint8)
    return np.repeat(part, 3, axis=2) if part.shape[2] == 1 else part[..., :3]
