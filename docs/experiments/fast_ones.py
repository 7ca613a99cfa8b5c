"""Who keeps an id where objects move by more than their size: every N-th frame of true boxes, and
balls.

    python docs/experiments/fast_ones.py --dataset data/mot15/train --every 1 8 20
    python docs/experiments/fast_ones.py --balls 1 3 5
    python docs/experiments/fast_ones.py --dataset data/mot15/train --every 4 --write thin/
    mambatrack eval --dataset thin [--tracker.reach 0] [--config overlap --predictor kalman]

The boxes are shaken by a pixel, and every tenth is left out. A switch: an object is on another
track than when it was seen last.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from every_nth import thin_out
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import read_ground_truth

SETTINGS = {
    "default": {},
    "default, reach 0": {"reach": 0.0},
    "overlap, Kalman": {"association": "overlap", "predictor": "kalman"},
}
FRAMES = 150
SIZE = 20.0  # pixels, of a ball

Frames = list[tuple[NDArray, NDArray]]  # ids [N] and boxes [N, 4] of each frame


def thinned(folder: str, every: int) -> Iterator[Frames]:
    """The true boxes of every ``every``-th frame of each sequence, FRAMES at most."""
    for sequence in find_sequences(folder):
        truth = read_ground_truth(sequence)
        kept = np.arange(1, truth.frame.max() + 1, every)[:FRAMES]
        yield [
            (truth.id[rows], truth.boxes[rows]) for rows in (truth.frame == each for each in kept)
        ]


def balls(step: float) -> Iterator[Frames]:
    """One to four balls that move by ``step`` of their sizes a frame."""
    for count in range(1, 5):
        ids, frames = np.arange(count), []
        for frame in range(40):
            left, top = np.full(count, SIZE * step * frame), 60.0 * ids
            frames.append((ids, np.column_stack([left, top, left + SIZE, top + SIZE])))
        yield frames


def counted(frames: Frames, settings: dict) -> NDArray:
    """[4]: boxes on a track, switches, ids, objects."""
    rng, tracker = np.random.default_rng(0), Tracker(**settings)
    last: dict[int, int] = {}
    boxes = switches = 0
    for ids, true in frames:
        kept = rng.random(len(ids)) < 0.9
        seen, whose = true[kept] + rng.normal(0, 1, (kept.sum(), 4)), ids[kept].tolist()
        tracks = tracker.update(np.column_stack([seen, np.full(len(seen), 0.9)]))
        tracks = tracks[tracks.observed]
        for track, row in zip(tracks.ids.tolist(), tracks.det_ind.tolist(), strict=True):
            boxes += 1
            switches += last.get(whose[row], track) != track
            last[whose[row]] = track
    return np.array([boxes, switches, tracker.started, len(last)])


def report(name: str, scenes: list[Frames]) -> None:
    for setting, settings in SETTINGS.items():
        total = sum(counted(each, settings) for each in scenes)
        print(f"| {name} | {setting} | {' | '.join(map(str, total.tolist()))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="sequences with ground truth")
    parser.add_argument("--every", type=int, nargs="+", default=[1, 8, 20])
    parser.add_argument("--balls", type=float, nargs="+", default=[], help="sizes a frame")
    parser.add_argument("--write", type=Path, help="only writes every N-th frame, with detections")
    args = parser.parse_args()
    if args.write:
        for sequence in find_sequences(args.dataset):
            thin_out(sequence, args.every[0], args.write / sequence.name)
        return
    print("| scene | settings | boxes | switches | ids | objects |\n|---|---|---|---|---|---|")
    for every in args.every if args.dataset else []:
        report(f"every {every}", list(thinned(args.dataset, every)))
    for step in args.balls:
        report(f"balls, {step:g} sizes", list(balls(step)))


if __name__ == "__main__":
    main()
