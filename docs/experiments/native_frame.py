"""What a frame costs, as a whole and inside the C library, for two checkouts in turn.

In each checkout, as often as one likes:  python native_frame.py --out before-1.json
Then, the least time of each frame:       python native_frame.py --before before-*.json \\
                                            --after after-*.json
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.config import Config, load_config
from mambatrack.evaluation.peers.timed_boxes import (
    WARM_UP,
    TimedBoxes,
    apart,
    by_frame,
    meeting,
    real,
)
from mambatrack.evaluation.stage_profile import Clock
from mambatrack.kernels.cpu.library import library
from mambatrack.tracking.group import TrackerGroup

SETTINGS = {
    "overlap kalman": ("overlap", {"tracker.predictor": "kalman"}), "mamba": (None, {}),
}  # fmt: skip
CAMERAS, FRAMES = 16, 120


def seconds_of(config: Config, boxes: TimedBoxes) -> list[int]:
    """Nanoseconds of each update()."""
    spent = []
    for video in boxes.videos:
        tracker = Tracker(config, video.size)
        for number, rows in enumerate(by_frame(video)):
            began = time.thread_time_ns()
            tracker.update(rows)
            if number >= WARM_UP:
                spent.append(time.thread_time_ns() - began)
    return spent


def seconds_of_cameras(config: Config, together: bool) -> list[int]:
    """The same of CAMERAS with 10 objects each, in one group or one by one."""
    streams = [by_frame(apart(10, FRAMES, seed).videos[0]) for seed in range(CAMERAS)]
    group, trackers, spent = TrackerGroup(config, CAMERAS), [Tracker(config) for _ in streams], []
    for frame in range(FRAMES):
        began = time.thread_time_ns()
        if together:
            group.update({k: (rows[frame], None) for k, rows in enumerate(streams)})
        else:
            for tracker, rows in zip(trackers, streams, strict=True):
                tracker.update(rows[frame])
        spent.append(time.thread_time_ns() - began)
    return spent[WARM_UP:]


@contextmanager
def timed_library(clock: Clock) -> Iterator[None]:
    """Whatever is called in the C library has a timer."""
    in_c = library()
    functions = {name: each for name, each in vars(in_c).items() if callable(each)}
    try:
        for name, each in functions.items():
            setattr(in_c, name, clock.around_c(each))
        yield
    finally:
        for name, each in functions.items():
            setattr(in_c, name, each)


def in_library(config: Config, boxes: TimedBoxes) -> list[float]:
    """Nanoseconds of each update() inside the C library."""
    clock, spent = Clock(), []
    with timed_library(clock):
        for video in boxes.videos:
            tracker = Tracker(config, video.size)
            for number, rows in enumerate(by_frame(video)):
                clock.start()
                clock.go(("rest", False))
                tracker.update(rows)
                clock.go(None)
                if number >= WARM_UP:
                    spent.append(clock.spent.get(("rest", True), 0))
    return spent


def measured(dataset: str | None) -> dict[str, list[float]]:
    """By name of settings, boxes and what is timed."""
    boxes = [apart(count, FRAMES) for count in (10, 30, 100, 300)]
    boxes += [meeting(10, FRAMES), meeting(100, FRAMES)]
    boxes += [real(dataset, 60)] if dataset else []
    found: dict[str, list[float]] = {}
    for name, (file, changes) in SETTINGS.items():
        config = load_config(file, changes)
        for each in boxes:
            found[f"{name}, {each.name}"] = seconds_of(config, each)
            found[f"{name}, {each.name}, in C"] = in_library(config, each)
        found[f"{name}, {CAMERAS} cameras, one by one"] = seconds_of_cameras(config, False)
        found[f"{name}, {CAMERAS} cameras in a group"] = seconds_of_cameras(config, True)
    return found


def least(files: list[str]) -> dict[str, NDArray[np.float64]]:
    """Of each frame the least of all files, ms."""
    passes = [json.loads(Path(file).read_text()) for file in files]
    return {name: np.min([each[name] for each in passes], axis=0) / 1e6 for name in passes[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dataset", help="sequences with det/det.txt whose boxes are timed as well"
    )
    parser.add_argument("--out", help="JSON of this checkout")
    parser.add_argument("--before", nargs="+")
    parser.add_argument("--after", nargs="+")
    options = parser.parse_args()
    if options.out:
        Path(options.out).write_text(json.dumps(measured(options.dataset)))
        return
    before, after = least(options.before), least(options.after)
    print("| what | before, ms | after, ms | ratio |\n|---|---|---|---|")
    for name, old in before.items():
        own = after[name].mean()
        print(f"| {name} | {old.mean():.4f} | {own:.4f} | {own / max(old.mean(), 1e-9):.2f} |")


if __name__ == "__main__":
    main()
