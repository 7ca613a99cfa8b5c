"""How close to the truth are boxes in the gaps of real detections: online, and looking back.

    PYTHONPATH=tests python docs/experiments/filled_gaps.py --dataset data/dancetrack/val

A gap is a run of at most 60 frames in which an object is there, but no detection of at least
--score is matched to it, between two frames in which one is. Every method of tests/gap_methods.py
gets the matched detections around the gap, from 60 frames before it on.

Prints, by length of the gap, means over its frames: distance of the centres in heights of the true
box, IoU, and the share of the four coordinates that lie within the spread (68 % expected).
"""

import argparse
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from gap_methods import LONGEST, Method, causal, filler, line, read_gaps, smoother
from mambatrack.boxes import cxcywh_to_xyxy
from mambatrack.datasets.matching import pair_iou
from mambatrack.datasets.sequences import find_sequences
from mambatrack.gaps.filling import SHIPPED, GapFiller
from mambatrack.learning.gap_data import read_seen_people
from mambatrack.motion.loading import load_predictor

BINS = {"1": 1, "2-5": 2, "6-10": 6, "11-30": 11, "31-60": 31}


class _Sums:
    """Means over frames by length of the gap."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, float, float]] = []

    def add(self, length: int, true: NDArray, boxes: NDArray, spread: NDArray) -> None:
        true, boxes, spread = (each.reshape(-1, 4) for each in (true, boxes, spread))
        centre = np.linalg.norm((boxes - true)[:, :2], axis=1) / true[:, 3]
        pairs = [_Table(cxcywh_to_xyxy(each)) for each in (true, boxes)]
        places = np.arange(len(true))
        overlap = pair_iou(*pairs, places, places)
        within = (np.abs(boxes - true) <= spread).mean(1)
        self.rows += [(length, *each) for each in zip(centre, overlap, within, strict=True)]

    def line(self, low: int, high: int) -> list[str]:
        table = np.array(self.rows)
        chosen = table[(table[:, 0] >= low) & (table[:, 0] < high), 1:]
        centre, overlap, within = chosen.mean(0)
        return [f"{centre:.4f}", f"{overlap:.3f}", f"{100 * within:.0f} %" if within else "-"]


class _Table(NamedTuple):
    boxes: NDArray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, nargs="+")
    parser.add_argument("--only", nargs="+", help="names of sequences")
    parser.add_argument("--score", type=float, default=0.6)
    parser.add_argument("--filler", default=str(SHIPPED))
    parser.add_argument("--after", type=int, nargs="+", default=[1, 3, 10])
    options = parser.parse_args()
    sequences = [each for root in options.dataset for each in find_sequences(root)]
    sequences = [each for each in sequences if not options.only or each.name in options.only]
    gaps = read_gaps(read_seen_people(sequences, options.score))
    network = GapFiller(options.filler)
    methods: dict[str, Method] = {
        "causal": causal(load_predictor("mamba")), "line": line, "smoother": smoother,
        **{f"filler {after}": filler(network, after) for after in options.after},
    }  # fmt: skip
    sums = {name: _Sums() for name in methods}
    for length in np.unique(gaps.length):
        some = gaps.of(int(length))
        for name, method in methods.items():
            sums[name].add(int(length), some.true, *method(some))
    table = Table("gap", "gaps", "method", "centre off", "IoU", "within spread")
    highs = [*list(BINS.values())[1:], LONGEST + 1]
    for (label, low), high in zip(BINS.items(), highs, strict=True):
        count = int(((gaps.length >= low) & (gaps.length < high)).sum())
        for name in methods if count else ():
            table.add_row(label, str(count), name, *sums[name].line(low, high))
        table.add_section()
    Console(width=90).print(table)


if __name__ == "__main__":
    main()
