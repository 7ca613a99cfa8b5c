"""How many boxes a picture shows that nobody sees, and what drawing costs.

python docs/experiments/drawn_boxes.py --videos videos/*.mp4 --weights yolox_nano.onnx
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mambatrack import DrawingConfig, Painter, Tracker, Tracks, load_config, open_frames
from mambatrack.boxes import clip
from mambatrack.detectors import open_detector
from mambatrack.outputs.drawing.rules import Rules

SIZE, RATE = (1920, 1080), 25.0


def drawn_before(tracks, size):
    """Hidden boxes that were drawn until commit b8b43dd: where the spread is at most the width."""
    boxes = clip(tracks.boxes, (size[0] - 1, size[1] - 1))
    sure = tracks.spread[:, 0] <= tracks.boxes[:, 2] - tracks.boxes[:, 0]
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return int((sure & inside & tracks.predicted).sum())


def clutter(video, config, most):
    """Means a frame: seen, alive but hidden, hidden and drawn before and now; frames."""
    rows = []
    with open_frames(video, stop=most) as frames:
        detect, rules = open_detector(config.detector), Rules(fps=frames.fps)
        tracker = Tracker(config, image_size=frames.size)
        for frame in frames:
            tracks = tracker.update(detect(frame.image, frame.index), frame.time_s)
            shown = rules.update(tracks, frames.size)
            before = drawn_before(tracks, frames.size)
            rows.append((shown.seen, tracks.predicted.sum(), before, shown.hidden))
    return np.mean(rows, axis=0), len(rows)


def crowd(count, frames=75, seed=1):
    """People who walk, a fifth of whom is hidden at the end, with noise on their boxes."""
    rng = np.random.default_rng(seed)
    feet, steps = rng.uniform([60, 200], [1800, 1000], (count, 2)), rng.normal(0, 3, (count, 2))
    heights, goes = rng.uniform(100, 260, count), rng.random(count) < 0.2
    begins = rng.integers(40, frames, count)
    for frame in range(frames):
        x, y = (feet + steps * frame + rng.normal(0, 1.5, (count, 2))).T
        boxes = np.stack([x - 0.2 * heights, y - heights, x + 0.2 * heights, y], axis=1)
        gap = np.where(goes & (frame >= begins), frame - begins + 1, 0)
        yield Tracks(
            frame, frame / RATE, boxes.astype(np.float32), np.arange(1, count + 1),
            np.full(count, 0.8, np.float32), np.zeros(count, np.int64),
            np.where(gap > 0, 2, 1).astype(np.uint8), gap,
            np.repeat(gap[:, None], 4, axis=1).astype(np.float32), np.arange(count),
            np.zeros(0, np.int64),
        )  # fmt: skip


def cost(count, layers):
    """Median milliseconds of processor time of the last 25 pictures."""
    painter, spent = Painter(DrawingConfig(layers=layers), ("person",), RATE), []
    for tracks in crowd(count):
        image = np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)
        began = time.process_time()
        painter.draw(image, tracks, in_place=True)
        spent.append(time.process_time() - began)
    return 1000 * float(np.median(spent[50:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=Path, nargs="*", default=[])
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--weights", default="")
    parser.add_argument("--frames", type=int, default=200, help="of each video, at most (200)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    given = {"detector.name": options.detector, "detector.weights": options.weights}
    config = load_config(overrides=given)
    print("video | frames | seen | hidden | drawn before | drawn now")
    for video in options.videos:
        means, frames = clutter(video, config, options.frames)
        print(" | ".join([video.name, str(frames), *(f"{mean:.2f}" for mean in means)]), flush=True)
    print("tracks | all layers, ms | without trails, ms")
    layers = DrawingConfig().layers
    for count in (10, 30, 100):
        plain = tuple(each for each in layers if each != "trails")
        print(f"{count} | {cost(count, layers):.1f} | {cost(count, plain):.1f}")


if __name__ == "__main__":
    main()
