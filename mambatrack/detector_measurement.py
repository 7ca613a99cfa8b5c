"""Measures how a detector errs, where both its boxes and the truth are known.

A detection belongs to a true box where they are matched one-to-one (IoU >= 0.5). Of what is left,
an extra detection belongs to the true box that it overlaps most, and the rest to the background.
"""

from collections.abc import Callable
from collections.abc import Sequence as Many
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.stats import norm, rankdata

from mambatrack.datasets import Sequence, Trajectories, read_ground_truth
from mambatrack.detector_statistics import (
    LEVELS,
    NORMALS,
    OCCLUSION,
    PERSISTENCE,
    BoxModel,
    DetectorStatistics,
    Floats,
    fate_of,
    level_of,
    occlusion,
    occlusion_bin,
)
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.matching import (
    DetectionRows,
    Mask,
    Rows,
    best_overlap,
    detection_rows,
    find_rows,
    invert,
    match,
    select,
)
from mambatrack.mot_text import read_mot

CONFIDENT = 0.5  # matched before the others, so that no weak duplicate takes their place
ATTACHED = 0.1  # IoU from which a false positive belongs to a true box
EXTRAS = 2  # false positives of one true box; more are too rare to count
LAGS = np.array([1, 2, 3, 5, 8, 13, 21, 34, 55, 89])  # frames, where correlations are measured
FEW = 30  # samples below which a cell takes the distribution of its level, or of all
RARE = 0.01  # share of true boxes below which a score is reached too seldom to follow in time
BACKGROUND_ROWS = 200
DRAWS = 60_000  # Gaussians that show what a latent correlation does to the values


def measure_detector(sequences: Many[Sequence]) -> DetectorStatistics:
    """How the detector of det/det.txt errs; all its scores take part.

    Raises MambatrackError where a sequence lacks detections or ground truth, or there are no boxes.
    """
    seen = [_observe(sequence) for sequence in sequences]
    if not sum(len(each.truth) for each in seen):
        raise MambatrackError("no true box to measure a detector on; expected boxes in gt/gt.txt")
    tracks = _join_tracks([each.truth for each in seen])
    found, *extras = (
        _join_samples(slot) for slot in zip(*(each.slots for each in seen), strict=True)
    )
    hidden = np.concatenate([occlusion(each.truth) for each in seen])
    rows = np.concatenate([each.background for each in seen])
    frames = sum(sequence.frames for sequence in sequences)
    return DetectorStatistics(
        source="/".join(sequences[0].folder.resolve().parent.parts[-2:]),
        boxes=len(tracks),
        frames=frames,
        found=_fit(tracks, found, occlusion_bin(hidden), len(OCCLUSION) + 1),
        extras=tuple(_fit(tracks, each, fate_of(found.scores), len(LEVELS) + 2) for each in extras),
        background=len(rows) / max(frames, 1),
        background_rows=_thin(rows),
    )


class _Samples(NamedTuple):
    """For each true box the score [N] of a detection, NaN where there is none, and its errors
    [N, 4] as in BoxModel."""

    scores: Floats
    edges: Floats


class _Observed(NamedTuple):
    """One sequence: its truth; the detection and the extra ones of each true box; the rest."""

    truth: Trajectories
    slots: list[_Samples]
    background: Floats


def _observe(sequence: Sequence) -> _Observed:
    if sequence.det_path is None:
        raise MambatrackError(f"{sequence.folder} has no detections; expected det/det.txt in it")
    truth = read_ground_truth(sequence)
    found = detection_rows(sequence.within(read_mot(sequence.det_path)))
    matched = _match_confident_first(truth, found)
    slots = [_samples(truth, found, matched)]
    rest = found.select(invert(matched, len(found)) < 0)
    overlap, host = best_overlap(rest, truth)
    background = _background(truth, rest.select(overlap < ATTACHED))
    rest, host = rest.select(overlap >= ATTACHED), host[overlap >= ATTACHED]
    for _ in range(EXTRAS):
        ascending = np.argsort(rest.scores, kind="stable")
        matched = np.full(len(truth), -1)
        matched[host[ascending]] = ascending
        slots.append(_samples(truth, rest, matched))
        left = invert(matched, len(rest)) < 0
        rest, host = rest.select(left), host[left]
    return _Observed(truth, slots, background)


