"""A result as MOT text, which scorers and servers read, or as CSV, for tables of any kind."""

from pathlib import Path

import numpy as np

from mambatrack.boxes import xyxy_to_ltwh
from mambatrack.csv_text import csv_text
from mambatrack.files import write_text
from mambatrack.outputs.lines import CSV_COLUMNS, csv_name, numbers
from mambatrack.result_files.footage import Footage
from mambatrack.result_files.read_results import Recording


def write_mot(recording: Recording, footage: Footage, path: Path) -> None:
    """As --mot writes it."""
    sides = xyxy_to_ltwh(recording.boxes)
    table = np.column_stack([recording.frame + 1, recording.id, sides, recording.score])
    rows = "%d,%d,%.2f,%.2f,%.2f,%.2f,%.4f,-1,-1,-1\n"
    write_text(path, "".join(rows % tuple(row) for row in table.tolist()))


def write_csv(recording: Recording, footage: Footage, path: Path) -> None:
    """As --csv writes it."""
    columns = zip(
        numbers(recording.boxes), recording.label.tolist(), numbers(recording.score),
        recording.id.tolist(), recording.frame.tolist(), recording.seen.tolist(),
        recording.gap.tolist(), strict=True,
    )  # fmt: skip
    rows = [
        (*box, label, score, identity, frame, recording.times.get(frame),
         "observed" if seen else "predicted", gap, csv_name(recording.names, label))
        for box, label, score, identity, frame, seen, gap in columns
    ]  # fmt: skip
    write_text(path, csv_text([CSV_COLUMNS, *rows]))
