"""How well predictors foresee ground-truth tracks, without a tracker around them.

Every track is cut at regular frames. A predictor is fed what was observed up to the cut, frame by
frame as a tracker does it, then forecasts the frames behind it, and these are compared with the
truth. All tracks of one image size go through a predictor in one batched call a step.

>>> report = evaluate_motion(find_sequences("data/dancetrack/val"), named_predictors(["kalman"]))
>>> rich.print(report.table())
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.assignment import assign
from mambatrack.boxes import (
    SMALLEST,
    Boxes,
    area,
    cxcywh_to_xyxy,
    iou,
    ltwh_to_xyxy,
    xyxy_to_cxcywh,
)
from mambatrack.config import TrackerConfig
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.people import CROSSING, People, read_people
from mambatrack.datasets.sequences import Sequence
from mambatrack.errors import MambatrackError, counted
from mambatrack.evaluation.motion_report import MotionError, MotionReport, Source, Where
from mambatrack.motion.forecast import forecast
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.predictor import Predictor, State, checked_predictor

HORIZONS = (1, 5, 10, 20, 30)  # frames
WARMUP = 11  # observed boxes: the window of the shipped network
STRIDE = 30  # frames: no two cut points of a track share a future
MATCHED = 0.5  # IoU from which a detection is one of a true box
BATCH = 512  # forecasts a call; more are slower, they no longer fit the processor's cache

Factory = Callable[[tuple[int, int]], Predictor]  # image size (width, height) -> predictor


def named_predictors(
    names: Iterable[str | Path] = ("mamba-window", "mamba", "kalman", "velocity", "still"),
    device: str = "auto",
) -> dict[str, Factory]:
    """What evaluate_motion takes, from the names and paths of load_predictor."""
    return {str(name): partial(load_predictor, name, device=device) for name in names}


def evaluate_motion(
    sequences: Iterable[Sequence],
    predictors: Mapping[str, Factory],
    horizons: Iterable[int] = HORIZONS,
    source: Source = "truth",
    warmup: int = WARMUP,
    stride: int = STRIDE,
) -> MotionReport:
    """The errors of every predictor at the same cut points of all ground-truth tracks.

    A track, that is an unbroken run of an identity, is cut every ``stride`` frames from frame
    ``warmup`` on. A cut point counts for the horizons that its track reaches, so n falls with the
    horizon; where there is none, there is no row.

    source: what the predictors are fed, the true boxes or the detections, one for each true box
        as far as they overlap by MATCHED. With a box missing they are not corrected. A cut point
        needs an observation in its frame and ``warmup`` of them in all. The reference is always
        the truth.
    Raises MambatrackError where a file is missing or no track is long enough.
    """
    sequences, horizons = list(sequences), sorted(set(horizons))
    _check(predictors, horizons, source, warmup, stride)
    sizes = sorted({sequence.image_size for sequence in sequences})
    made = {
        name: [checked_predictor(make(size)) for size in sizes] for name, make in predictors.items()
    }
    groups = []
    for size in sizes:
        fitting = [sequence for sequence in sequences if sequence.image_size == size]
        runs = [run for sequence in fitting for run in _runs(sequence, source)]
        groups.append(_cut(runs, horizons, warmup, stride))
    if not any(group.cuts.any() for group in groups):
        raise MambatrackError(
            f"no track in {counted(len(sequences), 'sequence')} has {counted(warmup, 'box')} and "
            f"{counted(horizons[0], 'frame')} behind; give other sequences, or a smaller "
            "warmup or horizon"
        )
    errors = {
        name: _joined(list(map(partial(_errors, horizons=horizons), each, groups)))
        for name, each in made.items()
    }
    rows = tuple(
        row
        for where in ("all", "crossings")
        for number, horizon in enumerate(horizons)
        for name in predictors
        for row in _row(where, name, horizon, errors[name], number)
    )
    return MotionReport(rows, source, len(sequences), warmup, stride)


class _Run(NamedTuple):
    """An unbroken run of one identity: truth [T, 4], observed [T, 4] cxcywh pixels, NaN where
    nothing was observed; overlap [T], the largest IoU with anybody else."""

    truth: Boxes
    observed: Boxes
    overlap: NDArray[np.float32]


class _Tracks(NamedTuple):
    """N runs side by side: truth [T, N, 4], NaN behind the end of a run and in the last
    max(horizons) frames; observed [T, N, 4]; overlap, cuts [T, N]."""

    truth: Boxes
    observed: Boxes
    overlap: NDArray[np.float32]
    cuts: NDArray[np.bool_]


class _Errors(NamedTuple):
    """Of C cut points and H horizons: reached [C, H], False where the track has ended; iou, centre
    [C, H]; z [C, H, 2], NaN where the spread is not known; crossing [C]."""

    reached: NDArray[np.bool_]
    iou: NDArray[np.float64]
    centre: NDArray[np.float64]
    z: NDArray[np.float64]
    crossing: NDArray[np.bool_]


def _check(
    predictors: Mapping[str, Factory], horizons: list[int], source: str, warmup: int, stride: int
) -> None:
    if not predictors or not horizons or min(*horizons, warmup, stride) < 1:
        raise MambatrackError(
            "expected a predictor and positive horizons, warmup and stride, "
            f"got {list(predictors)}, {list(horizons)}, {warmup} and {stride}"
        )
    if source not in ("truth", "detections"):
        raise MambatrackError(f"source {source!r} is unknown; give truth or detections")


def _runs(sequence: Sequence, source: Source) -> Iterator[_Run]:
    people = read_people(sequence)
    observed = people.boxes if source == "truth" else _detected(sequence, people)
    for person in range(people.boxes.shape[1]):
        present = np.flatnonzero(people.age[:, person])
        for run in np.split(present, np.flatnonzero(np.diff(present) > 1) + 1):
            yield _Run(*(part[run, person] for part in (people.boxes, observed, people.overlap)))


def _detected(sequence: Sequence, people: People) -> Boxes:
    """[F, P, 4] the detection of each true box, one to one, NaN where there is none."""
    if sequence.det_path is None:
        raise MambatrackError(f"{sequence.folder} has no detections; expected det/det.txt in it")
    table = read_mot(sequence.det_path)
    table = table[table[:, 6] >= TrackerConfig().match_score]
    observed = np.full_like(people.boxes, np.nan)
    for t, truth in enumerate(people.boxes):
        present = np.flatnonzero(people.age[t])
        found = ltwh_to_xyxy(table[table[:, 0] == t + 1, 2:6])
        overlap = iou(cxcywh_to_xyxy(truth[present]), found)
        rows, columns = assign(overlap, overlap >= MATCHED).pairs.T
        observed[t, present[rows]] = xyxy_to_cxcywh(found[columns])
    return observed


def _cut(runs: list[_Run], horizons: list[int], warmup: int, stride: int) -> _Tracks:
    """The runs side by side, and where they are cut."""
    frames = max((len(run.truth) for run in runs), default=0) + horizons[-1]
    truth, observed = np.full((2, frames, len(runs), 4), np.nan, np.float32)
    overlap = np.zeros((frames, len(runs)), np.float32)
    for number, run in enumerate(runs):
        for whole, part in zip((truth, observed, overlap), run, strict=True):
            whole[: len(part), number] = part
    seen, exists = ~np.isnan(observed[..., 0]), ~np.isnan(truth[..., 0])
    cuts = seen & (np.cumsum(seen, axis=0) >= warmup)
    cuts[(np.arange(frames) - (warmup - 1)) % stride != 0] = False
    cuts[: -horizons[0]] &= exists[horizons[0] :]
    return _Tracks(truth, observed, overlap, cuts)


def _errors(predictor: Predictor, tracks: _Tracks, horizons: list[int]) -> _Errors:
    t, track = np.nonzero(tracks.cuts)
    ahead = np.asarray(horizons)
    states = _fed(predictor, tracks)
    boxes = np.empty((len(t), len(ahead), 4))
    spread = np.empty_like(boxes)
    for first in range(0, len(t), BATCH):
        part = slice(first, first + BATCH)
        whole, its_spread = forecast(predictor, states[part], horizons[-1])
        boxes[part], spread[part] = whole[:, ahead - 1], its_spread[:, ahead - 1]
    truth = tracks.truth[t[:, None] + ahead, track[:, None]].astype(np.float64)
    off = (boxes - truth)[..., :2]
    height = np.maximum(truth[..., 3], SMALLEST)
    spread = np.where(spread > 0, spread, np.nan)[..., :2]
    return _Errors(
        reached=~np.isnan(height),
        iou=_iou(boxes, truth),
        centre=np.linalg.norm(off, axis=-1) / height,
        z=off / spread,
        crossing=tracks.overlap[t, track] >= CROSSING,
    )


def _fed(predictor: Predictor, tracks: _Tracks) -> State:
    """States [C, S] at the cut points, in the order of np.nonzero(cuts)."""
    frames, count = tracks.cuts.shape
    needed = np.where(tracks.cuts, np.arange(frames)[:, None], -1).max(axis=0, initial=-1)
    seen = ~np.isnan(tracks.observed[..., 0])
    states = np.zeros((count, predictor.state_size), np.float32)
    started = np.zeros(count, bool)
    kept = [states[:0]]
    for t in range(int(needed.max(initial=-1)) + 1):
        old = started & (t <= needed)
        known = states[old]
        predictor.predict(known)
        states[old] = known
        (found,) = (old & seen[t]).nonzero()
        predictor.correct(states, found, tracks.observed[t, found])
        new = seen[t] & ~started & (t <= needed)
        states[new] = predictor.start(tracks.observed[t, new])
        started |= new
        kept.append(states[tracks.cuts[t]])
    return np.concatenate(kept)


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of cxcywh boxes [..., 4], one by one -> [...]."""
    one, other = cxcywh_to_xyxy(a), cxcywh_to_xyxy(b)
    low, high = np.maximum(one, other)[..., :2], np.minimum(one, other)[..., 2:]
    shared = area(np.concatenate([low, high], axis=-1))
    return shared / np.maximum(area(one) + area(other) - shared, 1e-9)


def _joined(parts: list[_Errors]) -> _Errors:
    return _Errors(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _row(
    where: Where, predictor: str, horizon: int, errors: _Errors, number: int
) -> Iterator[MotionError]:
    """The row of horizon ``number``; none where no track reaches it."""
    chosen = errors.reached[:, number]
    if where == "crossings":
        chosen = chosen & errors.crossing
    centre, z = errors.centre[chosen, number], errors.z[chosen, number]
    z = np.abs(z[~np.isnan(z)])
    known = (np.mean(z <= 1), np.mean(z <= 2), np.sqrt(np.mean(z**2))) if len(z) else ()
    if chosen.any():
        yield MotionError(
            where, predictor, horizon, int(chosen.sum()), float(errors.iou[chosen, number].mean()),
            float(centre.mean()), float(np.median(centre)),
            *(map(float, known) if known else (None, None, None)),
        )  # fmt: skip