def _match_confident_first(truth: Trajectories, found: DetectionRows) -> Rows:
    """[len(truth)] the detection of each true box, -1 where there is none."""
    matched = np.full(len(truth), -1)
    for lowest in (CONFIDENT, -np.inf):
        free = np.flatnonzero(matched < 0)
        left = (invert(matched, len(found)) < 0) & (found.scores >= lowest)
        new = match(select(truth, free), found.select(left))
        matched[free[new >= 0]] = np.flatnonzero(left)[new[new >= 0]]
    return matched


def _samples(truth: Trajectories, found: DetectionRows, matched: Rows) -> _Samples:
    there = matched >= 0
    scores, edges = np.full(len(truth), np.nan), np.full((len(truth), 4), np.nan)
    scores[there] = found.scores[matched[there]]
    true = truth.boxes[there].astype(np.float64)
    edges[there] = (found.boxes[matched[there]] - true) / _sides(true)
    return _Samples(scores, edges)


def _sides(boxes: Floats) -> Floats:
    """[N, 4] (width, height, width, height), at least a pixel."""
    return np.tile(np.maximum(boxes[:, 2:] - boxes[:, :2], 1), 2)


def _background(truth: Trajectories, found: DetectionRows) -> Floats:
    """background_rows; sizes in multiples of the median true box of the sequence."""
    if not len(found):
        return np.zeros((0, 3))
    usual = np.median(_sides(truth.boxes.astype(np.float64))[:, :2], axis=0)
    sides = _sides(found.boxes.astype(np.float64))[:, :2]
    return np.column_stack([found.scores, sides / usual])


