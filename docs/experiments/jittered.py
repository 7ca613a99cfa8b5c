r"""HOTA as a mean over jittered settings and several networks: single runs mislead.

    python docs/experiments/jittered.py --dataset data/dancetrack/val --association A B C --runs 3 \
      [--config overlap] [--predictor mamba kalman] [--set tracker.max_age=30 ...] [--half]

Each run draws the tracker's thresholds anew: scores and ages by 3 % of their value, log-odds by 0.1
(standard deviations, seed 0, the same draws for every network). A setting is tried by itself, on
top of the others. Prints every run, the mean of each network, and in the end mean and standard
deviation of all.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

from mambatrack.config import Config, TrackerConfig, load_config
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.runs.engines import Engine

FIELDS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")


def jittered(config: TrackerConfig, rng: np.random.Generator) -> TrackerConfig:
    """The same settings with thresholds that differ a little."""
    share, odds = rng.normal(1, 0.03, 5), rng.normal(0, 0.1, 2)
    return replace(
        config,
        match_odds=config.match_odds + odds[0],
        birth_odds=config.birth_odds + odds[1],
        birth_score=min(config.birth_score * share[0], 1.0),
        max_age=round(config.max_age * share[1]),
        match_score=min(config.match_score * share[2], 1.0),
        iou_gate=min(config.iou_gate * share[3], 1.0),
        birth_iou=min(config.birth_iou * share[4], 1.0),
    )


def variants(options: argparse.Namespace) -> Iterator[tuple[str, TrackerConfig]]:
    """Name and settings of everything that is compared."""
    for association, predictor in product(options.association, options.predictor):
        names = {"tracker.association": association, "tracker.predictor": predictor}
        plain = {key: name for key, name in names.items() if name}
        for given in ["", *options.set]:
            key, _, value = given.partition("=")
            config = load_config(options.config, plain | ({key: value} if key else {}))
            yield " ".join(filter(None, (association, predictor, given))) or "-", config.tracker


def line(name: str, values: np.ndarray) -> None:
    print(name, *(f"{value:.2f}" for value in values), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, nargs="+")
    parser.add_argument("--config")
    parser.add_argument("--association", nargs="+", default=[""])
    parser.add_argument("--predictor", nargs="+", default=[""])
    parser.add_argument("--set", nargs="+", metavar="KEY=VALUE", default=[])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--half", action="store_true", help="second halves only")
    options = parser.parse_args()
    sequences = [s for root in options.dataset for s in scored_sequences(root, half=options.half)]
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, settings) in enumerate(variants(options)):
            rng, rows = np.random.default_rng(0), []
            for run in range(options.runs):
                place = Path(folder) / f"{number}-{run}"
                entry = Entry("run", place, Config(tracker=jittered(settings, rng)))
                result = evaluate(sequences, [entry], Engine(workers=options.workers))["run"]
                rows.append([float(getattr(result.scores.combined, each)) for each in FIELDS])
                line(f"{name} {run}", rows[-1])
            line(f"{name} mean", np.mean(rows, 0))
            table += rows
    print("", *FIELDS)
    line("mean", np.mean(table, 0))
    line("std", np.std(table, 0))


if __name__ == "__main__":
    main()
