"""What a frame costs by the number of its hypotheses, for two checkouts in turn.

In each checkout, as often as one likes:  python several_tables.py --dataset DIR --out before-1.json
Then, the least time of each frame:       python several_tables.py --before before-*.json \\
                                            --after after-*.json
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.config import load_config
from mambatrack.evaluation.peers.timed_boxes import (
    WARM_UP,
    TimedBoxes,
    apart,
    by_frame,
    meeting,
    real,
)

PREDICTORS = ("mamba-window", "mamba")
PAINTED = 100  # frames

Spent = list[tuple[int, int]]  # of each frame: hypotheses before it, nanoseconds


def spent_on(predictor: str, boxes: TimedBoxes) -> Spent:
    config, spent = load_config(None, {"tracker.predictor": predictor}), []
    association = Tracker(config).association
    for video in boxes.videos:
        tracker = Tracker(config, video.size, association=association)
        for number, rows in enumerate(by_frame(video)):
            tables = len(tracker.state.hypotheses.tables)
            began = time.thread_time_ns()
            tracker.update(rows)
            if number >= WARM_UP:
                spent.append((tables, time.thread_time_ns() - began))
    return spent


def measured(dataset: str, frames: int) -> dict[str, Spent]:
    boxes = [real(dataset, frames), *(meeting(count, PAINTED) for count in (10, 30, 100))]
    boxes += [apart(count, PAINTED) for count in (10, 30, 100)]
    return {f"{each.name}, {name}": spent_on(name, each) for name in PREDICTORS for each in boxes}


def least(files: list[str], name: str) -> tuple[NDArray, NDArray]:
    """[frames] hypotheses, and of each frame the least of all files, ms."""
    passes = np.array([json.loads(Path(file).read_text())[name] for file in files])
    return passes[0, :, 0], passes[:, :, 1].min(axis=0) / 1e6


def table_of(before: list[str], after: list[str]) -> None:
    print("| boxes, predictor | hypotheses | share | before, ms | after, ms | ratio |")
    print("|---|---|---|---|---|---|")
    for name in json.loads(Path(before[0]).read_text()):
        (tables, old), (same, own) = least(before, name), least(after, name)
        assert (tables == same).all(), f"{name}: other hypotheses"
        kinds = [(f"{count}", tables == count) for count in np.unique(tables)]
        for kind, rows in [("all", tables > 0), *(kinds if len(kinds) > 1 else [])]:
            a, b = old[rows].mean(), own[rows].mean()
            print(f"| {name} | {kind} | {rows.mean():.0%} | {a:.3f} | {b:.3f} | {b / a:.2f} |")
        a, b = np.median(old), np.median(own)
        print(f"| {name} | all, median | | {a:.3f} | {b:.3f} | {b / a:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", help="sequences with det/det.txt")
    parser.add_argument("--frames", type=int, default=60, help="of each sequence")
    parser.add_argument("--out", help="JSON of this checkout")
    parser.add_argument("--before", nargs="+")
    parser.add_argument("--after", nargs="+")
    options = parser.parse_args()
    if options.out:
        Path(options.out).write_text(json.dumps(measured(options.dataset, options.frames)))
        return
    table_of(options.before, options.after)


if __name__ == "__main__":
    main()
