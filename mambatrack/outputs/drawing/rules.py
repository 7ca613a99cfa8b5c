"""What a picture shows of the tracks, for files, windows and the page alike: numbers, no pixels.

>>> rules = Rules(config.drawing, fps=25.0)
>>> shown = rules.update(tracks, (1920, 1080))      # once per frame
>>> tracks[shown.drawn], shown.opacity[shown.drawn]

A hidden track, whose box is predicted, is drawn while it is likely to be near: its box must be
sure to about its own size, and it must have been seen often and recently. It fades, for
``drawing.hidden_s`` at most, and sooner at the border of the picture, where people leave. There are
never more hidden boxes than seen ones, except for a single hidden one, and none where another box
covers it almost wholly: the likelier ones stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import area, clip, intersection, iou
from mambatrack.class_names import UNNAMED
from mambatrack.outputs.drawing.colours import GREY, rgb_of
from mambatrack.outputs.drawing.scale import STEP, plate_of, width_of
from mambatrack.settings import DrawingConfig
from mambatrack.tracks import Tracks, TrackState, renamed_rows

Size = tuple[int, int]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]

FARTHEST = 1e6  # pixels; nothing beyond is in any picture
SIZE = (1920, 1080)  # of a picture of unknown size
FPS = 25.0  # where neither a rate nor times are known
LONGEST_STEP_S = 1.0  # between frames; more is a stop
RECORD_S = 1.0  # how far back a track's record goes
ENOUGH = 0.4  # share of that time in which it must be seen to be believed in full
NEAR, FAR = 0.5, 1.0  # spread in sizes of its box, up to which a hidden track is near, is anywhere
CLEAREST, FAINTEST = 0.9, 0.2  # opacity of a hidden track
DOUBTED = 0.7  # opacity of a tentative track
INSIDE = 0.5  # share of a hidden box in the picture
BORDER, AT_BORDER = 0.004, 0.3  # of the picture's longer side; of the time, who is there has left
COVERED = 0.75  # IoU with a better box
HEAD = 0.3  # share of a box's height that labels leave free
MOST = 250  # labels and hidden boxes in a picture; time and memory grow with the square
CROWD_S, CROWDED = 0.4, 0.5  # how long labels remember that there was no room


class LabelKind(IntEnum):
    """How much a label says."""

    NONE = 0
    ID = 1  # the id alone
    FULL = 2  # all that the layers ask for


NONE, ID, FULL = (int(kind) for kind in LabelKind)
TENTATIVE, SEEN = int(TrackState.TENTATIVE), int(TrackState.OBSERVED)


@dataclass(frozen=True)
class Shown:
    """What a picture shows of the tracks of one frame, in their order.

    drawn:   [M] whether it is drawn at all
    opacity: [M] float32, 0 to 1, of its box and label; 0 where it is not drawn
    labels:  [M] uint8, see LabelKind
    colours: [M, 3] uint8, RGB
    plate:   height of a label, pixels
    seen, hidden: number of boxes drawn whose track is seen in this frame, is not; tentative ones
        are in neither
    step_s:  seconds since the frame before
    """

    drawn: Mask
    opacity: Floats
    labels: NDArray[np.uint8]
    colours: NDArray[np.uint8]
    plate: int
    seen: int
    hidden: int
    step_s: float


class Rules:
    """Decides frame by frame what is shown.

    fps: of the source, where frames have no time stamps; names: of the classes, which labels leave
    out where a source tells none
    """

    def __init__(
        self,
        config: DrawingConfig | None = None,
        fps: float | None = None,
        names: Sequence[str] = (),
    ):
        self.config = config or DrawingConfig()
        self.names = () if tuple(names) == UNNAMED else names
        self._name_lengths = np.array([len(each) + 1 for each in self.names])
        self._lengthy = not {"labels", "scores"}.isdisjoint(self.config.layers)
        self._step_s = 1 / fps if fps else 1 / FPS
        self._time_s: float | None = None
        self._slow = self._median = 0.0  # height of boxes: a running mean, what labels go by
        self._ids = np.zeros(0, np.int64)
        self._record, self._hidden_s, self._crowd = np.zeros((3, 0))

    def update(self, tracks: Tracks, size: Size | None = None) -> Shown:
        """What is shown of the tracks of the next frame; size: (width, height) of the picture."""
        step_s = self.step(tracks.time_s)
        self._follow(tracks, step_s)
        boxes = np.clip(np.nan_to_num(tracks.boxes), -FARTHEST, FARTHEST)
        drawn = _is_box(boxes, size) & np.all(np.isfinite(tracks.boxes), axis=1)
        hidden = tracks.predicted
        likely = np.ones(len(tracks))
        if hidden.any():
            likely[hidden] = self._likelihood(tracks, boxes, hidden, step_s, size)
            drawn = _uncluttered(boxes, drawn & (likely > 0), hidden, likely)
        opacity = np.where(hidden, FAINTEST + (CLEAREST - FAINTEST) * likely, 1.0)
        opacity[tracks.state == TENTATIVE] = DOUBTED
        plate = self._plate(boxes, drawn, size)
        return Shown(
            drawn,
            (opacity * drawn).astype(np.float32),
            self._labels(tracks, boxes, drawn, plate, step_s),
            _colours(tracks),
            plate,
            int((drawn & tracks.observed).sum()),
            int((drawn & hidden).sum()),
            step_s,
        )

    def text(self, tracks: Tracks, row: int, kind: int = FULL) -> str:
        """What a label of this kind says of one track."""
        layers = self.config.layers
        parts = [str(tracks.ids[row])] if "ids" in layers else []
        if kind == FULL:
            label = int(tracks.labels[row])
            if "labels" in layers and 0 <= label < len(self.names):
                parts.append(self.names[label])
            if "scores" in layers:
                parts.append(f"{tracks.scores[row]:.2f}")
        return " ".join(parts)

    def step(self, time_s: float | None) -> float:
        """Seconds since the last frame, by the time stamps where they ascend."""
        before, self._time_s = self._time_s, time_s
        if before is None or time_s is None or not 0 < time_s - before < np.inf:
            return self._step_s
        return min(time_s - before, LONGEST_STEP_S)

    def _follow(self, tracks: Tracks, step_s: float) -> None:
        """Brings up to date how often each track was seen and for how long it is hidden."""
        hidden = tracks.predicted
        self._take_over(tracks)
        faded = np.exp((-step_s - self._hidden_s) / RECORD_S)
        seen_now = faded * self._record + (1 - np.exp(-step_s / RECORD_S))
        self._record = np.where(hidden, self._record, seen_now)
        self._hidden_s = np.where(hidden, self._hidden_s + step_s, 0)

    def _likelihood(
        self, tracks: Tracks, boxes: Floats, hidden: Mask, step_s: float, size: Size | None
    ) -> NDArray[np.float64]:
        """[H] how likely each hidden track is to be near, 0 to 1."""
        if "lost" not in self.config.layers or self.config.hidden_s == 0:
            return np.zeros(int(hidden.sum()))
        believed_s = self.config.hidden_s * np.minimum(self._record[hidden] / ENOUGH, 1)
        likely = _nearness(boxes[hidden], tracks.spread[hidden])
        if size is not None:
            inside, at_border = _where_in(boxes[hidden], size)
            believed_s *= np.where(at_border, AT_BORDER, 1)
            likely *= inside >= INSIDE
        left = 1 - (self._hidden_s[hidden] - step_s) / np.maximum(believed_s, 1e-6)
        return likely * np.clip(left, 0, 1)

    def _take_over(self, tracks: Tracks) -> None:
        """Brings what is remembered into the order of the tracks. One that comes hidden, as in a
        single picture, counts as seen well before."""
        if again := tracks.known_again:
            self._ids, rows = renamed_rows(self._ids, again)
            self._record, self._hidden_s = self._record[rows], self._hidden_s[rows]
            self._crowd = self._crowd[rows]
        if np.array_equal(tracks.ids, self._ids):
            return
        _, new, old = np.intersect1d(tracks.ids, self._ids, return_indices=True)
        hidden = tracks.predicted
        record = hidden.astype(np.float64)
        hidden_s = np.where(hidden, (tracks.gap - 1) * self._step_s, 0.0)
        crowd = np.full(len(tracks), np.nan)
        record[new], hidden_s[new] = self._record[old], self._hidden_s[old]
        crowd[new] = self._crowd[old]
        self._ids, self._record, self._hidden_s = tracks.ids.copy(), record, hidden_s
        self._crowd = crowd

    def _plate(self, boxes: Floats, drawn: Mask, size: Size | None) -> int:
        """Height of labels; it follows the median box in steps, so that text stands still."""
        if drawn.any():
            heights = np.sort(boxes[drawn, 3] - boxes[drawn, 1])
            median = float(heights[len(heights) // 2])
            self._slow += (median - self._slow) * (0.1 if self._slow else 1)
            if abs(self._slow - self._median) > STEP * self._median:
                self._median = self._slow
        return plate_of(size or SIZE, self._median, self.config.scale)

    def _labels(
        self, tracks: Tracks, boxes: Floats, drawn: Mask, plate: int, step_s: float
    ) -> NDArray[np.uint8]:
        """[M] kinds: the id alone where a full label has not had its place for a while."""
        kinds = np.where(tracks.state == SEEN, FULL, ID).astype(np.uint8)
        kinds[~drawn | (tracks.state == TENTATIVE)] = NONE
        (full,) = np.nonzero(kinds == FULL)
        if len(full) > MOST:
            kinds[full] = ID
        elif len(full) > 1 and self._lengthy:
            widths = width_of(self._lengths(tracks, full), plate)
            now = _crowded(boxes, full, drawn, widths, plate)
            before = self._crowd[full]
            share = 1 - np.exp(-step_s / CROWD_S)
            crowd = np.where(np.isnan(before), now, before + share * (now - before))
            self._crowd[full] = crowd
            kinds[full[crowd > CROWDED]] = ID
        return kinds

    def _lengths(self, tracks: Tracks, rows: NDArray[np.int64]) -> NDArray:
        """[F] letters of full labels."""
        layers = self.config.layers
        letters = np.zeros(len(rows))
        if "ids" in layers:
            letters += np.ceil(np.log10(np.maximum(tracks.ids[rows], 1) + 1.0)) + 1
        if "labels" in layers and len(self.names):
            letters += self._name_lengths[np.clip(tracks.labels[rows], 0, len(self.names) - 1)]
        return letters + 5 if "scores" in layers else letters


def _is_box(boxes: Floats, size: Size | None) -> Mask:
    """[M] which boxes are turned the right way out, and in the picture."""
    inside = boxes if size is None else clip(boxes, size)
    return np.all(inside[:, 2:] > inside[:, :2], axis=1)


def _nearness(boxes: Floats, spread: Floats) -> NDArray[np.float64]:
    """[H] 1 where the spread of the place is small beside the box, 0 where it is as large."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6)
    reach = np.max(spread[:, :2] / sides, axis=1)
    return np.clip((FAR - np.nan_to_num(reach, nan=FAR)) / (FAR - NEAR), 0, 1)


