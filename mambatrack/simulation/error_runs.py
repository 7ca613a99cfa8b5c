"""Detections made up from ground truth with runs of a real detector's errors, copied where people
cross alike: a block bootstrap.

True tracks are cut into blocks: first those of two people while they cross, then those of one
person, of 8 to 20 frames. For each block the bank is searched for a real person, or two who
crossed, around whom the same happened over time. One of the nearest lends scores, misses, errors of
the edges and extra detections, mirrored where it fits better in a mirror. So the errors of two who
cross depend on each other, as where one box stands for both. Detectors do better in some scenes
than in others for reasons that boxes do not show: each simulated sequence takes its errors from one
real scene, and from others where nothing in it is alike. Boxes that the detector would have
suppressed as duplicates are left out.

Lengths are frames, chosen at the 20 a second of DanceTrack. Errors are copied frame by frame: data
of another rate get them as slow or as fast as that rate makes them.
"""

from collections.abc import Sequence as Many
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from mambatrack.boxes import area, clip, xyxy_to_ltwh
from mambatrack.datasets.matching import (
    DetectionRows,
    Mask,
    Rows,
    pair_iou,
    pairs_in_frames,
    select,
)
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.errors import MambatrackError
from mambatrack.simulation.crossing_context import (
    MIRROR,
    Floats,
    Scene,
    describe_scene,
    join_scenes,
)
from mambatrack.simulation.detector_errors import Errors, observe

LENGTHS = (8, 12, 16, 20)  # frames of a block of one person
SHARED_ERRORS = 0.2  # IoU from which two people take their errors together, from two real ones
AROUND = 10  # frames before and after the largest overlap that they share
POINTS = 6  # moments of a block at which its context is compared
STRIDE = 2  # rows of the bank of which one is searched
NEAREST = 32  # rows found for a block, of which those of one moment count once
MOMENT = 20  # rows of the bank that count as one moment
CHOICE = 8  # moments among which one is drawn
ELSEWHERE = 2.0  # squared distance, for each person, that a row of another scene counts more
TOGETHER = 512  # blocks that are searched at a time
BACKGROUND_ROWS = 200  # kept of all false positives at nobody


@dataclass(frozen=True)
class ErrorRuns:
    """A bank of real errors, a row for each true box.

    source: the data it was measured on; boxes, frames: how many true ones
    scene: all tracks, in which no two sequences share a frame or an identity
    place [N]: the number of the sequence of each row
    errors: of each row
    background: false positives at nobody in a frame; background_rows [R, 3]: score, and width and
        height as multiples of those of a true box
    separate: the IoU that two detections of a frame do not exceed
    """

    source: str
    boxes: int
    frames: int
    scene: Scene
    place: Rows
    errors: Errors
    background: float
    background_rows: Floats
    separate: float


class _Blocks(NamedTuple):
    """Blocks of M people: anchors [B, M], the rows they are compared from, at ``steps`` [P]; and
    the rows [R] they consist of, each with its block and which of the people it is."""

    anchors: Rows
    steps: Rows
    rows: Rows
    block: Rows
    person: Rows


def measure_runs(sequences: Many[Sequence]) -> ErrorRuns:
    """The errors of det/det.txt against gt/gt.txt, with what happens around each true box.

    Raises MambatrackError where a sequence lacks detections or ground truth, or there are no boxes.
    """
    seen = [observe(sequence) for sequence in sequences]
    sizes = [len(each.truth) for each in seen]
    if not sum(sizes):
        raise MambatrackError("no true box to measure a detector on; expected boxes in gt/gt.txt")
    images = [sequence.image_size for sequence in sequences]
    scenes = [describe_scene(each.truth, size) for each, size in zip(seen, images, strict=True)]
    errors = zip(*(each.errors for each in seen), strict=True)
    background = np.concatenate([each.background for each in seen])
    frames = sum(sequence.frames for sequence in sequences)
    return ErrorRuns(
        source="/".join(sequences[0].folder.resolve().parent.parts[-2:]),
        boxes=sum(sizes),
        frames=frames,
        scene=join_scenes(scenes),
        place=np.repeat(np.arange(len(seen)), sizes),
        errors=Errors(*(np.concatenate(part) for part in errors)),
        background=len(background) / max(frames, 1),
        background_rows=_thin(background),
        separate=max(each.separate for each in seen),
    )


