"""Detections made up from ground truth, with the errors that a real detector was measured to make.

For data sets without detections. They are no detections: what they get wrong is in
docs/experiments.md, and results on them say how a tracker would do with such a detector, not how it
does. The model is described in detector_statistics.py.
"""

import hashlib
import shutil
from collections.abc import Sequence as Many
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

from mambatrack.boxes import area, clip, xyxy_to_ltwh
from mambatrack.datasets import Sequence, Trajectories, read_ground_truth
from mambatrack.detector_statistics import (
    PERSISTENCE,
    BoxModel,
    DetectorStatistics,
    Floats,
    fate_of,
    occlusion,
    occlusion_bin,
)
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.matching import Rows, pair_iou
from mambatrack.version import VERSION

MATCH_IOU = 0.5
SMALLEST = 0.1  # side of a simulated box, as a share of the true one
NOTE = """\
The detections in this folder are SIMULATED; no detector has seen these videos.

They were made from the ground truth by mambatrack {version}, seed {seed}, with errors like those of
the detections in {source} ({boxes} true boxes in {frames} frames):
misses and low scores that grow with occlusion, errors of place, false positives, and how they last.
The statistics are in statistics.json. gt/gt.txt is an unchanged copy.

Say "simulated detections" wherever a number from this folder appears.
"""


def simulate_detections(
    truth: Trajectories, image_size: tuple[int, int], statistics: DetectorStatistics, rng: Generator
) -> Floats:
    """-> [R, 7] frame, -1, left, top, width, height, score; by frame and falling score.

    Boxes are clipped to an image of ``image_size`` (width, height) pixels.
    """
    cell = occlusion_bin(occlusion(truth))
    parts = [_background(truth, image_size, statistics, rng)]
    for model in (statistics.found, *statistics.extras):
        score, boxes = _boxes_at(truth, model, cell, rng)
        there = ~np.isnan(score)
        if model is statistics.found:
            cell = fate_of(score)
        else:
            there &= (cell > 0) | (_own_iou(truth, boxes) < MATCH_IOU)
        parts.append((truth.frame[there], boxes[there], score[there]))
    frame, whole, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    inside = clip(whole, image_size)
    rows = np.column_stack([frame, np.full(len(frame), -1), xyxy_to_ltwh(inside), score])
    order = np.lexsort((-score, frame))
    return rows[order[area(inside[order]) > 0]]


def write_simulated(
    sequences: Many[Sequence],
    statistics: DetectorStatistics,
    out: str | Path,
    seed: int = 0,
    overwrite: bool = False,
) -> list[Path]:
    """Writes OUT/NAME/{gt/gt.txt, det/det.txt, seqinfo.ini} for each sequence, and README.txt and
    statistics.json, which say what they are -> the folders of the sequences.

    Each sequence draws from its own seed, made of ``seed`` and its name, so that it does not depend
    on the others. Raises MambatrackError before anything is written where a sequence has no ground
    truth, two have one name, or one is in ``out`` already and ``overwrite`` is not set.
    """
    out = Path(out)
    folders = [out / sequence.name for sequence in sequences]
    _check(sequences, folders, seed, overwrite)
    out.mkdir(parents=True, exist_ok=True)
    note = NOTE.format(version=VERSION, seed=seed, **vars(statistics))
    (out / "README.txt").write_text(note, encoding="utf-8")
    statistics.save(out / "statistics.json")
    for sequence, folder in zip(sequences, folders, strict=True):
        truth = read_ground_truth(sequence)
        rng = _generator(seed, sequence.name)
        rows = simulate_detections(truth, sequence.image_size, statistics, rng)
        _write_sequence(sequence, folder, rows)
    return folders


def _boxes_at(
    truth: Trajectories, model: BoxModel, cell: Rows, rng: Generator
) -> tuple[Floats, Floats]:
    """Scores [N], NaN where there is no box, and boxes [N, 4] xyxy of one kind at each true box."""
    latent = _latent_gaussians(truth, model, rng)
    scores = model.scores_at(cell, latent[:, 0])
    true = truth.boxes.astype(np.float64)
    sides = np.tile(true[:, 2:] - true[:, :2], 2)
    boxes = true + sides * model.edges_at(cell, scores, latent[:, 1:])
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + SMALLEST * sides[:, 2:])
    return scores, boxes


