"""Ten painted rooms with the boxes that a detector finds, on one sheet.

python docs/experiments/painted_sheet.py --detector own --out docs/own.jpg

The rooms have other seeds than those of painted_people.py. Printed is how many of the people of
whom half is visible have a box, IoU 0.5, and how many boxes are of nobody.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mambatrack.boxes import iou
from mambatrack.detectors import open_detector
from mambatrack.simulation.world import make_world

SIZE, ROOMS, SEEDS, FRAME = (480, 360), 10, 1000, 40
VISIBLE, HIT = 0.5, 0.5
COLOUR = (60, 200, 60)  # BGR


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detector", default="own", help="a name, or a file of weights")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detector, pictures, counts = open_detector(options.detector), [], np.zeros(3, int)
    for room in range(ROOMS):
        frame = make_world(SEEDS + room, 2 + room % 5, FRAME + 1, SIZE).frames[FRAME]
        picture = frame.render()
        found = detector(picture).boxes
        hits = iou(frame.boxes, found) >= HIT
        half = frame.visibility >= VISIBLE
        counts += hits[half].any(axis=1).sum(), half.sum(), (~hits.any(axis=0)).sum()
        for x0, y0, x1, y1 in np.round(found).astype(int).tolist():
            cv2.rectangle(picture, (x0, y0), (x1, y1), COLOUR, 2)
        pictures.append(picture)
    rows = [np.hstack(pictures[at : at + 5]) for at in range(0, ROOMS, 5)]
    sheet = cv2.resize(np.vstack(rows), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(options.out), sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])
    print("{} of {} people have a box; {} boxes of nobody".format(*counts))


if __name__ == "__main__":
    main()
