"""What a frame costs where clothes are looked at: update() with and without an embedder.

python docs/experiments/looks_times.py --boxes vtest-own.npy street_people-own.npy \
    --videos vtest.avi street_people.mp4 --frames 300 --cameras 1 4

boxes: those that appearance_vtest.py keeps. Milliseconds of processor time of a frame of one
camera, the median over frames. ``step``: the same frames step by step. Of several cameras each has
the frames of the same video, begun later, and all go through TrackerGroup. With --parts it is said
how much of the time each function takes.
"""

import argparse
import cProfile
import pstats
import time
from pathlib import Path

import cv2
import numpy as np

from mambatrack import TrackerGroup, open_frames
from mambatrack.embedders.loading import open_embedder

APART = 20  # frames between the same picture in two cameras


def frames_of(video, boxes, count):
    """[(rows, picture)] and the size of the pictures."""
    table, read = np.load(boxes), []
    with open_frames(video) as frames:
        for frame in frames:
            if len(read) == count:
                break
            read.append((table[table[:, 0] == frame.index, 1:], frame.image))
        return read, frames.size


def measured(frames, size, embedder, cameras, by_step):
    """[frames] milliseconds of each update, by camera; ids of the last result."""
    group = TrackerGroup(count=cameras, embedder=embedder)
    for index, tracker in enumerate(group.trackers):
        group.resize(index, size)
        tracker.by_step = by_step
    if by_step:
        group._usual = None
    spent, found = [], {}
    for number in range(len(frames)):
        due, images = {}, {}
        for index in range(cameras):
            rows, images[index] = frames[(number + APART * index) % len(frames)]
            due[index] = rows, None
        began = time.process_time()
        found = group.update(due, images=images if embedder else {})
        spent.append(1000 * (time.process_time() - began) / cameras)
    return np.array(spent), found[0].ids.tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--boxes", type=Path, nargs="+", required=True)
    parser.add_argument("--videos", type=Path, nargs="+", required=True)
    parser.add_argument("--embedders", nargs="+", default=["off", "colour"])
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--cameras", type=int, nargs="+", default=[1])
    parser.add_argument("--parts", action="store_true")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print("boxes | a frame | cameras | embedder | ms | mean | step, ms | mean")
    for video, boxes in zip(options.videos, options.boxes, strict=True):
        frames, size = frames_of(video, boxes, options.frames)
        many = np.mean([len(rows) for rows, _ in frames])
        for cameras in options.cameras:
            for name in options.embedders:
                embedder = None if name == "off" else open_embedder(name)
                given, profile = (frames, size, embedder, cameras), cProfile.Profile()
                (few, ids), (step, same) = measured(*given, False), measured(*given, True)
                times = " | ".join(
                    f"{f(of):.2f}" for of in (few, step) for f in (np.median, np.mean)
                )
                told = "" if ids == same else " other ids"
                print(f"{boxes.stem} | {many:.0f} | {cameras} | {name} | {times}{told}", flush=True)
                if options.parts:
                    profile.runcall(measured, *given, False)
                    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