def _own_iou(truth: Trajectories, boxes: Floats) -> Floats:
    """[N] overlap of each box with its true one. From MATCH_IOU on, an extra detection of a missed
    box would find it after all."""
    placed, rows = replace(truth, boxes=boxes.astype(np.float32)), np.arange(len(truth))
    return pair_iou(truth, placed, rows, rows)


def _latent_gaussians(truth: Trajectories, model: BoxModel, rng: Generator) -> Floats:
    """[N, 5] of score, left, top, right, bottom of each true box, going on while it is absent."""
    variances, vectors = np.linalg.eigh(model.correlation)
    root = vectors * np.sqrt(np.maximum(variances, 0)) @ vectors.T
    latent = np.empty((len(truth), len(root)))
    for identity in np.unique(truth.id):
        rows = np.flatnonzero(truth.id == identity)
        step = truth.frame[rows] - truth.frame[rows].min()
        latent[rows] = _paths(rng, step.max() + 1, root, model.memory)[step]
    return latent


def _paths(rng: Generator, steps: int, root: Floats, memory: Floats) -> Floats:
    """[steps, 5] sum of autoregressive processes, each of variance 1 before it is weighed."""
    total = np.zeros((steps, len(root)))
    for persistence, part in zip(PERSISTENCE, memory.T, strict=True):
        noise = rng.standard_normal((steps, len(root))) @ root.T
        noise[1:] *= np.sqrt(1 - persistence**2)
        total += np.sqrt(part) * lfilter([1], [1, -persistence], noise, axis=0)
    return total


def _background(
    truth: Trajectories, image_size: tuple[int, int], statistics: DetectorStatistics, rng: Generator
) -> tuple[Rows, Floats, Floats]:
    """(frames, boxes, scores) of false positives at nobody: anywhere, as large as someone there."""
    count = rng.poisson(statistics.background * len(np.unique(truth.frame)))
    if not count or not len(statistics.background_rows):
        return np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0)
    host = rng.integers(len(truth), size=count)
    drawn = statistics.background_rows[rng.integers(len(statistics.background_rows), size=count)]
    sides = drawn[:, 1:] * (truth.boxes[host, 2:] - truth.boxes[host, :2])
    corner = rng.random((count, 2)) * np.maximum(np.array(image_size) - sides, 0)
    return truth.frame[host], np.concatenate([corner, corner + sides], axis=1), drawn[:, 0]


def _check(sequences: Many[Sequence], folders: list[Path], seed: int, overwrite: bool) -> None:
    if seed < 0:
        raise MambatrackError(f"seed is {seed}; expected 0 or more")
    for sequence, folder in zip(sequences, folders, strict=True):
        if sequence.gt_path is None:
            raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt")
        if folders.count(folder) > 1:
            raise MambatrackError(
                f"two sequences are called {sequence.name}; choose one split, with --split"
            )
        if folder.exists() and folder.samefile(sequence.folder):
            raise MambatrackError(f"{folder} is the data set itself; name another folder")
        if folder.exists() and not overwrite:
            raise MambatrackError(f"{folder} exists; use --overwrite or name another folder")


def _generator(seed: int, name: str) -> Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _write_sequence(sequence: Sequence, folder: Path, rows: NDArray[np.float64]) -> None:
    for part in ("gt", "det"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    assert sequence.gt_path is not None
    shutil.copyfile(sequence.gt_path, folder / "gt/gt.txt")
    lines = [
        f"{int(frame)},-1,{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.4f},-1,-1,-1\n"
        for frame, _, x, y, w, h, score in rows.tolist()
    ]
    (folder / "det/det.txt").write_text("".join(lines), encoding="utf-8")
    width, height = sequence.image_size
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={sequence.name}\nimDir=img1\nframeRate={sequence.fps:g}\n"
        f"seqLength={sequence.start + sequence.frames}\n"
        f"imWidth={width}\nimHeight={height}\nimExt=.jpg\n",
        encoding="utf-8",
    )
