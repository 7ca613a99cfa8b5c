"""Sequences of known truth and detections, as files."""

import numpy as np

from mambatrack.datasets.sequences import Trajectories, find_sequences
from mambatrack.simulation.world import write_sequence


def write_training_data(folder, count, people=5):
    """Short synthetic sequences with truth and detections -> folder."""
    for seed in range(count):
        write_sequence(
            folder / f"world{seed}", seed=seed, people=people, frames=90, size=(640, 360)
        )
    return folder


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


def write_clip(folder):
    """Into the folder: clip.mp4 of 30 frames, its sequence set/walk in MOT layout, and set/run."""
    write_sequence(
        folder / "set" / "walk", seed=3, people=3, frames=30, size=(320, 240),
        video=folder / "clip.mp4",
    )  # fmt: skip
    write_sequence(folder / "set" / "run", seed=5, people=3, frames=20, size=(320, 240))
    return folder


def boxes_at(rows) -> Trajectories:
    """(frame, id, left) -> boxes of 30 x 60 pixels."""
    frame, identity, left = np.array(rows, float).reshape(-1, 3).T
    corners = [left, np.full(len(left), 10), left + 30, np.full(len(left), 70)]
    boxes = np.stack(corners, 1).astype(np.float32)
    return Trajectories(frame.astype(int), identity.astype(int), boxes)


def write_pair(folder, **options):
    """Two short sequences, a and b."""
    for seed, name in enumerate("ab"):
        write_sequence(folder / name, seed=seed, frames=60, **options)
    return folder


def write_small_clip(folder):
    """A video of 40 frames of 160 x 120 pixels -> its path."""
    write_sequence(
        folder / "walk", seed=3, people=3, frames=40, size=(160, 120), video=folder / "clip.mp4"
    )
    return folder / "clip.mp4"
