"""Crossings and visits on OpenCV's vtest.avi, of tracks and of the ground truth of PETS09-S2L1.

python docs/experiments/count_vtest.py --truth data/pets09 --results tracks.jsonl
"""

import argparse
from pathlib import Path

import numpy as np

from mambatrack.counting.counter import Counter
from mambatrack.counting.places import parse_places
from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.result_files.read_results import read_recording
from mambatrack.tracks import Tracks, TrackState

LINES = ("middle:384,0,384,576", "post:300,250,700,400")
ZONES = ("crossing:250,250;550,250;550,450;250,450",)
RATE = 10.0


def tracks_of(frame, ids, boxes, seen, gap, ended):
    count = len(ids)
    state = np.where(seen, TrackState.OBSERVED, TrackState.PREDICTED).astype(np.uint8)
    return Tracks(
        frame, frame / RATE, boxes.astype(np.float32), ids, np.ones(count, np.float32),
        np.zeros(count, np.int64), state, np.where(seen, 0, np.maximum(gap, 1)),
        np.zeros((count, 4), np.float32), np.arange(count), ended,
    )  # fmt: skip


def counted(frame, ids, boxes, seen, gap):
    """Counter of rows [R] in any order."""
    counter = Counter(parse_places(LINES, ZONES), ("person",))
    last = {int(each): int(frame[ids == each].max()) for each in np.unique(ids)}
    for number in range(int(frame.max()) + 1):
        rows = np.flatnonzero(frame == number)
        rows = rows[np.argsort(ids[rows])]
        ended = np.array([each for each, end in last.items() if end == number - 1], np.int64)
        counter.update(tracks_of(number, ids[rows], boxes[rows], seen[rows], gap[rows], ended))
    counter.finish()
    return counter


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--results", type=Path, nargs="+", required=True)
    options = parser.parse_args()
    truth = read_ground_truth(find_sequences(options.truth)[0])
    all_seen, none = np.ones(len(truth), bool), np.zeros(len(truth), np.int64)
    counters = {"truth": counted(truth.frame - 1, truth.id, truth.boxes, all_seen, none)}
    for path in options.results:
        found = read_recording(path)
        counters[path.name] = counted(found.frame, found.id, found.boxes, found.seen, found.gap)
    keys = sorted({key[:3] for counter in counters.values() for key in counter.counts})
    print("place | event | direction | " + " | ".join(counters))
    for key in keys:
        totals = [sum(n for k, n in each.counts.items() if k[:3] == key)
                  for each in counters.values()]  # fmt: skip
        print(" | ".join([*key, *map(str, totals)]))


if __name__ == "__main__":
    main()
