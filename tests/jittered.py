"""HOTA as a mean over jittered settings and several networks: single runs mislead.

    python tests/jittered.py --dataset data/dancetrack/val --association A B C --runs 3

Each run draws the tracker's thresholds anew: scores and ages by 3 % of their value, log-odds by 0.1
(standard deviations, seed 0). Prints every run, then mean and standard deviation.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from mambatrack.config import Config, TrackerConfig, load_config
from mambatrack.engines import Engine
from mambatrack.evaluation.runs import Entry, evaluate, scored_sequences

FIELDS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")


def jittered(config: TrackerConfig, rng: np.random.Generator) -> TrackerConfig:
    """The same settings with thresholds that differ a little."""
    share, odds = rng.normal(1, 0.03, 6), rng.normal(0, 0.1, 2)
    return replace(
        config,
        match_odds=config.match_odds + odds[0],
        birth_odds=config.birth_odds + odds[1],
        birth_score=min(config.birth_score * share[0], 1.0),
        max_age=round(config.max_age * share[1]),
        match_score=min(config.match_score * share[2], 1.0),
        iou_gate=min(config.iou_gate * share[3], 1.0),
        lost_iou_gate=min(config.lost_iou_gate * share[4], 1.0),
        birth_iou=min(config.birth_iou * share[5], 1.0),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, nargs="+")
    parser.add_argument("--association", nargs="+", default=["learned"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--half", action="store_true", help="second halves only")
    options = parser.parse_args()
    sequences = [s for root in options.dataset for s in scored_sequences(root, half=options.half)]
    rows = []
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for association in options.association:
            plain = load_config(None, {"tracker.association": association})
            for run in range(options.runs):
                config = Config(tracker=jittered(plain.tracker, rng))
                place = Path(folder) / f"{len(rows)}"
                entry = Entry("run", place, config)
                result = evaluate(sequences, [entry], Engine(workers=options.workers))["run"]
                row = [float(getattr(result.scores.combined, name)) for name in FIELDS]
                rows.append(row)
                print(association, run, *(f"{value:.2f}" for value in row), flush=True)
    table = np.array(rows)
    print("mean", *(f"{value:.2f}" for value in table.mean(0)))
    print("std", *(f"{value:.2f}" for value in table.std(0)))


if __name__ == "__main__":
    main()
