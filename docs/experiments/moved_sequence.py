"""A video with its truth as a moving camera sees it: a sequence to track and to score.

python docs/experiments/moved_sequence.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --kind shake --out moved/shake
mambatrack track moved/shake/img1 --detector own --mot results/shake.txt
mambatrack eval --dataset moved --results results

The camera shows SHARE of the video's width and height, which moves as simulation/moving_camera.py
says, the truth with it. People of whom less than SEEN is in the picture need not be found.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from detector_ap import SEEN, SHARE

from mambatrack import open_frames, open_sequence, read_ground_truth
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.transforms import moved_boxes
from mambatrack.simulation.moving_camera import KINDS, camera_views, picture_of


def rows(truth, frame, view, size):
    """MOT text of the people of a frame, as the camera sees them."""
    here = truth.frame == frame
    moved, _ = moved_boxes(view, xyxy_to_cxcywh(truth.boxes[here]))
    corners = cxcywh_to_xyxy(moved)
    inside = corners.clip(0, np.tile(size, 2))
    low, sides = inside[:, :2], inside[:, 2:] - inside[:, :2]
    share = sides.prod(1) / (corners[:, 2:] - corners[:, :2]).prod(1)
    for own, box, seen in zip(truth.id[here], np.hstack([low + 1, sides]), share, strict=True):
        if seen > 0.05:
            numbers = ",".join(f"{value:.2f}" for value in box)
            yield f"{frame},{own},{numbers},{int(seen >= SEEN)},1,1\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True, help="folder of its sequence")
    parser.add_argument("--kind", choices=KINDS, default="shake")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    sequence = open_sequence(options.truth)
    truth, whole = read_ground_truth(sequence), sequence.image_size
    size = tuple(round(SHARE * side) for side in whole)
    with open_frames(options.video) as frames:
        images = [frame.image for frame in frames]
    views = camera_views(options.kind, len(images), whole, size, sequence.fps)
    for part in ("img1", "gt"):
        (options.out / part).mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (image, view) in enumerate(zip(images, views, strict=True), start=1):
        cv2.imwrite(str(options.out / f"img1/{number:06}.jpg"), picture_of(image, view, size))
        lines += rows(truth, number, view, size)
    (options.out / "gt/gt.txt").write_text("".join(lines))
    (options.out / "seqinfo.ini").write_text(
        f"[Sequence]\nname={options.out.name}\nframeRate={sequence.fps:g}\nseqLength={len(images)}\n"
        f"imWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\nimDir=img1\n"
    )


if __name__ == "__main__":
    main()
