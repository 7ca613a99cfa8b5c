r"""Checks the simulation on data with real detections: each half of a sequence in time gets
simulated detections with the errors of its other half, and the real ones can stand beside them.

    python docs/experiments/simulate_halves.py --dataset data/dancetrack/val \
      --out halves/ [--seed N]
    mambatrack eval --dataset halves/ --predictor kalman
    mambatrack eval --dataset data/dancetrack/val --predictor kalman
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from mambatrack.datasets.sequences import Sequence, second_half
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.simulation.error_runs import bootstrap_detections, measure_runs
from mambatrack.simulation.simulate import _check, _generator, _write_sequence, measurable_sequences


def from_the_other_half(sequence: Sequence, seed: int) -> np.ndarray:
    """Detections of all frames, as ``bootstrap_detections`` gives them."""
    halves = replace(sequence, frames=sequence.frames // 2), second_half(sequence)
    rng = _generator(seed, sequence.name)
    return np.concatenate([
        bootstrap_detections(read_ground_truth(half), half.image_size, measure_runs([other]), rng)
        for half, other in (halves, halves[::-1])
    ])  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sequences = measurable_sequences(options.dataset)
    folders = [options.out / each.name for each in sequences]
    _check(sequences, folders, options.seed, overwrite=False)
    for sequence, folder in zip(sequences, folders, strict=True):
        _write_sequence(sequence, folder, from_the_other_half(sequence, options.seed))
    print(f"{len(sequences)} sequences with simulated detections in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
