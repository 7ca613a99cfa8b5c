"""Tracks the boxes of a detector of your own: here a few lines that find moving things.

python demo/own_detector.py demo-output/clip.mp4
"""

import argparse

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker, open_frames


class ForegroundBoxes:
    """Stands for any detector: takes a picture, returns rows [N, 5] of x1 y1 x2 y2 score."""

    def __init__(self, smallest: int = 1500):
        self.smallest = smallest
        self._background = cv2.createBackgroundSubtractorMOG2(history=100, detectShadows=True)

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        moving = (self._background.apply(image) == 255).astype(np.uint8)
        moving = cv2.morphologyEx(moving, cv2.MORPH_CLOSE, np.ones((15, 7), np.uint8))
        _, _, regions, _ = cv2.connectedComponentsWithStats(moving)
        left, top, width, height, pixels = regions[1:].T
        boxes = np.stack([left, top, left + width, top + height, np.full(len(left), 0.9)], axis=1)
        return boxes[pixels >= self.smallest]


def main(source: str) -> int:
    """Prints who appeared and who left -> the number of people counted."""
    detect, known = ForegroundBoxes(), set[int]()
    with open_frames(source) as frames:
        tracker = Tracker(image_size=frames.size)
        for frame in frames:
            tracks = tracker.update(detect(frame.image), frame.time_s)
            for identity in sorted(set(tracks.ids.tolist()) - known):
                print(f"{frame.time_s:6.2f} s  track {identity} appeared")
            for identity in tracks.ended.tolist():
                print(f"{frame.time_s:6.2f} s  track {identity} ended")
            known.update(tracks.ids.tolist())
    print(f"{len(known)} tracks")
    return len(known)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="video, folder of images, webcam index or address")
    main(parser.parse_args().source)
