"""How much of what surprises in detections is the detector's noise, boxes that have less of it, and
how far a filter is believed.

A detector puts a little noise on every box, anew in each frame. Where it is large, boxes jitter,
and motion models that have learnt beside a better detector take the jitter for motion. Noise
shows in the bends of a track, the second differences of its boxes z in consecutive frames: white
noise of variance v adds -4 v to the mean product of bends that are one frame apart and v to that of
bends two frames apart, while accelerations that last add about as much to both (the innovation
correlations of Mehra, IEEE Trans. Automatic Control 15, 1970, on differences that need no filter).
Of a surprise, detection less prediction, the share v / mean square is then noise.

Who turns round between two frames has such bends, too. But then the motion model, which knows how
people move, is far less surprised than a Kalman filter beside it (box_filter.py), which takes every
bend for noise. So noise counts only where the filter is as good; and where there is much of it, in
box sizes, the filter, whose memory is longer, shares in what is predicted.

Sums over the detections of a stream, [6, 4] float64, for cx cy w h: how many; products of bends one
frame apart, and two; squared surprises, those of the motion model alone, and of the filter alone.
Boxes are cxcywh in pixels, bends and surprises in sizes of the predicted box. ``live``: the live
rows of a table's columns (track_columns.py), N tracks.

The reference of kernels/cpu/noise.h, which computes the same to the bit.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import Boxes, own_size
from mambatrack.state_fields import SMALLEST_SIZE, Field

Live = Mapping[str, NDArray]
Sums = NDArray[np.float64]

KEPT = 0.99  # of the sums in a frame that adds to them
PRIOR = 20.0  # detections without noise that a stream begins with
LARGEST = 0.3  # surprise that counts; of a bend twice that
LONG = 5  # consecutive frames whose detections tell of noise
LEARNT, NOISY = 0.15, 0.25  # share of noise that motion models know; from which it is all taken off
MOST = 0.9  # share that is taken off at most
BETTER, LEVEL = 0.75, 0.9  # squared surprise of the model against the filter's, with and without
FILTERED = 0.03, 0.05  # noise in box sizes from which the filter shares in predictions, is alone
PARTS = 2.0**32  # what is added is rounded to multiples of 1 / PARTS: its order does not matter
LARGEST_SUM = 1e12


def no_sums() -> Sums:
    return np.zeros((6, 4))


class Jitter(NamedTuple):
    """What is taken off: share [4] of a surprise, 0 where the stream has no more noise than motion
    models know; most [4]: two standard deviations of the noise, in box sizes. filtered: the
    filter's share of a prediction."""

    share: NDArray[np.float64]
    most: NDArray[np.float64]
    filtered: float


def jitter(sums: Sums) -> Jitter:
    """What is taken off by these sums: by the least share that noise may have, none where motion
    models know as much (LEARNT) or do better than the filter (BETTER), and all of it where there is
    much more (NOISY) and the filter is as good (LEVEL)."""
    count, one, two, surprise, alone, beside = sums
    known = np.divide(count / (count + PRIOR), surprise, np.zeros(4), where=surprise > 0)
    least, likely = np.clip(np.minimum(two, -one / 4) * known, 0, 1), (two - one) / 5
    mean = (least[0] + least[1] + least[2] + least[3]) / 4
    places = beside[0] + beside[1]
    level = _between(BETTER, LEVEL, (alone[0] + alone[1]) / places if places > 0 else 0.0)
    certain = _between(LEARNT, NOISY, mean) * level
    variance = np.divide(np.maximum(likely, 0), count, np.zeros(4), where=count > 0)
    share, most = np.clip(likely * known * certain, 0, MOST), 2 * np.sqrt(variance)
    size = (most[0] + most[1] + most[2] + most[3]) / 8
    return Jitter(share, most, _between(*FILTERED, size) * certain)


def _between(low: float, high: float, value: float) -> float:
    """0 up to ``low``, 1 from ``high`` on, and a line in between."""
    return float(np.clip((value - low) / (high - low), 0, 1))


def steadied(live: Live, by: Jitter, rows: NDArray, boxes: Boxes) -> Boxes:
    """Between the prediction and the detections boxes [K, 4] of the tracks ``rows`` [K]: where they
    are shown, and move on from. A track that was not seen in the frame before is where it is
    detected; and who starts to move is not held back by more than noise would."""
    share, most, _ = by
    if not share.any():
        return boxes
    expected = live["boxes"][rows].astype(np.float64)
    most = most * own_size(expected)
    off = np.clip(share * (boxes.astype(np.float64) - expected), -most, most)
    off[~_goes_on(live, rows)] = 0
    shown: Boxes = (boxes - off).astype(np.float32)
    return shown


def note_noise(live: Live, sums: Sums, rows: NDArray, boxes: Boxes) -> None:
    """Adds to the sums, and to the columns before, bends and streak, what the detections boxes
    [K, 4] of the tracks ``rows`` [K] show; before the other columns know of them."""
    going = _goes_on(live, rows)
    live["streak"][rows[~going]] = 1
    rows, now = rows[going], boxes[going].astype(np.float64)
    predicted = [live["boxes"], live.get("unfiltered", live["boxes"])]
    predicted.append(live["filter"][:, :4] if "filter" in live else live["boxes"])
    size = np.maximum(own_size(live["boxes"][rows].astype(np.float64)), SMALLEST_SIZE)
    last = live["last"][rows]
    bends = np.clip(
        (now - 2 * last.astype(np.float64) + live["before"][rows]) / size, -2 * LARGEST, 2 * LARGEST
    )
    surprises = [
        np.clip((now - each[rows].astype(np.float64)) / size, -LARGEST, LARGEST) ** 2
        for each in predicted
    ]
    streak = live["streak"][rows] + 1
    older = live["bends"][rows]
    told = np.stack(
        [np.ones_like(bends), bends * older[:, :4], bends * older[:, 4:], *surprises], axis=1
    )[streak >= LONG]
    if len(told):
        sums[:] = KEPT * sums + (np.rint(told * PARTS) / PARTS).sum(axis=0)
    live["before"][rows], live["streak"][rows] = last, streak
    live["bends"][rows] = np.column_stack([bends, older[:, :4]])


def noise_fields(sums: Sums) -> list[Field]:
    """What the sums of a saved state may be."""
    count, one, two, *surprises = sums
    most = 4 * LARGEST**2 * count * (1 + 1e-9)  # products of two bends
    return [
        Field("noise counts", count, 0, LARGEST_SUM),
        Field("noise surprises", np.stack(surprises), 0, LARGEST_SUM),
        Field("noise products", np.stack([one, two]), -most, most),
    ]


def _goes_on(live: Live, rows: NDArray) -> NDArray[np.bool_]:
    """[K], which of the rows were seen in the frame before."""
    going: NDArray[np.bool_] = (live["streak"][rows] > 0) & (live["gap"][rows] == 1)
    return going
