"""Tracks 20,000 frames of people who come and go, and prints how the memory of the process grows.

    python demo/endurance.py [--frames 20000] [--people 30] [--predictor mamba-window]

Six hours at 25 frames a second are --frames 540000. Fails where an id comes back, or where the
process has grown by more than 5 % since the first tenth of a run of 20,000 frames or more.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker, Tracks, load_config

SIZE = 1920, 1080
CENTRE = np.array(SIZE) / 2
STAY = 400.0  # frames that a person is there, on average
HIDDEN = 0.02  # chance in a frame to be hidden for some time
GROWTH = 0.05
LONG = 20_000  # frames
IDS = 2_000_000  # more than there will be; pages of it that are not touched cost nothing


def coming_and_going(people: int, seed: int = 0) -> Iterator[NDArray[np.float64]]:
    """Detections [N, 5] of ``people`` who walk, are hidden now and then, leave and are replaced,
    with noise, misses and false positives; without end."""
    rng = np.random.default_rng(seed)
    state = _newcomers(rng, people)
    hidden = np.zeros(people, int)
    while True:
        state[:, :2] += state[:, 2:4]
        state[:, 2:4] = 0.97 * state[:, 2:4] + rng.normal(0, 0.35, (people, 2))
        outside = (np.abs(state[:, :2] - CENTRE) > CENTRE).any(axis=1)
        gone = outside | (rng.random(people) < 1 / STAY)
        state[gone] = _newcomers(rng, int(gone.sum()))
        hidden = np.maximum(hidden - 1, rng.integers(1, 40, people) * (rng.random(people) < HIDDEN))
        seen = state[(hidden == 0) & (rng.random(people) < 0.97)]
        wrong = _newcomers(rng, int(rng.random() < 0.1))
        boxes = np.concatenate([seen, wrong])
        height = boxes[:, 4] * (1 + rng.normal(0, 0.02, len(boxes)))
        width = 0.4 * boxes[:, 4] * (1 + rng.normal(0, 0.03, len(boxes)))
        left, top = boxes[:, 0] - width / 2, boxes[:, 1] - height / 2
        score = np.where(np.arange(len(boxes)) < len(seen), 0.9, 0.65)
        score = score + rng.uniform(-0.1, 0.1, len(boxes))
        yield np.column_stack([left, top, left + width, top + height, score])


def _newcomers(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """[count, 5]: centre, velocity, height, pixels."""
    centres = rng.uniform((0, 200), (SIZE[0], SIZE[1] - 200), (count, 2))
    return np.column_stack([centres, rng.normal(0, 3, (count, 2)), rng.uniform(120, 320, count)])


class IdCheck:
    """Whether an id ever comes back. Its memory does not grow."""

    def __init__(self) -> None:
        self.last: NDArray[np.int64] = np.zeros(0, np.int64)
        self.over = np.zeros(IDS, bool)

    def __call__(self, tracks: Tracks) -> None:
        assert not self.over[tracks.ids].any(), "an id came back"
        assert (np.diff(tracks.ids) > 0).all(), "ids do not ascend"
        self.over[np.setdiff1d(self.last, tracks.ids, assume_unique=True)] = True
        self.last = tracks.ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--predictor", default="mamba-window")
    options = parser.parse_args()
    config = load_config(None, {"tracker.predictor": options.predictor})
    tracker, check = Tracker(config, image_size=SIZE), IdCheck()
    spent, memory = 0.0, []
    for detections, _ in zip(coming_and_going(options.people), range(options.frames), strict=False):
        began = time.perf_counter()
        tracks = tracker.update(detections)
        spent += time.perf_counter() - began
        check(tracks)
        if tracker.frame % (options.frames // 10) == 0:
            memory.append(own_mebibytes())
            print(
                f"frame {tracker.frame:6d}  memory {memory[-1]:6.1f} MiB  "
                f"ids {tracker.started:5d}  live {len(tracks):2d}  "
                f"{1000 * spent / tracker.frame:.2f} ms per update",
                flush=True,
            )
    growth = max(memory) / memory[0] - 1
    print(f"no id came back; the process grew by {100 * growth:.1f} % after the first tenth")
    if options.frames >= LONG and growth > GROWTH:
        sys.exit(f"more than {100 * GROWTH:.0f} %")


def own_mebibytes() -> float:
    """What the process has allocated and still holds, in memory or swapped out (Linux). Pages of
    files, as of libraries, are left out: the system drops and reads them again as it likes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = dict(line.split(":", 1) for line in lines)
    return sum(int(sizes[name].split()[0]) for name in ("RssAnon", "VmSwap")) / 1024


if __name__ == "__main__":
    main()
