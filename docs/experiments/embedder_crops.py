"""Crops of people, as mambatrack train-embedder reads them.

python docs/experiments/embedder_crops.py --video street.mp4 --tracks street.txt --every 10 \
    --variants 4 --out street.npz
python docs/experiments/embedder_crops.py --images coco_people --variants 16 --out coco.npz

--tracks: what `mambatrack track street.mp4 --mot street.txt` wrote. --images: a folder with images/
and labels/ (YOLO text, normalised). Of each box there are so many crops (--variants): as it is, and
dyed in other colours or with the legs of another person.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from mambatrack import open_frames

REGION = 320, 160  # rows and columns of a crop
STORED = (128, 64)
LEAST_ROWS, WIDEST, LEAST_SEEN, LEAST_SCORE = 28, 0.9, 0.8, 0.4


def tracked(video, tracks, every, left):
    """(picture, boxes, track of each, moment) of every so manieth frame."""
    rows = np.loadtxt(tracks, delimiter=",", ndmin=2)
    rows = rows[rows[:, 6] >= LEAST_SCORE]
    with open_frames(video) as frames:
        for frame in frames:
            if frame.index % every == 0:
                found = rows[rows[:, 0] == frame.index + 1]
                corners = found[:, 2:4] + (left, 0)
                boxes = np.hstack([corners, corners + found[:, 4:6]])
                yield frame.image, boxes, found[:, 1].astype(int), frame.index


def labelled(folder, classes, share, rng):
    """The same of labelled pictures, each of which is a moment of people of its own."""
    number = 0
    for moment, path in enumerate(sorted((folder / "images").glob("*.jpg"))):
        text = folder / "labels" / f"{path.stem}.txt"
        rows = np.loadtxt(text, ndmin=2) if text.is_file() and text.stat().st_size else []
        rows = [each for each in rows if int(each[0]) in classes and rng.random() < share]
        if rows:
            picture = cv2.imread(str(path))
            centre, size = np.array(rows)[:, 1:3], np.array(rows)[:, 3:5]
            boxes = np.hstack([centre - size / 2, centre + size / 2])
            boxes *= np.tile(picture.shape[1::-1], 2)
            yield picture, boxes, number + np.arange(len(rows)), moment
            number += len(rows)


def usable(box, picture):
    """Whether it is high, narrow and mostly in the picture."""
    width, height = box[2:] - box[:2]
    inside = np.minimum(box[2:], picture.shape[1::-1]) - np.maximum(box[:2], 0)
    seen = inside.clip(0).prod() >= LEAST_SEEN * width * height
    return bool(seen and height >= LEAST_ROWS and width <= WIDEST * height)


def region(picture, box):
    """The box with an eighth of its size around it, as a crop of REGION."""
    sides = (box[2:] - box[:2]) * 1.25
    low = np.floor((box[:2] + box[2:] - sides) / 2).astype(int)
    high = np.ceil(low + sides).astype(int)
    pad = max(0, *-low, *(high - picture.shape[1::-1]))
    if pad:
        picture = cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
        low, high = low + pad, high + pad
    part = picture[low[1] : high[1], low[0] : high[0]]
    shrinks = len(part) > REGION[0]
    return cv2.resize(
        part, REGION[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )


def waist(rng):
    """[rows, columns] 0 above a line at the waist and 1 below it."""
    rows = np.arange(REGION[0])[:, None] - REGION[0] * rng.uniform(0.42, 0.6)
    return np.broadcast_to(np.clip(rows / 12 + 0.5, 0, 1), REGION)


def blended(below, above, share):
    """``above`` by its share [rows, columns] over ``below``."""
    return (below + (above.astype(np.float32) - below) * share[..., None]).astype(np.uint8)


def dyed(crop, rng):
    """Another hue, saturation and brightness; sometimes one hue, as grey clothes need."""
    steps, one_hue = np.arange(256, dtype=np.float32), rng.random() < 0.45
    table = np.zeros((1, 256, 3), np.uint8)
    table[0, :, 0] = (steps * (not one_hue) + rng.uniform(0, 180)) % 180
    saturation = steps * rng.uniform(0.3, 1.6) + one_hue * rng.uniform(0, 200)
    table[0, :, 1] = saturation.clip(0, 255)
    brightness = steps / 255 * rng.uniform(0.6, 1.1) + rng.uniform(0, 0.15)
    table[0, :, 2] = 255 * brightness.clip(0, 1) ** rng.uniform(0.5, 2.2)
    hsv = cv2.LUT(cv2.cvtColor(crop, cv2.COLOR_BGR2HSV), table)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)


def painted(crop, other, rng):
    """Another person: with the legs of ``other``, or in other clothes, or both."""
    mixed = rng.random() < 0.4
    crop = blended(crop, other, waist(rng)) if mixed else crop
    if mixed and rng.random() < 0.3:
        return crop
    clothes = blended(dyed(crop, rng), dyed(crop, rng), waist(rng))
    if rng.random() < 0.3:
        return clothes
    rows, columns = np.mgrid[: REGION[0], : REGION[1]]
    body = ((rows - 160) / 135) ** 2 + ((columns - 80) / rng.uniform(35, 60)) ** 2
    around = dyed(crop, rng) if rng.random() < 0.3 else crop
    return blended(around, clothes, np.clip((1.2 - body) * 3, 0, 1))


def columns_of(found, variants, rng, scene_each):
    """The arrays of the file."""
    pictures, track, moment = [], [], []
    for crop, person, at in found:
        others = [found[rng.integers(len(found))][0] for _ in range(variants - 1)]
        crops = [crop, *(painted(crop, other, rng) for other in others)]
        pictures += [cv2.resize(each, STORED[::-1], interpolation=cv2.INTER_AREA) for each in crops]
        track += [person, *[-1] * (variants - 1)]
        moment += [at] * variants
    return {
        "pictures": np.stack(pictures), "track": np.array(track), "moment": np.array(moment),
        "scene": np.array(moment) * scene_each,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--video", type=Path)
    source.add_argument("--images", type=Path)
    parser.add_argument("--tracks", type=Path, help="MOT text, of --video")
    parser.add_argument("--left", type=float, default=0, help="first column that was tracked")
    parser.add_argument("--every", type=int, default=10, help="frames")
    parser.add_argument("--classes", type=int, nargs="+", default=[0], help="of --images")
    parser.add_argument("--share", type=float, default=1, help="of the boxes of --images")
    parser.add_argument("--one-scene", action="store_true", help="--images are of the same people")
    parser.add_argument("--variants", type=int, default=4)
    parser.add_argument("--out", type=Path, required=True)
    given, rng = parser.parse_args(), np.random.default_rng(0)
    cv2.setNumThreads(1)
    if given.video:
        seen = tracked(given.video, given.tracks, given.every, given.left)
    else:
        seen = labelled(given.images, given.classes, given.share, rng)
    found = [
        (region(picture, box), person, moment)
        for picture, boxes, people, moment in seen
        for box, person in zip(boxes, people, strict=True)
        if usable(box, picture)
    ]
    apart = bool(given.images) and not given.one_scene
    columns = columns_of(found, given.variants, rng, apart)
    np.savez(given.out, **columns)
    print(f"{len(found)} boxes, {len(columns['track'])} crops, {given.out}")


if __name__ == "__main__":
    main()
