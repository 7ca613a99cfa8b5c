"""What a frame costs by what happens in it and by the way it goes, for two checkouts in turn: each
video is taken by the one, then by the other, so that both meet the same load of the machine.

python births_in_c.py --before ../before --after . --dataset DIR
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from unittest.mock import patch

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
from mambatrack.kernels.cpu.usual_frames import UsualFrames

PREDICTORS = ("mamba-window", "mamba", "kalman")
PAINTED = 100  # frames
MOST_WHO_MEET = 100
STEPS = -1  # the way of a frame that no call of the C library took; else OPEN, SETTLED, REPORTED
COLUMNS = (
    "boxes, predictor", "frames", "share", "of the time", "before, ms", "after, ms", "ratio",
    "decided otherwise",
)  # fmt: skip
WAYS = {STEPS: "step by step", 0: "left open", 1: "settled", 2: "reported"}


def boxes_of(name: str, frames: int) -> TimedBoxes:
    """Of a data set's folder, or painted: N apart, N meeting."""
    count, _, how = name.partition(" ")
    painted = {"objects": apart, "who meet": meeting}
    return painted[how](int(count), PAINTED) if how in painted else real(name, frames)


def serve(frames: int) -> None:
    """Tells, for each line [predictor, boxes, video] it is given, what spent_on() has; and the
    number of videos where there is none."""
    known = {}
    for line in sys.stdin:
        predictor, name, video = json.loads(line)
        if (predictor, name) not in known:
            config = load_config(None, {"tracker.predictor": predictor})
            known[predictor, name] = config, Tracker(config).association, boxes_of(name, frames)
        videos = known[predictor, name][2].videos
        answer = (
            len(videos) if video is None else spent_on(*known[predictor, name][:2], videos[video])
        )
        print(json.dumps(answer), flush=True)


def spent_on(config, association, video) -> list[tuple[int, int, int, int, int]]:
    """Of each frame: hypotheses before it, the way it went, tracks that started and ended,
    nanoseconds of CPU time."""
    spent, far, settle = [], [], UsualFrames.settle

    def noted(*asked):
        frames = settle(*asked)
        far.append(frames[0].state)
        return frames

    with patch.object(UsualFrames, "settle", noted):
        tracker = Tracker(config, video.size, association=association)
        for number, rows in enumerate(by_frame(video)):
            tables, started = len(tracker.state.hypotheses.tables), tracker.started
            far[:] = [STEPS]
            began = time.thread_time_ns()
            tracks = tracker.update(rows)
            took = time.thread_time_ns() - began
            what = tables, far[-1], tracker.started - started, len(tracks.ended), took
            if number >= WARM_UP:
                spent.append(what)
    return spent


class Checkout:
    """A process that runs the tracker of a checkout, whose C library is built."""

    def __init__(self, folder: str, frames: int):
        env = os.environ | {"PYTHONPATH": folder, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", "--frames", str(frames)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env,
        )  # fmt: skip

    def ask(self, predictor: str, name: str, video: int | None = None):
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps([predictor, name, video]) + "\n")
        stdin.flush()
        return json.loads(stdout.readline())


def in_turn(
    checkouts: Sequence[Checkout], predictor: str, name: str, passes: int
) -> list[tuple[NDArray, NDArray]]:
    """Of each checkout: [frames, 4] what happened, and the least of all passes of each, ms."""
    (videos,) = {each.ask(predictor, name) for each in checkouts}
    spent: list[list] = [[] for _ in checkouts]
    for number in range(passes):
        order = range(len(checkouts)) if number % 2 else reversed(range(len(checkouts)))
        order, once = list(order), [[] for _ in checkouts]
        for video in range(videos):
            for own in order:
                once[own] += checkouts[own].ask(predictor, name, video)
        for own, rows in enumerate(once):
            spent[own].append(rows)
    return [(rows[0, :, :4], rows[:, :, 4].min(axis=0) / 1e6) for rows in map(np.array, spent)]


def kinds_of(what: NDArray) -> dict[str, NDArray]:
    tables, way, births, ends = what.T
    changes = (births > 0) | (ends > 0)
    kinds = {"all": tables > 0, "nobody starts or ends": ~changes, "somebody does": changes}
    kinds |= {"one table": tables == 1, "several": tables > 1}
    return kinds | {f"before: {name}": way == number for number, name in WAYS.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="folder of a checkout")
    parser.add_argument("--after")
    parser.add_argument("--dataset", nargs="*", default=[], help="sequences with det/det.txt")
    parser.add_argument("--frames", type=int, default=60, help="of each sequence")
    parser.add_argument("--painted", type=int, nargs="*", default=[10, 100], help="people")
    parser.add_argument("--predictor", nargs="+", default=PREDICTORS, choices=PREDICTORS)
    parser.add_argument("--passes", type=int, default=6)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.frames)
        return
    names = [
        *options.dataset,
        *(f"{each} who meet" for each in options.painted if each <= MOST_WHO_MEET),
    ]
    names += [f"{each} objects" for each in options.painted]
    checkouts = [Checkout(each, options.frames) for each in (options.before, options.after)]
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for predictor in options.predictor:
        for name in names:
            (what, old), (same, own) = in_turn(checkouts, predictor, name, options.passes)
            otherwise = (what[:, [0, 2, 3]] != same[:, [0, 2, 3]]).any(axis=1)
            for kind, rows in kinds_of(what).items():
                if rows.any():
                    a, b = old[rows].mean(), own[rows].mean()
                    part, other = old[rows].sum() / old.sum(), otherwise[rows].mean()
                    figures = f"{rows.mean():.0%} | {part:.0%} | {a:.3f} | {b:.3f} | {b / a:.2f}"
                    print(
                        f"| {name}, {predictor} | {kind} | {figures} | {other:.1%} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
