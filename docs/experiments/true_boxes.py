r"""Tracking of the true boxes: what a perfect detector would leave to the tracker.

    python docs/experiments/true_boxes.py --dataset data/sportsmot/val \
      [--association learned overlap]

The boxes of the ground truth, without their identities, become the detections, with a score of 1,
in a temporary folder; they are tracked with the default settings and scored.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mambatrack import load_config
from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.datasets.sequences import Sequence
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.evaluation.evaluate import Entry, evaluate, scored_sequences
from mambatrack.runs.engines import Engine

FIELDS = ("HOTA", "DetA", "AssA", "MOTA", "IDF1", "IDSW")


def reveal(sequence: Sequence, folder: Path) -> None:
    """Writes the sequence with its truth as detections."""
    assert sequence.gt_path is not None
    truth = read_ground_truth(sequence)
    for name in ("gt", "det"):
        (folder / name).mkdir(parents=True)
    (folder / "gt/gt.txt").write_bytes(sequence.gt_path.read_bytes())
    ones = np.ones(len(truth))
    rows = np.column_stack([truth.frame, -ones, xyxy_to_ltwh(truth.boxes), ones])
    np.savetxt(folder / "det/det.txt", rows[np.argsort(truth.frame, kind="stable")], "%.9g", ",")
    width, height = sequence.image_size
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={sequence.name}\nframeRate={sequence.fps}\n"
        f"seqLength={sequence.frames}\nimWidth={width}\nimHeight={height}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--association", nargs="+", default=["learned", "overlap"])
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with TemporaryDirectory() as made:
        for sequence in scored_sequences(options.dataset):
            reveal(sequence, Path(made) / "data" / sequence.name)
        entries = [
            Entry(str(number), Path(made) / str(number), load_config(None, {
                "tracker.association": each
            }))
            for number, each in enumerate(options.association)
        ]  # fmt: skip
        sequences = scored_sequences(Path(made) / "data")
        done = evaluate(sequences, entries, Engine(workers=options.workers))
        print("association", *FIELDS)
        for number, each in enumerate(options.association):
            score = done[str(number)].scores.combined
            print(each, *(f"{float(getattr(score, name)):.2f}" for name in FIELDS))


if __name__ == "__main__":
    main()
