r"""Purity and fragmentation over tracker.caution.

    python docs/experiments/caution.py --dataset data/dancetrack/val [--half] [--config overlap] \
      [--offline] [--caution -1 -0.5 0 0.25 0.5 1]

Prints a line of a table for each setting, and fails where purity falls as caution grows.
"""

import argparse
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from mambatrack.config import load_config
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.evaluation.scores import Score
from mambatrack.runs.engines import Engine

FIELDS = (
    "HOTA", "AssA", "AssPr", "AssRe", "IDF1", "Purity", "Completeness", "TracksPerObject", "Tracks",
    "PureTracks",
)  # fmt: skip


def line(caution: float, score: Score) -> str:
    values = [getattr(score, name) for name in FIELDS]
    shown = [str(each) if isinstance(each, int) else f"{each:.1f}" for each in values]
    return " | ".join(["", f"{caution:g}", *shown, ""]).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--config")
    parser.add_argument("--half", action="store_true", help="second halves only")
    parser.add_argument("--offline", action="store_true")
    parser.add_argument("--caution", type=float, nargs="+", default=[-1, -0.5, 0, 0.25, 0.5, 1])
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    sequences = scored_sequences(options.dataset, half=options.half)
    purity = []
    print("| caution |", " | ".join(FIELDS), "|")
    for caution in options.caution:
        given = {"tracker.caution": caution, "tracker.offline": options.offline}
        with tempfile.TemporaryDirectory() as folder:
            entry = Entry("run", Path(folder), load_config(options.config, given))
            result = evaluate(sequences, [entry], Engine(workers=options.workers))["run"]
        purity.append(result.scores.combined.Purity)
        print(line(caution, result.scores.combined), flush=True)
    if any(low > high for low, high in pairwise(purity)):
        sys.exit("purity falls where caution grows")


if __name__ == "__main__":
    main()
