r"""HOTA and switches of each sequence, by where the tracker has the camera's motion from.

    python docs/experiments/moving_cameras.py --dataset data/mot15/train --camera off auto --runs 3

Means over runs with jittered settings (jittered.py), the same draws for every camera. A row for
each sequence: HOTA / switches of each camera; in the last row those of all.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from jittered import jittered

from mambatrack.config import Config, load_config
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences

FIELDS = ("HOTA", "IDSW")


def measured(options: argparse.Namespace, camera: str, folder: Path) -> np.ndarray:
    """[runs, sequences + 1, 2]: FIELDS of each sequence, and of all."""
    sequences = [s for root in options.dataset for s in scored_sequences(root, half=options.half)]
    settings = load_config(None, {"tracker.camera": camera}).tracker
    rng, runs = np.random.default_rng(0), []
    for run in range(options.runs):
        entry = Entry("run", folder / str(run), Config(tracker=jittered(settings, rng)))
        scores = evaluate(sequences, [entry])["run"].scores
        every = [scores.sequences[each.name] for each in sequences] + [scores.combined]
        runs.append([[float(getattr(score, name)) for name in FIELDS] for score in every])
        print(camera, run, *(f"{value:.2f}" for value in runs[-1][-1]), flush=True)
    return np.array(runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True, nargs="+")
    parser.add_argument("--camera", nargs="+", default=["off", "auto"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--half", action="store_true", help="second halves only")
    options = parser.parse_args()
    names = [s.name for root in options.dataset for s in scored_sequences(root)] + ["all"]
    means = []
    for camera in options.camera:
        with tempfile.TemporaryDirectory() as folder:
            means.append(measured(options, camera, Path(folder)).mean(axis=0))
    for number, name in enumerate(names):
        cells = (f"{hota:.1f} / {switches:.0f}" for hota, switches in (m[number] for m in means))
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
