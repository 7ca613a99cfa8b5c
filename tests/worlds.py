"""Sequences of known truth and detections, as files."""

import numpy as np

from mambatrack.datasets import find_sequences


def write_world(folder, truth, rows, size=(960, 540)):
    """A sequence of known truth and detections [R, 7]."""
    for part in ("gt", "det"):
        (folder / part).mkdir(parents=True)
    sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
    true = np.column_stack([truth.frame, truth.id, truth.boxes[:, :2], sides])
    true = np.column_stack([true, np.ones((len(true), 3))])
    np.savetxt(folder / "gt/gt.txt", true, "%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,%d")
    np.savetxt(folder / "det/det.txt", rows, "%d,%d,%.5f,%.5f,%.5f,%.5f,%.5f")
    length = truth.frame.max()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nseqLength={length}\nimWidth={size[0]}\nimHeight={size[1]}\n"
    )
    return find_sequences(folder)[0]