def _where_in(boxes: Floats, size: Size) -> tuple[NDArray, Mask]:
    """[H] which share of each box is in the picture, and whether it reaches the border."""
    inside = area(clip(boxes, size)) / np.maximum(area(boxes), 1e-6)
    margin = BORDER * max(size)
    before, behind = boxes[:, :2] <= margin, boxes[:, 2:] >= np.array(size) - margin
    return inside, np.any(before | behind, axis=1)


def _uncluttered(boxes: Floats, drawn: Mask, hidden: Mask, likely: NDArray) -> Mask:
    """``drawn`` without hidden boxes beyond the number of seen ones, and without those that a seen
    one or a likelier hidden one covers."""
    (rows,) = np.nonzero(drawn & hidden)
    rows = rows[np.argsort(-likely[rows], kind="stable")][:MOST]
    most = max(int((drawn & ~hidden).sum()), 1)
    kept = drawn & ~hidden
    covers = iou(boxes[rows], boxes) > COVERED
    for row, over in zip(rows.tolist(), covers, strict=True):
        if most and not (over & kept).any():
            kept[row] = True
            most -= 1
    return kept


def _crowded(
    boxes: Floats, full: NDArray[np.int64], drawn: Mask, widths: NDArray, plate: int
) -> NDArray:
    """[F] 1 where the label above a box would lie on another box's head or label, else 0."""
    heads = boxes[drawn]
    heads[:, 3] = heads[:, 1] + HEAD * (heads[:, 3] - heads[:, 1])
    labels = boxes[full]  # [left, top, left, top] to begin with
    labels[:, 2:] = labels[:, :2]
    labels[:, 1] -= plate
    labels[:, 2] += widths
    over = intersection(labels, np.concatenate([labels, heads])) > 0
    own = over[:, : len(full)]
    np.fill_diagonal(own, False)
    own_heads = np.searchsorted(np.flatnonzero(drawn), full) + len(full)
    over[np.arange(len(full)), own_heads] = False
    return np.any(over, axis=1).astype(np.float64)


def _colours(tracks: Tracks) -> NDArray[np.uint8]:
    colours = np.array([rgb_of(each) for each in tracks.ids.tolist()], np.uint8).reshape(-1, 3)
    colours[tracks.state == TENTATIVE] = GREY
    return colours