def bootstrap_detections(
    truth: Trajectories, image_size: tuple[int, int], bank: ErrorRuns, rng: Generator
) -> Floats:
    """-> [R, 7] frame, -1, left, top, width, height, score; by frame and falling score.

    Boxes are clipped to an image of ``image_size`` (width, height) pixels.
    """
    truth = select(truth, np.lexsort((truth.frame, truth.id)))
    errors = bank.errors.take(*_sources(describe_scene(truth, image_size), bank, rng))
    true = truth.boxes.astype(np.float64)
    sides = np.tile(true[:, 2:] - true[:, :2], 2)
    parts = [_background(truth, image_size, bank, rng)]
    for scores, edges in zip(errors.scores.T, errors.edges.swapaxes(0, 1), strict=True):
        there = ~np.isnan(scores)
        parts.append((truth.frame[there], (true + sides * edges)[there], scores[there]))
    frame, whole, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    boxes = clip(whole, image_size)
    order = np.lexsort((-score, frame))
    order = order[area(boxes[order]) > 0]
    found = DetectionRows(frame[order], boxes[order].astype(np.float32), score[order])
    order = order[_suppress(found, bank.separate)]
    rows = np.column_stack([frame, np.full(len(frame), -1), xyxy_to_ltwh(boxes), score])
    return rows[order]


def _sources(scene: Scene, bank: ErrorRuns, rng: Generator) -> tuple[Rows, Mask]:
    """The row of the bank [N] that each true box takes its errors from, and whether mirrored."""
    source, flipped = np.full(len(scene.truth), -1), np.zeros(len(scene.truth), bool)
    place = int(rng.choice(np.unique(bank.place)))
    crossings, taken = _crossings(scene)
    for blocks in (crossings, *_alone(scene, taken, rng)):
        if not len(blocks.anchors):
            continue
        drawn, mirrored = _draw(scene, blocks, bank, place, rng)
        start = blocks.anchors[blocks.block, blocks.person]
        given = drawn[blocks.block, blocks.person]
        source[blocks.rows] = bank.scene.move(given, blocks.rows - start)
        flipped[blocks.rows] = mirrored[blocks.block]
    return source, flipped


def _crossings(scene: Scene) -> tuple[_Blocks, Mask]:
    """Blocks of two people, the farther first, around their largest overlaps, and the rows [N] that
    belong to one."""
    taken = np.zeros(len(scene.truth), bool)
    anchors: list[tuple[int, int]] = []
    rows, block, person = [], [], []
    for row in np.argsort(-scene.overlap, kind="stable").tolist():
        other = int(scene.partner[row])
        if scene.overlap[row] < SHARED_ERRORS:
            break
        if taken[row] or taken[other]:
            continue
        pair = (row, other) if scene.farther[row] else (other, row)
        before = min(AROUND, *(int(scene.behind[each]) for each in pair))
        after = min(AROUND, *(int(scene.ahead[each]) for each in pair))
        for number, each in enumerate(pair):
            span = np.arange(each - before, each + after + 1)
            span = span[~taken[span]]
            taken[span] = True
            rows.append(span)
            block.append(np.full(len(span), len(anchors)))
            person.append(np.full(len(span), number))
        anchors.append(pair)
    steps = np.linspace(-AROUND, AROUND, POINTS).round().astype(np.int64)
    joined = (np.concatenate([np.zeros(0, np.int64), *each]) for each in (rows, block, person))
    return _Blocks(np.array(anchors, np.int64).reshape(-1, 2), steps, *joined), taken


def _alone(scene: Scene, taken: Mask, rng: Generator) -> list[_Blocks]:
    """Blocks of one person from the rows that are not ``taken``, by their length; a last one may
    be shorter. Of the possible ends one where little overlaps is taken."""
    starts: dict[int, list[tuple[int, int]]] = {length: [] for length in LENGTHS}
    free = np.flatnonzero(~taken)
    breaks = (np.diff(free) != 1) | (scene.ahead[free[:-1]] == 0)
    for run in np.split(free, np.flatnonzero(breaks) + 1):
        while len(run):
            ends = [length for length in LENGTHS if length < len(run)]
            if len(run) <= LENGTHS[-1]:
                ends.append(len(run))
            busy = [scene.overlap[run[end]] if end < len(run) else 0 for end in ends]
            size = ends[int(np.argmin(busy + 0.05 * rng.random(len(ends))))]
            starts[next(each for each in LENGTHS if each >= size)].append((int(run[0]), size))
            run = run[size:]
    return [
        _single(np.array(each, np.int64).reshape(-1, 2), length) for length, each in starts.items()
    ]


