"""How far the networks of an update are from the arithmetic limit of the machine: operations and
bytes that they cannot do without, and the rate that the machine has for both.

Operations are multiplications and additions of matrix products, convolutions and scans, an
exponential as one; bytes are weights, read once in a call, and what is read and written of each
track and pair. What lies in a cache between two layers is not counted.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.loading import association_path, encoder_and_pairs, load_weights
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.stage_profile import Counts, StageProfile
from mambatrack.kernels.weight_shapes import BOTH, ONE, pair_sizes_of, sizes_of
from mambatrack.motion.loading import weights_path
from mambatrack.networks.model_files import kind_of, read_card
from mambatrack.networks.weight_files import read_weights

SIDE = 192  # of the product: all three matrices fit into a second-level cache
COPIED = 2**24  # floats, more than any cache holds
REPEATED_S = 0.5  # seconds of CPU time for each rate
SCAN = 7  # operations for a channel and state: decay (2), state (3), output (2)
FLOAT = 4  # bytes

Weights = Mapping[str, NDArray[np.float32]]


class Work(NamedTuple):
    """operations and bytes."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Peaks:
    """Best of one thread: operations of a product of matrices, bytes read and written by a copy;
    both a second."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Limit:
    """Of one stage in a frame: what its networks have to do, the time in which the machine could,
    and the time that the stage takes in the C library."""

    boxes: str
    stage: str
    work: Work
    least_ms: float
    takes_ms: float

    @property
    def share(self) -> float:
        """Of the limit that is reached, at most 1 where the peaks are right."""
        return self.least_ms / self.takes_ms


def limits(config: TrackerConfig, profiles: Sequence[StageProfile], peaks: Peaks) -> list[Limit]:
    """Of the stages with networks: a motion network, and the learned association."""
    return [
        Limit(
            each.boxes,
            stage,
            work,
            1000 * max(work.operations / peaks.operations, work.bytes / peaks.bytes),
            each.stages[stage].in_c_ms,
        )
        for each in profiles
        for stage, work in work_of(config, each).items()
        if each.stages[stage].in_c_ms
    ]


def work_of(config: TrackerConfig, profile: StageProfile) -> dict[str, Work]:
    """What the networks do in a frame, by stage."""
    counts, found = profile.counts, {}
    motion = weights_path(config.predictor)
    if motion is not None:
        found["predict"] = motion_work(motion, counts.predicted, config.seen_window)
    path = association_path(config)
    if path is not None:
        found |= association_work(path, counts)
    return found


def association_work(path: Path, counts: Counts) -> dict[str, Work]:
    """What all networks of an association do in a frame, by stage: the first scores all pairs, the
    others those that are contested."""
    parts = [encoder_and_pairs(each) for each in load_weights(path)]
    sizes = counts.pairs, counts.tracks, counts.detections
    contested = counts.contested_pairs, counts.contested_tracks, counts.contested_detections
    scored = [sizes, *[contested] * (len(parts) - 1)]
    works = [pair_work(pairs, *own) for (_, pairs), own in zip(parts, scored, strict=True)]
    return {
        "score": total(works),
        "settle": total([step_work(encoder, counts.matched) for encoder, _ in parts]),
    }


def motion_work(path: Path, rows: float, seen_window: int) -> Work:
    """Of ``rows`` tracks; of a window network all of them were seen in the frame before, and their
    windows are full."""
    card, weights = read_card(path), read_weights(path)
    if kind_of(card) != "window":
        return step_work(weights, rows)
    window: int = card["architecture"]["window"]
    return window_work(weights, rows, min(seen_window, window) or window)


def window_work(weights: Weights, rows: float, offsets: int) -> Work:
    """So many offsets of ``rows`` tracks through a window network: every matrix once for each, the
    head once for a track. The embedding is part of the first projection."""
    sizes = sizes_of(weights, BOTH)
    inner, head = (
        len(BOTH) * sizes.inner,
        weights["head.0.weight"].size + weights["head.2.weight"].size,
    )
    folded = weights["embed.weight"].size + 2 * inner * (sizes.model - sizes.inputs)
    products = _matrices(weights) - head - folded
    scanned = sizes.layers * inner * (SCAN * sizes.states + 2 * sizes.taps)
    moved = offsets * sizes.inputs + sizes.outputs
    return Work(
        rows * (offsets * (2 * products + scanned) + 2 * head),
        FLOAT * (_floats(weights) + rows * moved),
    )


def step_work(weights: Weights, rows: float) -> Work:
    """One token of ``rows`` tracks through a causal network: every matrix once for each."""
    sizes = sizes_of(weights, ONE)
    scanned = sizes.layers * sizes.inner * (SCAN * sizes.states + 2 * sizes.taps)
    state = sizes.layers * sizes.inner * (sizes.states + sizes.taps - 1)
    moved = 2 * state + sizes.inputs + sizes.outputs
    return Work(
        rows * (2 * _matrices(weights) + scanned), FLOAT * (_floats(weights) + rows * moved)
    )


def pair_work(weights: Weights, pairs: float, tracks: float, detections: float) -> Work:
    """The pair network of one member: which matrix is for whom is in pairs.h."""
    sizes = pair_sizes_of(weights)
    width, round_ = sizes.width, sizes.rounds * sizes.width**2
    of_pair = sizes.features * sizes.wide + sizes.wide * width + round_ + width
    of_track = sizes.code * sizes.wide + round_ + width**2 + width
    of_detection = round_ + (width + sizes.alone) * width + 2 * width
    products = pairs * of_pair + tracks * of_track + detections * of_detection
    moved = pairs * (sizes.features + 1) + tracks * sizes.code + detections * (sizes.alone + 1)
    return Work(2 * products, FLOAT * (_floats(weights) + moved))


def measured_peaks() -> Peaks:
    """In this process and now: the best of many runs, in CPU time of all its threads."""
    square = np.random.default_rng(0).random((SIDE, SIDE), np.float32)
    product, source = np.empty_like(square), np.ones(COPIED, np.float32)
    target = np.empty_like(source)
    return Peaks(
        2 * SIDE**3 / _least(lambda: np.matmul(square, square, out=product)),
        2 * source.nbytes / _least(lambda: np.copyto(target, source)),
    )


def _least(work: Callable[[], Any]) -> float:
    """Seconds of CPU time of the fastest run."""
    least, until = float("inf"), time.process_time() + REPEATED_S
    while (began := time.process_time()) < until:
        work()
        least = min(least, time.process_time() - began)
    return least


def _matrices(weights: Weights) -> int:
    """Numbers of all matrices that a token is multiplied by."""
    return sum(
        each.size for name, each in weights.items() if name.endswith(".weight") and each.ndim == 2
    )


def _floats(weights: Weights) -> int:
    return sum(each.size for each in weights.values())


def total(works: Sequence[Work]) -> Work:
    """Of all together."""
    return Work(sum(each.operations for each in works), sum(each.bytes for each in works))
