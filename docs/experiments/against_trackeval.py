r"""Our scores and TrackEval's own, side by side: how far apart they are, and how long each takes.

    PYTHONPATH=tests python docs/experiments/against_trackeval.py --dataset data/dancetrack/val \
      --trackers A B C [--workers 2]

TrackEval reads result folders A/NAME.txt through its own script's classes, in its own process
count (one); every field of Score is compared, by sequence and combined. Sequences have to lie side
by side in one folder, as TrackEval wants it. --half second compares on second halves, of which
TrackEval gets copies with frames from 1.
"""

import argparse
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.runs.engines import Engine
from trackeval_scores import largest_difference, trackeval_scores


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--trackers", nargs="+", required=True)
    parser.add_argument("--half", choices=("second",))
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    sequences = scored_sequences(options.dataset, half=options.half is not None)
    entries = [Entry(Path(folder).name, Path(folder)) for folder in options.trackers]
    with TemporaryDirectory() as folder:
        copies = [_copy(each, Path(folder) / "gt") for each in sequences]
        for entry in entries:
            _copy_results(sequences, entry, Path(folder) / "trackers" / entry.name / "data")
        began = time.perf_counter()
        theirs = trackeval_scores(copies, Path(folder) / "trackers")
        their_time = time.perf_counter() - began
    began = time.perf_counter()
    ours = evaluate(sequences, entries, Engine(workers=options.workers))
    our_time = time.perf_counter() - began
    for name, evaluation in ours.items():
        worst = largest_difference(evaluation.scores.rows(), theirs[name])
        hota = evaluation.scores.combined.HOTA
        print(f"{name}: HOTA {hota:.3f}, largest difference {worst[0]:.1e} ({worst[1]} {worst[2]})")
    print(
        f"{len(sequences)} sequences: ours {our_time:.1f} s with {options.workers} workers, "
        f"TrackEval {their_time:.1f} s, ratio {our_time / their_time:.2f}"
    )
    return 0


def _copy(sequence: Sequence, folder: Path) -> Sequence:
    """The sequence's ground truth as TrackEval finds it, with frames from 1."""
    target = folder / sequence.name
    (target / "gt").mkdir(parents=True)
    _shifted(sequence, sequence.gt_path, target / "gt" / "gt.txt")
    return replace(sequence, folder=target, start=0)


def _copy_results(sequences: list[Sequence], entry: Entry, folder: Path) -> None:
    folder.mkdir(parents=True)
    for sequence in sequences:
        _shifted(sequence, entry.folder / f"{sequence.name}.txt", folder / f"{sequence.name}.txt")


def _shifted(sequence: Sequence, source: Path, target: Path) -> None:
    if not sequence.start:
        shutil.copy(source, target)
        return
    table = sequence.within(read_mot(source))
    table[:, 0] -= sequence.start
    np.savetxt(target, table, delimiter=",", fmt=["%d", "%d"] + ["%.17g"] * (table.shape[1] - 2))


if __name__ == "__main__":
    sys.exit(main())
