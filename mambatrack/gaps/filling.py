"""Boxes for the frames in which a track was not seen, from what was seen before and after them.

A small bi-directional Mamba reads the boxes on both sides of a gap, each relative to the straight
line between the gap's ends, and says for every missing frame how far from that line the object was,
and how sure it is. It was trained on gaps of simulated detections (learning/gap_training.py).
Numpy only.

>>> filled, = fill_gaps([Gap([3, 4, 5], boxes_before, [9, 10], boxes_after)])
>>> filled.frames
array([6, 7, 8])
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mambatrack.boxes import SMALLEST, Boxes
from mambatrack.errors import MambatrackError
from mambatrack.gaps.scanner import RefillScanner
from mambatrack.kernels.weight_shapes import BOTH, check_shapes, gap_shapes, sizes_of
from mambatrack.networks.card_values import check_told, shares, whole
from mambatrack.networks.model_files import WEIGHTS, fitting, read_card, usual
from mambatrack.networks.units import OUTPUTS, UNITS
from mambatrack.networks.weight_files import read_weights

SHIPPED = WEIGHTS / "mambatrack-refill.safetensors"
KIND = "refill"  # of the network, in its model card
INPUTS = 17  # of a token, see describe
KNOTS = 8  # missing frames that the network is asked for; those between are interpolated
FARTHEST, LARGEST_LOG = 1e6, 20.0  # units, and log of units, beyond which nothing is believed
CHUNK = 32  # gaps a call: more no longer fit the processor's cache


class Gap(NamedTuple):
    """What was seen of an object around frames in which it was not.

    before [P, 4] and after [S, 4]: observed boxes cxcywh in pixels, at least one each, in the order
    of their frames before_frames [P] and after_frames [S], which may leave some out. Missing are
    the frames between the last one before and the first one after.
    """

    before_frames: ArrayLike
    before: ArrayLike
    after_frames: ArrayLike
    after: ArrayLike


class Filled(NamedTuple):
    """frames [G] int64; boxes [G, 4] float32 cxcywh pixels; spread [G, 4] float32 pixels, as the
    standard deviation of a normal distribution: 68 % of the true values are within it."""

    frames: NDArray[np.int64]
    boxes: Boxes
    spread: Boxes


class Ends(NamedTuple):
    """B gaps as arrays. boxes [B, 2 q, 4]: those before, the last of them in column q - 1, then
    those after, the first of them in column q; times [B, 2 q] in frames from the last one before;
    known [B, 2 q]: which columns hold a box; length [B], missing frames, at least 1."""

    boxes: Boxes
    times: NDArray[np.int64]
    known: NDArray[np.bool_]
    length: NDArray[np.int64]


class Described(NamedTuple):
    """tokens [B, L, INPUTS], of which the first ``lengths`` [B] count, zero after them; knots
    [B, K], the missing frames that the network is asked for, in frames from the last box before the
    gap, 0 where there are no more; place [B, K] of the token of each."""

    tokens: Boxes
    lengths: NDArray[np.int64]
    knots: NDArray[np.int64]
    place: NDArray[np.int64]


class GapFiller:
    """The network of a .safetensors file with its model card beside it, the shipped one by default.

    Raises MambatrackError where they are missing or do not fit together. Safe from several threads.
    """

    def __init__(self, path: str | Path = SHIPPED):
        card = read_card(Path(path), (KIND,), "no path for the shipped network")
        with fitting(Path(path)):
            weights = read_weights(Path(path))
            sizes = sizes_of(weights, BOTH)
            check_told(card, d_model=sizes.model, layers=sizes.layers, d_state=sizes.states)
            check_shapes(weights, gap_shapes(usual(sizes, INPUTS, OUTPUTS)))
            self._network = RefillScanner(weights)
            self.q = whole(card, "architecture.q", 1, 256)
            self.longest = whole(card, "architecture.longest", 0, 1000)
            self._calibration = shares(card, "calibration")
            self._wander = shares(card, "wander")

    def __call__(self, gaps: Sequence[Gap]) -> list[Filled]:
        """See fill_gaps."""
        checked = [_checked(gap, number) for number, gap in enumerate(gaps)]
        lengths = np.array([int(a[0] - b[-1] - 1) for b, _, a, _ in checked], np.int64)
        filled: list[Any] = [None] * len(checked)
        order = np.argsort(lengths, kind="stable")
        for rows in np.split(order, range(CHUNK, len(order), CHUNK)):
            for row, each in zip(rows, self._fill([checked[row] for row in rows]), strict=True):
                filled[row] = each
        return filled

    def _fill(self, gaps: list["_Checked"]) -> list[Filled]:
        ends = _ends(gaps, self.q)
        away = np.arange(1, ends.length.max(initial=0) + 1) + 0 * ends.length[:, None]
        line, unit = straight_line(ends, away)
        described = describe(ends)
        with np.errstate(over="ignore", invalid="ignore"):  # _between looks at what came out
            said = self._network(described.tokens, described.lengths)
        filled = []
        for row, (before, _, after, _) in enumerate(gaps):
            length = int(ends.length[row])
            knots = described.knots[row][described.knots[row] > 0]
            offset, spread = self._between(
                said[row, described.place[row, : len(knots)]], knots, length
            )
            boxes = line[row, :length] + offset * unit[row, :length]
            boxes[:, 2:] = np.maximum(boxes[:, 2:], SMALLEST)
            frames = np.arange(before[-1] + 1, after[0])
            filled.append(Filled(frames, boxes, spread * unit[row, :length]))
        return filled

    def _between(self, said: Boxes, knots: NDArray, length: int) -> tuple[Boxes, Boxes]:
        """What was said [K, 8] at the knots [K] -> offset and spread [length, 4] in units."""
        sensible = bool((np.abs(said) < FARTHEST).all())  # NaN is not
        if length > self.longest or not sensible:  # nothing like it was learned
            wander = np.repeat(self._wander[None], length, axis=0)
            return np.zeros_like(wander), wander
        frames = np.arange(1, length + 1)
        each = np.stack([np.interp(frames, knots, column) for column in said.T], axis=1)
        each = each.astype(np.float32)
        return each[:, :4], np.exp(np.minimum(each[:, 4:], LARGEST_LOG)) * self._calibration


def fill_gaps(gaps: Sequence[Gap], filler: GapFiller | None = None) -> list[Filled]:
    """The missing frames of each gap, of any lengths, in one batched call.

    Only the last boxes before and the first ones after matter (10 of each for the shipped network);
    fewer will do. A gap of more frames than the network has learned gets the straight line. No
    argument is changed. filler: another network than the shipped one.
    Raises MambatrackError for a gap without boxes on both sides, of frames that do not ascend, or
    of boxes that are not finite or have no size.
    """
    return (filler or shipped_filler())(gaps)


@cache
def shipped_filler() -> GapFiller:
    """The shipped network, loaded once."""
    return GapFiller()


def straight_line(ends: Ends, away: NDArray[np.int64]) -> tuple[Boxes, Boxes]:
    """The straight line between the ends, ``away`` [B, K] frames from the last box before the gap:
    boxes [B, K, 4], and the pixels per unit of what the network says there.

    A unit is a 20th of the size of the box at the ends times sqrt(k (G + 1 - k) / (G + 1)), by
    which a random walk between fixed ends strays at the k-th of G missing frames.
    """
    q, span = ends.boxes.shape[1] // 2, ends.length[:, None] + 1
    start, step, unit = _frame_of_reference(ends, q)
    strays = np.sqrt(np.maximum(away * (span - away), 1) / span)[..., None]
    line = start[:, None] + away[..., None] * step
    return line.astype(np.float32), (strays * unit * np.ones(4)).astype(np.float32)


def describe(ends: Ends) -> Described:
    """Both sides of gaps as what the network reads, with the missing frames between them, or KNOTS
    of them, evenly spread.

    A token [INPUTS]: offset of the box from the straight line (which goes on beyond both ends) in
    20ths of its size, and the same per frame of distance to the gap's end, both asinh; the line's
    movement per frame, asinh; whether the frame is missing, whether it is after the gap; log(1 +
    frames to the last box before), likewise to the first one after; log(w / h).
    """
    q, span = ends.boxes.shape[1] // 2, ends.length[:, None] + 1
    start, step, unit = _frame_of_reference(ends, q)
    knots = _knots(ends.length)
    times = np.concatenate([ends.times[:, :q], knots, ends.times[:, q:]], axis=1)
    offset = np.zeros((*times.shape, 4), np.float32)
    for part, columns in ((slice(q), slice(q)), (slice(q, None), slice(-q, None))):
        line = start[:, None] + ends.times[:, part, None] * step
        offset[:, columns] = (ends.boxes[:, part] - line) / unit
    distance = np.minimum(np.abs(times), np.abs(times - span))
    kind = np.zeros((2, *times.shape), np.float32)
    kind[0, :, q:-q], kind[1, :, -q:] = 1, 1
    sides = start * ends.boxes[:, q]
    shape = np.log(sides[:, 2] / sides[:, 3])[:, None] / 2
    scalars = [*kind, np.log1p(np.abs(times)), np.log1p(np.abs(times - span)), shape + 0 * times]
    parts = [
        np.arcsinh(offset), np.arcsinh(offset / np.maximum(distance, 1)[..., None]),
        np.arcsinh(step / unit) + 0 * offset, np.stack(scalars, axis=-1),
    ]  # fmt: skip
    held = np.concatenate([ends.known[:, :q], knots > 0, ends.known[:, q:]], axis=1)
    tokens, lengths = _compact(np.concatenate(parts, axis=-1), held)
    first = ends.known[:, :q].sum(1)[:, None]
    return Described(tokens, lengths, knots, first + np.arange(knots.shape[1]))


def _knots(length: NDArray[np.int64]) -> NDArray[np.int64]:
    """[B, K] of 1 to each of the ``lengths`` [B]: all of them, or KNOTS with both ends; then 0."""
    count = np.minimum(length, KNOTS)[:, None]
    place = np.arange(count.max(initial=0))
    spaced = 1 + np.rint(place * (length[:, None] - 1) / np.maximum(count - 1, 1)).astype(np.int64)
    return np.where(place < count, spaced, 0)


def _frame_of_reference(ends: Ends, q: int) -> tuple[Boxes, Boxes, Boxes]:
    """The last box before each gap [B, 4], the straight line's movement per frame [B, 1, 4], and a
    20th of the size of the box [B, 1, 1]."""
    start, stop = ends.boxes[:, q - 1], ends.boxes[:, q]
    step = ((stop - start) / (ends.length[:, None] + 1)).astype(np.float32)
    size = np.sqrt(np.sqrt(start[:, 2:] * stop[:, 2:]).prod(1))
    return start, step[:, None], size[:, None, None] / UNITS


def _compact(tokens: NDArray, held: NDArray[np.bool_]) -> tuple[Boxes, NDArray[np.int64]]:
    """Moves the tokens [B, T, F] that are held [B, T] to the front of their rows."""
    lengths = held.sum(1)
    order = np.argsort(~held, axis=1, kind="stable")[:, : lengths.max(initial=0)]
    front = np.take_along_axis(tokens, order[..., None], axis=1)
    front[np.arange(order.shape[1]) >= lengths[:, None]] = 0
    return front.astype(np.float32), lengths


_Checked = tuple[NDArray[np.int64], Boxes, NDArray[np.int64], Boxes]


def _checked(gap: Gap, number: int) -> _Checked:
    """The gap as arrays. MambatrackError where it is unusable."""
    sides: list[NDArray] = []
    for frames, boxes in ((gap.before_frames, gap.before), (gap.after_frames, gap.after)):
        frames, boxes = np.asarray(frames, np.int64), np.asarray(boxes, np.float32)
        if boxes.shape != (len(frames), 4) or not len(frames):
            raise MambatrackError(
                f"gap {number}: at least one box [., 4] cxcywh and its frame expected on both "
                f"sides, got boxes {list(boxes.shape)} and {frames.size} frames"
            )
        if not (np.isfinite(boxes).all() and (boxes[:, 2:] > 0).all()):
            raise MambatrackError(f"gap {number}: a box is not finite or has no size")
        sides += [frames, boxes]
    before, after = sides[0], sides[2]
    if (np.diff(before) < 1).any() or (np.diff(after) < 1).any() or after[0] < before[-1] + 2:
        raise MambatrackError(
            f"gap {number}: frames must ascend with at least one missing between both sides, got "
            f"{before.tolist()} and {after.tolist()}"
        )
    return before, sides[1], after, sides[3]


def _ends(gaps: list[_Checked], q: int) -> Ends:
    """The q boxes next to each gap."""
    boxes = np.ones((len(gaps), 2 * q, 4), np.float32)
    times, known = np.zeros((len(gaps), 2 * q), np.int64), np.zeros((len(gaps), 2 * q), bool)
    length = np.zeros(len(gaps), np.int64)
    for row, (before_frames, before, after_frames, after) in enumerate(gaps):
        first, last = max(q - len(before), 0), q + min(len(after), q)
        boxes[row, first:q], boxes[row, q:last] = before[-q:], after[:q]
        times[row, first:q] = before_frames[-q:] - before_frames[-1]
        times[row, q:last] = after_frames[:q] - before_frames[-1]
        known[row, first:last] = True
        length[row] = after_frames[0] - before_frames[-1] - 1
    return Ends(boxes, times, known, length)
