"""AP50 of detectors for people: on OpenCV's vtest.avi, still and moved, and on labelled pictures.

python docs/experiments/detector_ap.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --labelled football/valid coco --classes 0 1 2 3 --detectors run/detector.safetensors

--video: every 10th frame against the truth of PETS09-S2L1; as it is, and as a camera that shakes or
pans shows it: SHARE of its width and height, moved as simulation/moving_camera.py says, the truth
with it. --labelled: folders as train-detector reads them. Milliseconds are of processor time a
frame of the still video. --draw writes some pictures of each with the boxes found.
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mambatrack import open_frames, open_sequence, read_ground_truth
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.transforms import moved_boxes
from mambatrack.datasets.average_precision import Boxes, average_precision
from mambatrack.datasets.labelled_pictures import labelled_pictures
from mambatrack.detectors import open_detector
from mambatrack.simulation.moving_camera import camera_views, picture_of

EVERY, SHARE, LOWEST = 10, 0.75, 0.02
SEEN = 0.4  # share of a moved box in the picture, from which it has to be found
DRAWN = 0.35  # score of a box that is drawn


def of_video(video, folder, kind):
    """(pictures, truth) of every 10th frame; kind: of the camera, "stand" for the whole picture."""
    sequence = open_sequence(folder)
    truth, whole = read_ground_truth(sequence), sequence.image_size
    with open_frames(video) as frames:
        images = [frame.image for frame in frames]
    size = tuple(whole if kind == "stand" else (round(SHARE * side) for side in whole))
    views = camera_views(kind, len(images), whole, size, sequence.fps)
    pictures, people = [], []
    for at in range(0, len(images), EVERY):
        boxes = xyxy_to_cxcywh(truth.boxes[truth.frame == at + 1])
        moved = cxcywh_to_xyxy(moved_boxes(views[at], boxes)[0])
        pictures.append(picture_of(images[at], views[at], size))
        people.append(seen(moved, size))
    return pictures, people


def seen(boxes, size):
    """Those of whom enough is in the picture; of whom less is, they need not be found."""
    inside = boxes.clip(0, np.tile(size, 2))
    share = (inside[:, 2:] - inside[:, :2]).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)
    some = share > 0.05
    return Boxes(inside[some], np.where(share[some] >= SEEN, 1.0, 0.0))


def of_folder(folder, classes):
    """The same of labelled pictures."""
    pictures, people = [], []
    for each in labelled_pictures(folder, classes):
        pictures.append(cv2.imread(str(each.picture)))
        people.append(Boxes(each.boxes * np.tile(pictures[-1].shape[1::-1], 2), each.sure))
    return pictures, people


def measured(detector, pictures, people):
    """(AP50, milliseconds a picture, boxes found)"""
    found, began = [], time.process_time()
    for picture in pictures:
        detections = detector(picture)
        found.append(Boxes(detections.boxes, detections.scores))
    spent = 1000 * (time.process_time() - began) / len(pictures)
    return average_precision(found, people), spent, found


def draw(path, pictures, found):
    """Four pictures, evenly spread, with the boxes of at least DRAWN."""
    shown = []
    for at in np.linspace(0, len(pictures) - 1, 4).astype(int):
        picture = pictures[at].copy()
        for box, score in zip(*found[at], strict=True):
            if score >= DRAWN:
                corners = [int(v) for v in box]
                cv2.rectangle(picture, corners[:2], corners[2:], (0, 220, 0), 2)
        shown.append(cv2.resize(picture, (640, 480), interpolation=cv2.INTER_AREA))
    rows = [np.hstack(shown[:2]), np.hstack(shown[2:])]
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--labelled", type=Path, nargs="*", default=[])
    parser.add_argument("--classes", type=int, nargs="+", default=[0], help="of --labelled")
    parser.add_argument("--detectors", nargs="+", required=True)
    parser.add_argument("--side", type=int, default=0, help="setting detector.side")
    parser.add_argument("--draw", type=Path, help="a folder")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    scenes = {}
    if options.video:
        for kind in ("stand", "shake", "pan"):
            scenes[f"vtest, {kind}"] = of_video(options.video, options.truth, kind)
    for folder in options.labelled:
        scenes[folder.name] = of_folder(folder, options.classes)
    print("detector | pictures | AP50 | ms")
    for name in options.detectors:
        detector = open_detector(name, classes=["person"], conf=LOWEST, side=options.side)
        for scene, (pictures, people) in scenes.items():
            precision, spent, found = measured(detector, pictures, people)
            print(f"{Path(name).stem} | {scene} | {precision:.3f} | {spent:.1f}", flush=True)
            if options.draw:
                file = f"{Path(name).stem}-{scene.replace(', ', '-')}.jpg"
                draw(options.draw / file, pictures, found)


if __name__ == "__main__":
    main()
