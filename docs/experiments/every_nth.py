"""Tracking of every N-th frame: time steps counted against each update taken as one frame.

    python docs/experiments/every_nth.py --dataset data/dancetrack/val [--nth 4] [--workers 2]

Ground truth and detections are thinned out to every N-th frame in a temporary folder, tracked with
the default settings but those named in the table, and scored with TrackEval on the kept frames.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mambatrack import load_config
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.runs.engines import Engine


def thin_out(sequence: Sequence, nth: int, folder: Path) -> None:
    """Writes every ``nth`` frame of a sequence with ground truth and detections, from the first."""
    kept = -(-sequence.frames // nth)
    for name, path in (("gt", sequence.gt_path), ("det", sequence.det_path)):
        assert path is not None
        table = read_mot(path)
        table = table[(table[:, 0] - 1) % nth == 0]
        table[:, 0] = (table[:, 0] - 1) // nth + 1
        (folder / name).mkdir(parents=True)
        np.savetxt(folder / name / f"{name}.txt", table, "%.9g", ",")
    width, height = sequence.image_size
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={sequence.name}\nframeRate={sequence.fps / nth}\nseqLength={kept}\n"
        f"imWidth={width}\nimHeight={height}\n"
    )


def settings_to_compare(nth: int, rates: list[float], max_age: int) -> dict[str, dict[str, Any]]:
    """Overrides by the name of the row."""
    shorter = max(1, round(max_age / nth))
    return {
        "each update one frame": {},
        f"each update one frame, max_age {shorter}": {"tracker.max_age": shorter},
        **{f"frame_rate {rate:g}": {"tracker.frame_rate": rate} for rate in rates},
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--nth", type=int, default=4)
    parser.add_argument("--rates", type=float, nargs="+", help="frames a second of the model")
    parser.add_argument("--predictor", default="mamba")
    parser.add_argument("--association", default="learned")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = find_sequences(options.dataset)
        for sequence in whole:
            thin_out(sequence, options.nth, folder / "data" / sequence.name)
        common = {
            "tracker.predictor": options.predictor, "tracker.association": options.association,
        }  # fmt: skip
        rows = settings_to_compare(
            options.nth, options.rates or [whole[0].fps], load_config().tracker.max_age
        )
        entries = [
            Entry(name, folder / f"results-{number}", load_config(None, common | overrides))
            for number, (name, overrides) in enumerate(rows.items())
        ]
        sequences = scored_sequences(folder / "data")
        done = evaluate(sequences, entries, Engine(options.workers))
    print(f"{len(sequences)} sequences, every {options.nth}. frame, {options.predictor}, "
          f"{options.association}")  # fmt: skip
    print(f"{'':34s}  HOTA   AssA   IDF1   IDSW")
    for name, evaluation in done.items():
        got = evaluation.scores.combined
        print(f"{name:34s} {got.HOTA:5.2f}  {got.AssA:5.2f}  {got.IDF1:5.2f}  {got.IDSW:5d}")


if __name__ == "__main__":
    main()
