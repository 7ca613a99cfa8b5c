"""Training windows: what a predictor sees of a person, what follows, and who is near.

Boxes are cxcywh in pixels. What a predictor sees are a detector's boxes where the sequences have
them, or the true ones with unbroken runs of errors that a real detector made added to them, which
keeps their correlation in time; what follows is the truth, or the truth with those errors.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import iou, xyxy_to_cxcywh
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import by_frame
from mambatrack.datasets.people import CROSSING, People
from mambatrack.datasets.sequences import Sequence
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.errors import MambatrackError

RIVALS = 6  # neighbours kept in a window, the nearest ones


class Batch(NamedTuple):
    """history [B, q + 1, 4], newest last, of which the last ``counts`` [B] are boxes;
    future [B, K, 4]; rivals [B, K, R, 4], the neighbours' boxes. NaN where nobody is. seen
    [B, q + 1]: which boxes of the history are observations; the newest always is."""

    history: NDArray[np.float32]
    counts: NDArray[np.int64]
    future: NDArray[np.float32]
    rivals: NDArray[np.float32]
    image_size: NDArray[np.float32]
    seen: NDArray[np.bool_]

    def ahead(self, frames: int) -> "Batch":
        """The same windows with only the next ``frames`` frames of their future."""
        return self._replace(future=self.future[:, :frames], rivals=self.rivals[:, :frames])

    def rows(self, which: slice) -> "Batch":
        """Some of the windows."""
        return Batch._make(each[which] for each in self)


def detector_errors(
    sequence: Sequence, min_score: float = 0.6, min_length: int = 20
) -> list[NDArray[np.float32]]:
    """Unbroken runs [T, 4] of (detected - true) cxcywh as a share of the true (w, h, w, h).

    A detection of at least ``min_score`` belongs to the true box that it overlaps most, if the IoU
    is at least 0.5 and it is that box's best.
    """
    truth, seen = read_ground_truth(sequence), sequence_detections(sequence)
    seen = seen.select(seen.scores >= min_score)
    found_at = dict(by_frame(seen.frame))
    errors = np.full((len(truth), 4), np.nan, np.float32)
    for t, rows in by_frame(truth.frame):
        found = seen.boxes[found_at.get(t, np.zeros(0, np.int64))]
        if len(found):
            errors[rows] = _relative_errors(truth.boxes[rows], found)
    runs = []
    for identity in np.unique(truth.id):
        rows = np.flatnonzero(truth.id == identity)
        rows = rows[np.argsort(truth.frame[rows])]
        rows = rows[~np.isnan(errors[rows, 0])]
        for run in np.split(rows, np.flatnonzero(np.diff(truth.frame[rows]) > 3) + 1):
            if len(run) >= min_length:
                runs.append(errors[run])
    return runs


class WindowSampler:
    """Draws batches of windows; ``batch(rng, size)`` depends on nothing but its arguments."""

    def __init__(
        self,
        people: list[People],
        q: int,
        rollout: int,
        errors: list[NDArray[np.float32]] | None = None,
        noise: float = 1.0,
        crossings: float = 0.0,
        truncated: float = 0.3,
        gaps: float = 0.0,
    ):
        self.people, self.q, self.rollout = people, q, rollout
        self.noise, self.crossings, self.truncated = noise, crossings, truncated
        self.gaps = gaps
        length = q + 1 + rollout
        self.errors = [run for run in errors or [] if len(run) >= length]
        if errors and not self.errors:
            raise MambatrackError(f"no run of detector errors is {length} frames long")
        # starts are (sequence, frame, person) whose window fits; hard ones have a crossing ahead
        self.starts = np.concatenate(
            [_starts(i, each, rollout) for i, each in enumerate(people)]
            or [np.zeros((0, 4), np.int64)]
        )
        if not len(self.starts):
            raise MambatrackError(f"no track is long enough for windows of {rollout + 2} boxes")
        self.hard = self.starts[self.starts[:, 3] > 0]

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        """``size`` windows, mirrored and shortened at random, with detector errors if there are."""
        hard = int(round(size * self.crossings)) if len(self.hard) else 0
        starts = np.concatenate(
            [
                self.hard[rng.integers(len(self.hard), size=hard)] if hard else self.hard[:0],
                self.starts[rng.integers(len(self.starts), size=size - hard)],
            ]
        )
        windows = [self._window(rng, *start[:3]) for start in starts]
        return Batch(*(np.stack(part) for part in zip(*windows, strict=True)))

    def _window(self, rng: np.random.Generator, which: int, t: int, person: int) -> tuple:
        people = self.people[which]
        count = min(int(people.age[t, person]), self.q + 1)
        if rng.random() < self.truncated:
            count = int(rng.integers(1, count + 1))
        track = self._track(people.boxes, t, person)
        seen = np.arange(self.q, -1, -1) < count
        seen &= people.pictured(np.arange(t - self.q, t + 1))
        rivals = self._rivals(people, t, person)
        if people.found is not None:
            found = self._track(people.found, t, person)[: self.q + 1]
            seen &= ~np.isnan(found[:, 0])
            track[: self.q + 1][seen] = found[seen]
        elif self.errors:
            run = self.errors[rng.integers(len(self.errors))]
            start = rng.integers(len(run) - len(track) + 1)
            size = track[:, [2, 3, 2, 3]]
            track = track + self.noise * run[start : start + len(track)] * size
        if rng.random() < 0.5:
            mirror = np.array([-1, 1, 1, 1], np.float32)
            track, rivals = track * mirror, rivals * mirror
        history = track[: self.q + 1].copy()
        history[: self.q + 1 - count] = history[self.q + 1 - count]
        size = np.array(people.image_size, np.float32)
        if self.gaps and rng.random() < self.gaps:
            seen &= ~_hole(rng, self.q + 1, count)
        return history, np.int64(count), track[self.q + 1 :], rivals, size, seen

    def _track(self, boxes: NDArray[np.float32], t: int, person: int) -> NDArray[np.float32]:
        """[q + 1 + K, 4] the boxes of a person around frame ``t``, NaN outside of the sequence."""
        track = boxes[max(t - self.q, 0) : t + 1 + self.rollout, person]
        before = max(self.q - t, 0)
        after = self.q + 1 + self.rollout - len(track) - before
        return np.pad(track, ((before, after), (0, 0)), constant_values=np.nan)

    def _rivals(self, people: People, t: int, person: int) -> NDArray[np.float32]:
        """[K, R, 4] the boxes of those who come nearest in the frames ahead."""
        ahead = people.boxes[t + 1 : t + 1 + self.rollout]
        distance = np.abs(ahead[..., :2] - ahead[:, person, None, :2]).sum(-1)
        nearest = np.where(np.isnan(distance), np.inf, distance).min(axis=0)
        nearest[person] = np.inf
        chosen = np.argsort(nearest)[:RIVALS]
        rivals = np.full((self.rollout, RIVALS, 4), np.nan, np.float32)
        chosen = chosen[np.isfinite(nearest[chosen])]
        rivals[: len(ahead), : len(chosen)] = ahead[:, chosen]
        return rivals


def _starts(which: int, people: People, rollout: int) -> NDArray[np.int64]:
    """[S, 4] (sequence, frame, person, crosses ahead) of people in a picture who stay for the
    rollout."""
    frames = len(people.boxes)
    stays = np.zeros_like(people.age, bool)
    reach = min(rollout, frames)
    stays[: frames - reach] = people.age[reach:] > reach
    stays &= people.pictured(np.arange(frames))[:, None]
    if people.found is not None:
        stays &= ~np.isnan(people.found[..., 0])
    crosses = np.zeros_like(stays)
    for ahead in range(1, reach + 1):
        crosses[: frames - ahead] |= people.overlap[ahead:] >= CROSSING
    t, person = np.nonzero(stays)
    return np.stack([np.full(len(t), which), t, person, crosses[t, person]], axis=1)


def _hole(rng: np.random.Generator, frames: int, count: int) -> NDArray[np.bool_]:
    """[frames] a run of frames without an observation, of any length on a log scale, between the
    first and the newest of the last ``count``."""
    hole = np.zeros(frames, bool)
    if count > 2:
        length = int(np.exp(rng.uniform(0, np.log(count - 1))))
        start = int(rng.integers(frames - count + 1, frames - length))
        hole[start : start + length] = True
    return hole


def _relative_errors(truth: NDArray, found: NDArray) -> NDArray[np.float32]:
    """Boxes xyxy [N, 4] and [M, 4] -> errors [N, 4], NaN where no detection belongs to a box."""
    overlap = iou(truth, found)
    best = overlap.argmax(axis=1)
    rows = np.arange(len(truth))
    belongs = (overlap[rows, best] >= 0.5) & (overlap.argmax(axis=0)[best] == rows)
    true = xyxy_to_cxcywh(truth)
    errors = (xyxy_to_cxcywh(found[best]) - true) / true[:, [2, 3, 2, 3]]
    return np.where(belongs[:, None], errors, np.nan).astype(np.float32)