def _thin(rows: Floats) -> Floats:
    """At most BACKGROUND_ROWS of the rows, evenly over their scores."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), BACKGROUND_ROWS)).astype(int)]


def _join_tracks(parts: list[Trajectories]) -> Trajectories:
    """All sequences in one table, in which no two share an identity."""
    names = np.concatenate([np.stack([np.full(len(p), n), p.id], 1) for n, p in enumerate(parts)])
    return Trajectories(
        np.concatenate([part.frame for part in parts]),
        np.unique(names, axis=0, return_inverse=True)[1].reshape(-1),
        np.concatenate([part.boxes for part in parts]),
    )


def _join_samples(parts: Many[_Samples]) -> _Samples:
    return _Samples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fit(tracks: Trajectories, samples: _Samples, cell: Rows, cells: int) -> BoxModel:
    """The model of one kind of box; cell [N]: that of each true box, of ``cells``."""
    there = ~np.isnan(samples.scores)
    total = np.bincount(cell, minlength=cells)
    rate = np.bincount(cell, there, cells) / np.maximum(total, 1)
    levels, level = len(LEVELS) + 1, level_of(samples.scores)
    scores = np.empty((cells, len(NORMALS)))
    edges = np.empty((cells, levels, 4, len(NORMALS)))
    latent = np.full((len(tracks), 5), np.nan)
    for c in range(cells):
        here = cell == c
        scores[c] = _distribution(samples.scores[_enough(there & here, there)])
        latent[here, 0] = _normal_scores(np.where(there, samples.scores, -np.inf)[here])
        for k in range(levels):
            rows = there & here & (level == k)
            kept = _enough(rows, there & (level == k), there)
            edges[c, k] = [_distribution(values) for values in samples.edges[kept].T]
            latent[rows, 1:] = _normal_scores(samples.edges[rows])
    model = BoxModel(rate, scores, edges, np.empty((5, 0)), _correlation(latent[there]))
    return replace(model, memory=_memories(tracks, samples, cell, model))


def _enough(*choices: Mask) -> Mask:
    """The first of the choices with FEW rows, or the last."""
    return next((each for each in choices if each.sum() >= FEW), choices[-1])


def _distribution(values: Floats) -> Floats:
    """[Q] values at the quantiles Phi(NORMALS); zeros where there are none."""
    return np.quantile(values, norm.cdf(NORMALS)) if len(values) else np.zeros(len(NORMALS))


def _normal_scores(values: Floats) -> Floats:
    """[N, ...] normal quantiles of the ranks along the first axis, equal values in the middle."""
    ranks = rankdata(values, axis=0) - 0.5
    return np.asarray(norm.ppf(ranks / max(len(values), 1)))


def _correlation(latent: Floats) -> Floats:
    """[5, 5], the identity where there are too few boxes, or all are alike."""
    if len(latent) < FEW or (latent.std(axis=0) < 1e-9).any():
        return np.eye(5)
    return np.asarray(np.corrcoef(latent.T))


def _memories(tracks: Trajectories, samples: _Samples, cell: Rows, model: BoxModel) -> Floats:
    """[5, M] the memory of score and edges with which simulated values change over time as much as
    measured ones. Of a score it matters whether it reaches the highest of the LEVELS or, where few
    do, whether there is a box."""
    often = np.mean(samples.scores >= LEVELS[-1]) >= RARE
    lowest = LEVELS[-1] if often else -np.inf

    def scores(rows: Rows, latent: Floats) -> Floats:
        return _reaches(model.scores_at(cell[rows], latent), lowest)

    def edges(rows: Rows, latent: Floats) -> Floats:
        shared = np.repeat(latent[:, None], 4, axis=1)
        return model.edges_at(cell[rows], samples.scores[rows], shared)

    parts = (_reaches(samples.scores, lowest), scores), (samples.edges, edges)
    found = np.hstack([_latent_correlations(tracks, *part) for part in parts])
    return np.stack([_memory(each) for each in found.T])


def _reaches(scores: Floats, lowest: float) -> Floats:
    """[N, 1] 1 where there is a score of at least ``lowest``, else 0."""
    return np.asarray(scores >= lowest, np.float64)[:, None]


def _latent_correlations(
    tracks: Trajectories, values: Floats, simulated: Callable[[Rows, Floats], Floats]
) -> Floats:
    """[LAGS, C] correlation of latent Gaussians with which ``simulated`` values differ over time,
    in the mean and absolutely, as ``values`` [N, C] do. No correlation where that is unknown.

    simulated: rows [P] and latent Gaussians [P] -> values [P, C]
    """
    rng, steps = np.random.default_rng(0), 1 - np.linspace(0, 1, 13) ** 2
    known: Mask = np.asarray(np.isfinite(values).all(axis=1))
    found = np.zeros((len(LAGS), values.shape[1]))
    for number, lag in enumerate(LAGS):
        later = find_rows(tracks, tracks.frame + lag, tracks.id)
        now = np.flatnonzero(known & (later >= 0) & known[later])
        if len(now) < FEW:
            continue
        measured = np.abs(values[now] - values[later[now]]).mean(axis=0)
        drawn = now[rng.integers(len(now), size=min(DRAWS // values.shape[1], 4 * len(now)))]
        one, other = rng.standard_normal((2, len(drawn)))
        start = simulated(drawn, one)
        ends = (simulated(later[drawn], r * one + np.sqrt(1 - r * r) * other) for r in steps)
        curves = np.maximum.accumulate([np.abs(end - start).mean(axis=0) for end in ends]).T
        found[number] = [np.interp(*each, steps) for each in zip(measured, curves, strict=True)]
    return found


def _memory(correlation: Floats) -> Floats:
    """[M] parts of the variance, by PERSISTENCE, that give the correlations at LAGS; what is left
    is forgotten at once. Short lags weigh most: they decide how many gaps there are."""
    weights = 1 / LAGS
    parts, _ = nnls(weights[:, None] * PERSISTENCE ** LAGS[:, None], weights * correlation)
    parts[0] = max(1 - parts[1:].sum(), 0)
    return parts / parts.sum()
