r"""A video as a moving camera sees it: ids and switches against the same video seen as it is.

    python docs/experiments/shaken_videos.py videos/handball_panorama.mp4 --kind pan --share .6 \
      --crop 2000:100:4000:1000 --slice 640
    python docs/experiments/shaken_videos.py videos/street_people.mp4 --kind shake --share .8

The camera shows a part of the video, ``share`` of its width and height, which moves as
simulation/moving_camera.py says. Who is who is taken from the tracks of the whole, still video with
the same detector; a switch is a person of those who is given another id by the tracker of the
moving one. --draw DIR writes the last picture of each, annotated.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mambatrack import Detections, Tracker, Tracks, open_frames
from mambatrack.assignment import assign
from mambatrack.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mambatrack.camera.pictures import PictureCamera
from mambatrack.camera.transforms import distance, moved_boxes
from mambatrack.config import DetectorConfig
from mambatrack.detectors import open_detector
from mambatrack.outputs.drawing.painter import Painter
from mambatrack.simulation.moving_camera import KINDS, between, camera_views, picture_of
from mambatrack.sources.frames import parse_crop

SAME_PERSON = 0.4  # IoU in the still video


def tracked(found: list[Detections], motions: list, camera: str) -> list[Tracks]:
    tracker = Tracker(camera=camera if camera in ("off", "boxes") else "off")
    return [
        tracker.update(each, camera=motion) for each, motion in zip(found, motions, strict=True)
    ]


def switches(reference: list[Tracks], moved: list[Tracks], views: np.ndarray) -> tuple[int, int]:
    """(people of the reference who are given another id, ids in all)"""
    known: dict[int, int] = {}
    count, ids = 0, set()
    for still, tracks, view in zip(reference, moved, views, strict=True):
        seen, true = tracks[tracks.observed], still[still.observed]
        ids.update(seen.ids.tolist())
        back, _ = moved_boxes(np.linalg.inv(view), xyxy_to_cxcywh(seen.boxes))
        overlap = iou(cxcywh_to_xyxy(back), true.boxes)
        for row, best in assign(overlap, overlap >= SAME_PERSON).pairs.tolist():
            person, own = int(true.ids[best]), int(seen.ids[row])
            count += known.get(person, own) != own
            known[person] = own
    return count, len(ids)


def drawn(path: Path, images: list, tracks: list[Tracks]) -> None:
    """The last picture, annotated."""
    painter = Painter()
    for image, each in zip(images, tracks, strict=True):
        picture = painter.draw(image, each)
    cv2.imwrite(str(path), picture)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video")
    parser.add_argument("--kind", choices=KINDS, default="pan")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--weights", default="")
    parser.add_argument("--slice", type=int, default=0)
    parser.add_argument("--crop")
    parser.add_argument("--draw", type=Path)
    options = parser.parse_args()
    crop = parse_crop(options.crop) if options.crop else None
    with open_frames(options.video, crop, stop=options.frames) as frames:
        world, fps = [frame.image for frame in frames], frames.fps
    whole = world[0].shape[1], world[0].shape[0]
    size = round(options.share * whole[0]), round(options.share * whole[1])
    views = camera_views(options.kind, len(world), whole, size, fps)
    images = [picture_of(image, view, size) for image, view in zip(world, views, strict=True)]
    name = "yolox" if options.weights else "yolox_nano"
    detector = open_detector(
        DetectorConfig(name, options.weights, classes=("person",), slice=options.slice)
    )
    still, found = ([detector(image) for image in each] for each in (world, images))
    reference = tracked(still, [None] * len(world), "off")
    camera = PictureCamera()
    seen = [
        camera(image, at, each.boxes)
        for at, (image, each) in enumerate(zip(images, found, strict=True))
    ]
    truth = between(views)
    moved = np.mean([distance(motion, size) for motion in truth])
    apart = [a.transform @ np.linalg.inv(b) for a, b in zip(seen, truth, strict=True)]
    wrong = [distance(each, size) for each in apart]
    print(f"{moved:.1f} pixels a frame; estimate from pictures off by {np.mean(wrong):.2f}")
    for said, motions in (("off", None), ("boxes", None), ("pictures", seen),
                          ("given", truth)):  # fmt: skip
        tracks = tracked(found, motions or [None] * len(found), said)
        print(said, *switches(reference, tracks, views), flush=True)
        if options.draw:
            drawn(options.draw / f"{Path(options.video).stem}-{said}.png", images, tracks)


if __name__ == "__main__":
    main()
