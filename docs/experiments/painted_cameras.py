r"""The camera's motion from pictures of the painted world, and the time of each way to know it.

    python docs/experiments/painted_cameras.py --width 640

For each kind of camera (simulation/moving_camera.py) with few and with many people: the share of
the picture that people cover, the farthest that a corner of the picture is off after 30 frames (of
the diagonal), how far the picture is moved in a frame where the camera stands, and processor time
in milliseconds a frame. Then the time of a tracker that is told, or finds out from boxes.
"""

import argparse
import time

import cv2
import numpy as np

from mambatrack import Tracker
from mambatrack.boxes import clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.pictures import PictureCamera
from mambatrack.camera.transforms import Transform, distance, moved_boxes, moved_points
from mambatrack.simulation.moving_camera import KINDS, between, camera_views, picture_of
from mambatrack.simulation.world import World, make_world

FRAMES, LATER = 61, 30


def off(estimated: list[Transform], true: list[Transform], size: tuple[int, int]) -> float:
    """The farthest that a corner is off after LATER frames, in percent of the diagonal."""
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size], np.float64)
    worst = 0.0
    for first in range(1, FRAMES - LATER + 1, 5):
        places = [corners, corners]
        for steps in zip(estimated[first:][:LATER], true[first:][:LATER], strict=True):
            places = [moved_points(t, p)[0] for t, p in zip(steps, places, strict=True)]
        worst = max(worst, float(np.linalg.norm(places[0] - places[1], axis=1).max()))
    return 100 * worst / float(np.hypot(*size))


def seen(kind: str, world: World, size: tuple[int, int]) -> str:
    """A row of the table."""
    views = camera_views(kind, FRAMES, world.size, size, seed=1)
    camera, motions, covered, spent = PictureCamera(), [], [], 0.0
    for at, view in enumerate(views):
        image = picture_of(world.render(at), view, size)
        moved, _ = moved_boxes(view, xyxy_to_cxcywh(world.frames[at].boxes))
        boxes, mask = cxcywh_to_xyxy(moved), np.zeros(size[::-1], bool)
        for x0, y0, x1, y1 in clip(boxes, size).astype(int):
            mask[y0:y1, x0:x1] = True
        covered.append(mask.mean())
        begun = time.process_time()
        motions.append(camera(image, at, boxes))
        spent += time.process_time() - begun
    transforms = [each.transform for each in motions]
    moved = max(distance(each, size) for each in transforms)
    cells = f"{100 * np.mean(covered):.0f} % | {off(transforms, between(views), size):.2f} % | "
    return cells + f"{f'{moved:.2f}' if kind == 'stand' else ''} | {1000 * spent / FRAMES:.1f}"


def tracked(world: World, setting: str, motions: list) -> float:
    """Milliseconds a frame of a tracker."""
    tracker = Tracker(camera=setting)
    begun = time.process_time()
    for frame, motion in zip(world.frames, motions, strict=True):
        tracker.update(frame.detections, camera=motion)
    return 1000 * (time.process_time() - begun) / FRAMES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=640, help="of the pictures, in pixels")
    parser.add_argument("--people", type=int, nargs="+", default=[8, 22])
    options = parser.parse_args()
    cv2.setNumThreads(1)
    size = options.width, options.width * 9 // 16
    for people in options.people:
        whole = size[0] * 3 // 2, size[1] * 3 // 2
        world = make_world(seed=5, people=people, frames=FRAMES, size=whole)
        for kind in KINDS:
            if kind != "cuts":
                print(f"| {kind} | {people} | {seen(kind, world, size)} |", flush=True)
        given = [np.eye(3) + [[0, 0, 0.01], [0, 0, 0], [0, 0, 0]]] * FRAMES
        nothing = [None] * FRAMES
        for name, setting, motions in (
            ("off", "off", nothing), ("given", "off", given), ("boxes", "boxes", nothing),
        ):  # fmt: skip
            print(f"{people} people, camera {name}: {tracked(world, setting, motions):.2f} ms")


if __name__ == "__main__":
    main()
