"""People who leave a painted room and come back: how many get their id back, and how many wrongly.

python docs/experiments/painted_returns.py --people 12 --away 3 10 60

Each person has a shirt and trousers of random colours; two are in the room at a time. Light, place,
size and noise change from visit to visit. --uniform: all wear the same.
"""

import argparse
import colorsys

import cv2
import numpy as np

from mambatrack import Tracker
from mambatrack.embedders.loading import open_embedder
from mambatrack.settings import MemoryConfig

SIZE, RATE, VISIT = (640, 360), 25.0, 75  # pixels, frames a second, frames of a visit
NOISE = np.random.default_rng(0).normal(0, 8, (SIZE[1], SIZE[0], 3)).astype(np.int16)


def clothes(rng, count, uniform):
    """[N, 2, 3] BGR of shirts and trousers."""
    hues = np.full((count, 2), 0.6) if uniform else rng.random((count, 2))
    shades = np.full((count, 2), 0.6) if uniform else rng.uniform(0.3, 0.9, (count, 2))
    rows = [
        [colorsys.hsv_to_rgb(hue, 0.7, shade) for hue, shade in zip(*own, strict=True)]
        for own in zip(hues, shades, strict=True)
    ]
    return 255 * np.array(rows)[..., ::-1]


def painted(rng, boxes, colours, light):
    """The picture of people in these boxes [N, 4] and clothes [N, 2, 3]."""
    picture = np.full((SIZE[1], SIZE[0], 3), round(110 * light), np.int16)
    for (left, top, right, bottom), own in zip(boxes.round().astype(int), colours, strict=True):
        middle = (top + bottom) // 2
        picture[top:middle, left:right] = own[0] * light
        picture[middle:bottom, left:right] = own[1] * light
    picture += np.roll(NOISE, rng.integers(SIZE[1]), axis=0)
    return picture.clip(0, 255).astype(np.uint8)


def visits(rng, people, away_s):
    """Who is in the room in each visit: each of the people comes twice, the others in between."""
    pairs = rng.permutation(people).reshape(-1, 2)
    empty = max(round(away_s * RATE) - (len(pairs) - 1) * VISIT, 0)
    return [*map(list, pairs), empty, *(list(rng.permutation(pair)) for pair in pairs)]


def boxes_of_two(rng, step, height):
    """[2, 4] xyxy of a visit's two people, who walk past each other."""
    x = np.array([60 + 2.5 * step, 560 - 2.5 * step])
    y = np.array([30.0, 190.0]) + rng.normal(0, 1, 2)
    return np.stack([x - height / 6, y, x + height / 6, y + height], axis=1)


def run(people, away_s, uniform, seconds, seed, name):
    """(returns, of them known again, wrong ids): by the ids at the ends of the visits."""
    rng = np.random.default_rng(seed)
    colours, known = clothes(rng, people, uniform), {}
    tracker = Tracker(
        image_size=SIZE, embedder=open_embedder(name), memory=MemoryConfig(seconds=seconds)
    )
    counts, frame = np.zeros(3, int), 0
    for visit in visits(rng, people, away_s):
        if isinstance(visit, int):
            for _ in range(visit):
                picture = painted(rng, np.zeros((0, 4)), (), 1.0)
                tracker.update(None, frame / RATE, image=picture)
                frame += 1
            continue
        light, height = rng.uniform(0.85, 1.15), rng.uniform(90, 130)
        for step in range(VISIT):
            boxes = boxes_of_two(rng, step, height)
            picture = painted(rng, boxes, colours[visit], light)
            rows = np.column_stack([boxes, np.full(2, 0.9)])
            tracks = tracker.update(rows, frame / RATE, image=picture)
            frame += 1
        for place, who in enumerate(visit):
            ids = tracks.ids[tracks.det_ind == place]
            if who in known and len(ids):
                counts += (
                    1,
                    ids[0] == known[who],
                    ids[0] != known[who] and ids[0] in known.values(),
                )
            elif len(ids):
                counts[2] += ids[0] in known.values()
                known[who] = ids[0]
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--people", type=int, default=12, help="an even number (12)")
    parser.add_argument("--away", type=float, nargs="+", default=[3, 10, 60], help="seconds")
    parser.add_argument("--seconds", type=float, default=600, help="of the memory (600)")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--uniform", action="store_true")
    parser.add_argument("--embedder", default="colour")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("away, s | returns | known again | wrong")
    for away in options.away:
        total = sum(
            run(options.people, away, options.uniform, options.seconds, seed, options.embedder)
            for seed in range(options.seeds)
        )
        print(f"{away:g} | {total[0]} | {total[1]} | {total[2]}", flush=True)


if __name__ == "__main__":
    main()
