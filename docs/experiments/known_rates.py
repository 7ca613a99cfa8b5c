"""HOTA / switches with the time between frames known, and with each update taken as one frame.

    python docs/experiments/known_rates.py --dataset data/dancetrack/val --nth 2 5 --rates 0 20 25

Means over runs with jittered settings (jittered.py), the same draws for every rate. A row for every
N-th frame: HOTA / switches of each rate of the motion model; rate 0 knows no time.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from every_nth import thin_out
from jittered import jittered

from mambatrack.config import Config, load_config
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences


def measured(sequences: list[Sequence], rate: float, runs: int, folder: Path) -> np.ndarray:
    """[2]: HOTA and switches of all sequences together, the mean of the runs."""
    settings = load_config(None, {"tracker.frame_rate": rate}).tracker
    rng, rows = np.random.default_rng(0), []
    for run in range(runs):
        entry = Entry("run", folder / f"{rate:g}-{run}", Config(tracker=jittered(settings, rng)))
        score = evaluate(sequences, [entry])["run"].scores.combined
        rows.append((float(score.HOTA), float(score.IDSW)))
        print(f"rate {rate:g}, run {run}: {rows[-1][0]:.2f} / {rows[-1][1]:.0f}", flush=True)
    return np.mean(rows, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--nth", type=int, nargs="+", default=[1])
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0, 25.0])
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    for nth in options.nth:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for each in find_sequences(options.dataset):
                thin_out(each, nth, folder / "data" / each.name)
            sequences = scored_sequences(folder / "data")
            means = [
                measured(sequences, rate, options.runs, folder / "results")
                for rate in options.rates
            ]
        cells = " | ".join(f"{hota:.1f} / {switches:.0f}" for hota, switches in means)
        print(f"| every {nth} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