def _single(starts: Rows, length: int) -> _Blocks:
    """Blocks of one person; starts [B, 2]: first row and size."""
    steps = np.linspace(0, length - 1, POINTS).round().astype(np.int64)
    block = np.repeat(np.arange(len(starts)), starts[:, 1])
    within = np.arange(len(block)) - np.repeat(np.cumsum(starts[:, 1]) - starts[:, 1], starts[:, 1])
    return _Blocks(starts[:, :1], steps, starts[block, 0] + within, block, np.zeros_like(block))


def _draw(
    scene: Scene, blocks: _Blocks, bank: ErrorRuns, place: int, rng: Generator
) -> tuple[Rows, Mask]:
    """The rows of the bank [B, M] that stand for the anchors, and whether mirrored [B]."""
    people = blocks.anchors.shape[1]
    options = _options(bank.scene, people, rng)
    known = bank.scene.profile(options, blocks.steps)
    known = np.concatenate([known, known * np.tile(MIRROR, people * len(blocks.steps))])
    strange = people * ELSEWHERE * (bank.place[options[:, 0]] != place)
    norm = ((known**2).sum(axis=1) + np.tile(strange, 2)).astype(np.float32) / 2
    wanted = scene.profile(blocks.anchors, blocks.steps)
    drawn = np.empty(len(wanted), np.int64)
    for first in range(0, len(wanted), TOGETHER):
        some = slice(first, first + TOGETHER)
        far = norm - wanted[some] @ known.T
        near = np.argpartition(far, min(NEAREST, len(known)) - 1, axis=1)[:, :NEAREST]
        order = np.argsort(np.take_along_axis(far, near, axis=1), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        drawn[some] = [_one_of(each, options, rng) for each in near]
    return options[drawn % len(options)], drawn >= len(options)


def _options(scene: Scene, people: int, rng: Generator) -> Rows:
    """[K, M] the rows from which a block may be copied; all where there are few."""
    rows = np.arange(len(scene.truth))
    if people == 2:
        crossing = rows[(scene.overlap >= SHARED_ERRORS) & scene.farther]
        rows = crossing if len(crossing) else rows
    rows = rows[rng.integers(STRIDE) :: STRIDE] if len(rows) > NEAREST else rows
    partner = np.where(scene.partner[rows] >= 0, scene.partner[rows], rows)
    return np.stack([rows, partner], axis=1)[:, :people]


def _one_of(near: Rows, options: Rows, rng: Generator) -> int:
    """One of the nearest, of those of one moment only the nearest."""
    moment = options[near % len(options), 0] // MOMENT
    first = np.sort(np.unique(moment, return_index=True)[1])[:CHOICE]
    return int(near[rng.choice(first)])


def _background(
    truth: Trajectories, image_size: tuple[int, int], bank: ErrorRuns, rng: Generator
) -> tuple[Rows, Floats, Floats]:
    """(frames, boxes, scores) of false positives at nobody: anywhere, as large as someone there."""
    count = rng.poisson(bank.background * len(np.unique(truth.frame)))
    if not count or not len(bank.background_rows):
        return np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0)
    host = rng.integers(len(truth), size=count)
    drawn = bank.background_rows[rng.integers(len(bank.background_rows), size=count)]
    sides = drawn[:, 1:] * (truth.boxes[host, 2:] - truth.boxes[host, :2])
    corner = rng.random((count, 2)) * np.maximum(np.array(image_size) - sides, 0)
    return truth.frame[host], np.concatenate([corner, corner + sides], axis=1), drawn[:, 0]


def _suppress(found: DetectionRows, separate: float) -> Mask:
    """Which detections are left by NMS; by frame and falling score."""
    rows, others = pairs_in_frames(found.frame, found.frame)
    later = rows < others
    rows, others = rows[later], others[later]
    near = pair_iou(found, found, rows, others) > separate
    kept = np.ones(len(found), bool)
    for row, other in zip(rows[near].tolist(), others[near].tolist(), strict=True):
        if kept[row]:
            kept[other] = False
    return kept


def _thin(rows: Floats) -> Floats:
    """At most BACKGROUND_ROWS of the rows, evenly over their scores."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), BACKGROUND_ROWS)).astype(int)]
