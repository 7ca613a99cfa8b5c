"""Processor time of each way to know the camera's motion, in milliseconds a frame.

    python docs/experiments/camera_time.py

One core, a painted world of 8 and of 30 people under a camera that walks. The time of a transform
that is given is that of moving the tracks; from boxes that of finding it out, too.
"""

import time

import cv2
import numpy as np

from mambatrack import Tracker
from mambatrack.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.pictures import PictureCamera
from mambatrack.camera.transforms import moved_boxes
from mambatrack.simulation.moving_camera import between, camera_views, picture_of
from mambatrack.simulation.world import make_world

WORLD, SIZE, FRAMES = (960, 540), (640, 360), 60


def spent(begun: float) -> str:
    return f"{1000 * (time.process_time() - begun) / FRAMES:.2f}"


def main() -> None:
    cv2.setNumThreads(1)
    for people in (8, 30):
        world = make_world(seed=5, people=people, frames=FRAMES, size=WORLD)
        views = camera_views("walk", FRAMES, WORLD, SIZE, seed=1)
        found = [
            cxcywh_to_xyxy(moved_boxes(view, xyxy_to_cxcywh(frame.detections.boxes))[0])
            for frame, view in zip(world.frames, views, strict=True)
        ]
        for width in (320, 640, 1280):
            size = width, width * 9 // 16
            images = [
                cv2.resize(picture_of(world.render(at), view, SIZE), size)
                for at, view in enumerate(views)
            ]
            camera, begun = PictureCamera(), time.process_time()
            for at, image in enumerate(images):
                camera(image, at, found[at] * (width / SIZE[0]))
            print(people, "people, pictures of", width, spent(begun))
        for name, setting, motions in (
            ("off", "off", [None] * FRAMES), ("given", "off", between(views)),
            ("boxes", "boxes", [None] * FRAMES),
        ):  # fmt: skip
            tracker, begun = Tracker(camera=setting), time.process_time()
            for boxes, motion in zip(found, motions, strict=True):
                scored = np.column_stack([boxes, np.full(len(boxes), 0.9)])
                tracker.update(scored, camera=motion)
            print(people, "people, a tracker with the camera", name, spent(begun))


if __name__ == "__main__":
    main()
