r"""Offline tracking as a consensus: which results take part, and how many of them have to agree.

    python docs/experiments/consensus.py --dataset data/dancetrack/val [--half] \
      [--members 1 2 5] [--shares 0.2 0.25 0.3] [--set tracker.birth_odds=0.1 ...]

Tracks every sequence once with each of the first so many members, forwards and backwards, and
prints the scores of the consensus, by the number of members and the share that is needed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from mambatrack.config import load_config
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.sequences import Sequence
from mambatrack.detections import as_detections
from mambatrack.evaluation.evaluate import scored_sequences
from mambatrack.evaluation.scores import score
from mambatrack.tracking import consensus, offline

FIELDS = ("HOTA", "DetA", "AssA", "AssPr", "AssRe", "IDF1", "IDSW", "Purity", "Completeness")


class Recorded:
    """The results [2 K, D] of one sequence, and what it was tracked from."""

    def __init__(self, sequence: Sequence, members: int, overrides: dict[str, str]):
        self.name, found = sequence.name, sequence_detections(sequence)
        frames = np.arange(sequence.start, sequence.end + 1)
        rows = rows_by_frame(found.frame, frames)
        self.order = np.concatenate(rows)
        self.frame, self.boxes = found.frame[self.order], found.boxes[self.order]
        given = [
            as_detections(np.column_stack([found.boxes[each], found.scores[each]])) for each in rows
        ]
        nothing = [None] * len(given)
        whole = offline._Sequence.of(given, nothing, nothing, sequence.image_size)
        config = load_config(None, overrides).tracker
        pairs = offline._members(config, sequence.image_size, None, None)[:members]
        self.results = offline._tracked(whole, config, pairs)

    def write(self, folder: str, members: int) -> None:
        track = consensus.consensus(self.frame, self.results[: 2 * members])
        (kept,) = (offline._long(track) >= 0).nonzero()
        low, high = self.boxes[kept, :2], self.boxes[kept, 2:]
        table = np.column_stack([self.frame[kept], track[kept] + 1, low, high - low])
        np.savetxt(Path(folder) / f"{self.name}.txt", table, "%d,%d,%.2f,%.2f,%.2f,%.2f,1,-1,-1,-1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--half", action="store_true", help="second halves only")
    parser.add_argument("--members", type=int, nargs="+", default=[1, 2, 5])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.2, 0.25, 0.3])
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    options = parser.parse_args()
    sequences = scored_sequences(options.dataset, half=options.half)
    overrides = dict(each.split("=") for each in options.set)
    recorded = [Recorded(each, max(options.members), overrides) for each in sequences]
    print("| members | share |", " | ".join(FIELDS), "|")
    for members in options.members:
        for consensus.NEEDED_SHARE in options.shares:
            with tempfile.TemporaryDirectory() as folder:
                for each in recorded:
                    each.write(folder, members)
                combined = score(sequences, folder).combined
            values = (f"{getattr(combined, name):.1f}" for name in FIELDS)
            print(f"| {members} | {consensus.NEEDED_SHARE} |", " | ".join(values), "|", flush=True)


if __name__ == "__main__":
    main()
