"""Gaps to learn from and to measure on: people whose true boxes and detections are both known."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes, xyxy_to_cxcywh
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import match_confident_first
from mambatrack.datasets.sequences import Sequence
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import Ends

Rows = NDArray[np.int64]


class SeenPeople(NamedTuple):
    """All true boxes [R, 4] cxcywh, by person and frame; found [R, 4], the detection matched to
    each, and its score [R], -1 where there is none; run [R], ascending: a person in unbroken
    frames."""

    true: Boxes
    found: Boxes
    scores: NDArray[np.float32]
    run: Rows


class Found(NamedTuple):
    """The observations of SeenPeople: their rows [O], and the gaps among them, places [P] in
    ``rows`` of the last observation before each."""

    rows: Rows
    gaps: Rows


def read_seen_people(sequences: Iterable[Sequence], score: float = 0.0) -> SeenPeople:
    """Truth of sequences, and their detections of at least ``score``."""
    parts = [_read(each, score) for each in sequences]
    if not parts:
        raise MambatrackError(
            "no sequence with gt/gt.txt and det/det.txt; 'mambatrack simulate' makes detections "
            "from the ground truth"
        )
    runs = np.cumsum([0, *(len(np.unique(each.run)) for each in parts)])
    columns = [
        each._replace(run=each.run + first) for each, first in zip(parts, runs, strict=False)
    ]
    return SeenPeople(*(np.concatenate(each) for each in zip(*columns, strict=True)))


def _read(sequence: Sequence, score: float) -> SeenPeople:
    truth, found = read_ground_truth(sequence), sequence_detections(sequence)
    found = found.select(found.scores >= score)
    matched = match_confident_first(truth, found)
    order = np.lexsort((truth.frame, truth.id))
    frame, identity, matched = truth.frame[order], truth.id[order], matched[order]
    broken = (np.diff(frame) != 1) | (np.diff(identity) != 0)
    boxes = np.zeros((len(order), 4), np.float32)
    seen = matched >= 0
    boxes[seen] = xyxy_to_cxcywh(found.boxes[matched[seen]])
    scores = np.full(len(order), -1, np.float32)
    scores[seen] = found.scores[matched[seen]]
    run = np.concatenate([[0], np.cumsum(broken)])[: len(order)]
    return SeenPeople(xyxy_to_cxcywh(truth.boxes[order]), boxes, scores, run)


def observations(people: SeenPeople, score: float, longest: int) -> Found:
    """Those with at least ``score``; gaps of at most ``longest`` frames."""
    rows = np.flatnonzero(people.scores >= score)
    steps, same = np.diff(rows), np.diff(people.run[rows]) == 0
    return Found(rows, np.flatnonzero(same & (steps > 1) & (steps <= longest + 1)))


def gap_ends(
    people: SeenPeople, found: Found, last: Rows, first: Rows, q: int, counts: tuple[Rows, Rows]
) -> tuple[Ends, Boxes]:
    """Gaps between the observations ``last`` and ``first`` [B], places in ``found``: Ends with at
    most ``counts`` ([B], [B]) boxes before and after, and the true boxes [B, G, 4] of the missing
    frames, repeated after the last of them."""
    places = np.concatenate([last[:, None] + np.arange(1 - q, 1), first[:, None] + np.arange(q)], 1)
    inside = (places >= 0) & (places < len(found.rows))
    rows = found.rows[np.where(inside, places, 0)]
    steps = np.concatenate([np.arange(q)[::-1], np.arange(q)])
    limits = np.repeat(np.stack(counts, axis=1), q, axis=1)
    start = found.rows[last]
    known = inside & (people.run[rows] == people.run[start][:, None]) & (steps < limits)
    length = found.rows[first] - start - 1
    boxes = np.where(known[..., None], people.found[rows], np.float32(1))
    away = np.minimum(np.arange(length.max(initial=1)), length[:, None] - 1)
    times = np.where(known, rows - start[:, None], 0)
    return Ends(boxes, times, known, length), people.true[start[:, None] + 1 + away]


class GapSampler:
    """Draws gaps; ``batch(rng, size)`` depends on nothing but its arguments.

    A share ``cut`` of them is cut into what was seen, of any length up to ``longest`` on a log
    scale; the others are real. They are mirrored in space and time at random, and often less than q
    boxes are known, as of a young track or of one that has just been found again.
    """

    SCORES = (0.6, 0.3)  # lowest of an observation
    YOUNG, FRESH = 0.3, 0.6  # shares of gaps with fewer boxes before and after

    def __init__(self, people: SeenPeople, q: int, longest: int):
        self.people, self.q, self.longest = people, q, longest
        self.found = [observations(people, score, longest) for score in self.SCORES]
        if not all(len(each.gaps) for each in self.found):
            raise MambatrackError("the detections leave no gaps to learn from")

    def batch(self, rng: np.random.Generator, size: int, cut: float = 0.5) -> tuple[Ends, Boxes]:
        """``size`` gaps and the true boxes of their missing frames, as of gap_ends."""
        found = self.found[rng.integers(len(self.found))]
        last = found.gaps[rng.integers(len(found.gaps), size=size - int(size * cut))]
        cut_last, cut_first = self._cut(rng, found, int(size * cut))
        last, first = np.concatenate([last, cut_last]), np.concatenate([last + 1, cut_first])
        counts = tuple(
            np.where(rng.random(size) < share, rng.integers(1, self.q + 1, size), self.q)
            for share in (self.YOUNG, self.FRESH)
        )
        ends, true = gap_ends(self.people, found, last, first, self.q, (counts[0], counts[1]))
        turned = rng.random(size) < 0.5
        ends, true = _reversed(ends, true, turned)
        side = np.where(rng.random(size) < 0.5, np.float32(-1), np.float32(1))
        ends.boxes[..., 0] *= side[:, None]
        true[..., 0] *= side[:, None]
        return ends, true

    def _cut(self, rng: np.random.Generator, found: Found, size: int) -> tuple[Rows, Rows]:
        """Observations with a gap between them, all of it within the person's unbroken frames."""
        last = first = np.zeros(0, np.int64)
        while len(last) < size:
            start = rng.integers(len(found.rows), size=2 * size)
            length = np.exp(rng.uniform(0, np.log(self.longest + 1), 2 * size)).astype(np.int64)
            stop = np.searchsorted(found.rows, found.rows[start] + length + 1)
            stop = np.minimum(stop, len(found.rows) - 1)
            gap = found.rows[stop] - found.rows[start] - 1
            fits = self.people.run[found.rows[stop]] == self.people.run[found.rows[start]]
            fits &= (gap >= 1) & (gap <= self.longest)
            last = np.concatenate([last, start[fits]])
            first = np.concatenate([first, stop[fits]])
        return last[:size], first[:size]


def _reversed(ends: Ends, true: Boxes, turned: NDArray[np.bool_]) -> tuple[Ends, Boxes]:
    """The gaps that are ``turned`` [B] with time running backwards."""
    span = ends.length + 1
    times = np.where(ends.known, span[:, None] - ends.times, 0)[:, ::-1]
    place = np.maximum(ends.length[:, None] - 1 - np.arange(true.shape[1]), 0)
    backwards = np.take_along_axis(true, place[..., None], axis=1)
    wide = turned[:, None, None]
    return Ends(
        np.where(wide, ends.boxes[:, ::-1], ends.boxes),
        np.where(turned[:, None], times, ends.times),
        np.where(turned[:, None], ends.known[:, ::-1], ends.known),
        ends.length,
    ), np.where(wide, backwards, true)
