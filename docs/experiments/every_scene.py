r"""HOTA, AssA, IDF1 and switches in every scene: means over jittered settings.

    python docs/experiments/every_scene.py --runs 3 --row dancers data/dancetrack/val \
      --row "second detector" second/ --row MOT15 data/mot15/train --half MOT17 data/mot17/train \
      --row players players-simulated/ --row vtest vtest-yolox/ --association A B --predictor P Q

The first association goes with the first predictor and so on; ``-`` is the shipped one. One set of
weights and settings for all rows; the same draws for every pair (jittered.py, seed 0).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from jittered import jittered

from mambatrack.config import Config, load_config
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences

FIELDS = ("HOTA", "AssA", "IDF1", "IDSW")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--half", nargs=2, action="append", metavar=("NAME", "DIR"), default=[])
    parser.add_argument("--config")
    parser.add_argument("--association", nargs="+", default=["-"])
    parser.add_argument("--predictor", nargs="+", default=["-"])
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    rows = [(name, scored_sequences(root)) for name, root in options.row]
    rows += [(name, scored_sequences(root, half=True)) for name, root in options.half]
    pairs = list(zip(options.association, options.predictor, strict=True))
    for number, pair in enumerate(pairs):
        print(f"{number}: association {pair[0]}, predictor {pair[1]}")
    for name, sequences in rows:
        cells = [measured(sequences, pair, options) for pair in pairs]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measured(sequences: list[Sequence], pair: tuple[str, str], options: argparse.Namespace) -> str:
    """FIELDS of one pair of networks on one set, and the standard deviation of HOTA."""
    names = zip(("association", "predictor"), pair, strict=True)
    given = {f"tracker.{name}": value for name, value in names if value != "-"}
    given |= dict(each.split("=", 1) for each in options.set)
    settings = load_config(options.config, given).tracker
    rng, runs = np.random.default_rng(0), []
    with tempfile.TemporaryDirectory() as folder:
        for run in range(options.runs):
            entry = Entry("run", Path(folder) / str(run), Config(tracker=jittered(settings, rng)))
            scores = evaluate(sequences, [entry])["run"].scores.combined
            runs.append([float(getattr(scores, each)) for each in FIELDS])
    (hota, assa, idf1, switches), spread = np.mean(runs, 0), np.std(runs, 0)[0]
    return f"{hota:.1f} +- {spread:.1f} / {assa:.1f} / {idf1:.1f} / {switches:.0f}"


if __name__ == "__main__":
    main()
