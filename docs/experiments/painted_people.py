"""Labelled pictures of our own painted world, as mambatrack train-detector reads them.

python docs/experiments/painted_people.py --pictures 150 --out labelled/painted

Rooms of several seeds and sizes; of each, every so manieth frame. --backgrounds: a folder of
pictures that show nobody, of which one stands behind the people in place of the painted room.
Written are images/ (JPEG) and labels/ with rows "0 cx cy w h", shares of the picture, of those of
whom a quarter is visible.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.simulation.world import make_world

EVERY, EACH = 37, 6  # frames between two pictures; pictures of a room
SIZES = (640, 480), (768, 432), (480, 640)
VISIBLE = 0.25
CHANGED = 12  # difference to the empty room that shows a person, grey levels


def rooms(count):
    """(frame, the empty room) of ``count`` pictures."""
    for seed in range(-(-count // EACH)):
        size, people = SIZES[seed % len(SIZES)], 2 + seed % 9
        frames = make_world(seed, people, EACH * EVERY + 1, size).frames
        empty = make_world(seed, 0, 1, size).render(0)
        for frame in frames[EVERY::EVERY]:
            yield frame, empty


def before(image, empty, background):
    """The people of ``image`` in front of another picture."""
    apart = np.abs(image.astype(int) - empty).max(axis=2)
    mask = cv2.morphologyEx(np.uint8(apart > CHANGED), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    soft = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
    other = cv2.resize(background, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    return (other + (image.astype(np.float32) - other) * soft).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=int, default=150)
    parser.add_argument("--backgrounds", type=Path, help="folder of pictures that show nobody")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for part in ("images", "labels"):
        (options.out / part).mkdir(parents=True, exist_ok=True)
    others = sorted(options.backgrounds.glob("*.jpg")) if options.backgrounds else []
    for at, (frame, empty) in enumerate(rooms(options.pictures)):
        image = frame.render()
        if others and at % 2:
            image = before(image, empty, cv2.imread(str(others[at % len(others)])))
        size = np.tile(image.shape[1::-1], 2)
        boxes = frame.boxes[frame.visibility >= VISIBLE]
        rows = xyxy_to_cxcywh(boxes) / size
        name = f"{at:05}"
        cv2.imwrite(str(options.out / "images" / f"{name}.jpg"), image)
        text = "".join("0 " + " ".join(f"{v:.5f}" for v in row) + "\n" for row in rows)
        (options.out / "labels" / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
