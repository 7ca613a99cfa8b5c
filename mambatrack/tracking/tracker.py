"""The online tracker: predict, associate, observe, start, end; once per frame."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.batched import LARGE
from mambatrack.association.interface import Associated, Association
from mambatrack.association.learned import LearnedAssociation, load_association
from mambatrack.boxes import Boxes, xyxy_to_cxcywh
from mambatrack.config import Config, TrackerConfig
from mambatrack.detections import Detections, as_detections
from mambatrack.errors import MambatrackError
from mambatrack.motion.forecast import Forecast, run_ahead
from mambatrack.motion.loading import load_predictor
from mambatrack.motion.predictor import Predictor, checked_predictor
from mambatrack.track_table import TrackTable
from mambatrack.tracking.hypotheses import Hypothesis, Occasion, go_on
from mambatrack.tracking.saved_state import StateDict, layout_of, restore, state_of, weights_of
from mambatrack.tracks import Tracks

Indices = NDArray[np.int64]
Measure = Callable[[str], AbstractContextManager[object]]
UNMEASURED: AbstractContextManager[None] = nullcontext()
NOBODY: Indices = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Pending:
    """An update that waits for its prediction: Tracker.begin made it, Tracker.finish ends it.

    found: the detections that are inside the image; boxes [N, 4]: the same as cxcywh
    time_s: as given; span: frames of the motion model since the last update, at least 1
    ended [E]: ids of the tracks that ended in the frames nobody looked at
    """

    found: Detections
    boxes: Boxes
    time_s: float | None
    span: int
    ended: Indices


class Tracker:
    """Online multi-object tracking from boxes (MambaTrack, ACM MM 2024, section 3).

    config: a Config or TrackerConfig; every default is in config.py
    image_size: (width, height) in pixels; detections wholly outside are dropped. None: no check
    predictor, association: a motion model, and who is seen where, of your own in place of those
    configured

    An instance owns its ids and its state: two trackers never influence each other.

    Time. With ``tracker.frame_rate`` 0 each update is one frame of the motion model. Else the time
    since the last update counts as that many frames, at least one. Nobody looked at a frame between
    two updates: the motion model is patched through it, lost tracks age and end, tentative ones do
    not. The fraction of a frame is not carried on, so that a steady source has steady
    steps. A time that stands still or goes back counts as one frame, and the clock waits at the
    largest time seen; an update without a time, or with one that is not finite, is one frame and
    moves the clock by one. After a pause of more than ``max_age`` such frames no track is left.
    """

    def __init__(
        self,
        config: Config | TrackerConfig | None = None,
        image_size: tuple[int, int] | None = None,
        predictor: Predictor | None = None,
        association: Association | None = None,
    ):
        settings = config.tracker if isinstance(config, Config) else config or TrackerConfig()
        self.config = settings
        self.image_size = _checked_size(image_size)
        self.measure: Measure = unmeasured
        self.predictor = checked_predictor(
            predictor
            or load_predictor(
                settings.predictor, self.image_size, settings.device, settings.straighten_history
            )
        )
        self.association = association or load_association(self.config)
        self.layout = {
            "predictor": layout_of(self.predictor), "association": layout_of(self.association),
        }  # fmt: skip
        self.reset()

    def reset(self) -> None:
        """Forgets every track: the next frame is frame 0 and the next id is 1."""
        self.table = TrackTable(self.predictor.state_size, self.association.memory_size)
        self.rivals: list[TrackTable] = []  # of the other hypotheses, the likelier first
        self.likelihoods = [0.0]  # log-likelihood of each hypothesis, against the first
        self.frame = 0
        self.dropped = 0
        self.started = 0  # tracks that were put out; ids of hypotheses that never were leave holes
        self.clock: float | None = None  # largest time seen, s

    def update(self, detections: Any = None, time_s: float | None = None) -> Tracks:
        """Advances one frame; call it for every frame, also where nothing was detected.

        detections: Detections, or rows (N, 4..6) of x1 y1 x2 y2 [score [class]], or None
        time_s: time stamp of the frame in seconds, passed through to the result; see above
        Returns all live tracks; ``state`` tells those seen now from those only predicted.
        """
        pending = self.begin(detections, time_s)
        with self.measure("predict"):
            self.predict(pending.span)
        return self.finish(pending)

    def begin(self, detections: Any = None, time_s: float | None = None) -> Pending:
        """The part of update() before the prediction. Whoever predicts the tracks of several
        trackers at once does to their ``tables`` what predict() does, and calls finish()."""
        found = self._admit(as_detections(detections))
        span = self._advance(time_s)
        unseen = span - 1
        ended = self.table.end(0, self.config.max_age - unseen) if unseen else NOBODY
        if unseen:
            for rival in self.rivals:
                rival.end(0, self.config.max_age - unseen)
            self._drop_rivals(ended)
        return Pending(found, xyxy_to_cxcywh(found.boxes), time_s, span, ended)

    @property
    def tables(self) -> list[TrackTable]:
        """Of all hypotheses, the likeliest first."""
        return [self.table, *self.rivals]

    def predict(self, span: int = 1) -> None:
        """All tracks of all hypotheses ``span`` frames on: one batched call per frame, or where
        there are many tracks, one for each hypothesis."""
        tables = self.tables
        for _ in range(span if any(map(len, tables)) else 1):
            predicted = step_together(self.predictor, tables)
        for table, (boxes, spread) in zip(tables, predicted, strict=True):
            table.predict(boxes, spread, span)

    def finish(self, pending: Pending) -> Tracks:
        """The part of update() after the prediction."""
        if isinstance(self.association, LearnedAssociation):
            (kept,) = go_on(self.association, [self.occasion(pending)])
            return self.adopt(pending, kept)
        associated = self.association(self.table, pending.found, pending.boxes)
        self.started += len(associated.born)
        return self._report(pending, self._settle(self.table, pending, associated))

    def occasion(self, pending: Pending) -> Occasion:
        """What there is to decide."""
        return Occasion(self.tables, self.likelihoods, pending.found, pending.boxes)

    def adopt(self, pending: Pending, kept: Sequence[Hypothesis]) -> Tracks:
        """The part of update() after it is known which hypotheses go on: the first is put out."""
        known, first = self.table["ids"].copy(), self.table.next_id
        born = np.unique(np.concatenate([each.seen.born for each in kept]))
        for each in kept:
            names = first + born.searchsorted(each.seen.born)
            self._settle(each.table, pending, each.seen, names)
            each.table.next_id = first + len(born)
        self.table, *self.rivals = [each.table for each in kept]
        self.likelihoods = [each.likelihood for each in kept]
        strange = ~np.isin(self.table["ids"], known)  # nobody has heard of them, nor sees them now
        unheard = strange & (self.table["gap"] > 0)
        self.table.drop(unheard)
        self.started += int(np.count_nonzero(strange & ~unheard))
        ended = known[~np.isin(known, self.table["ids"])]
        self._drop_rivals(ended)
        return self._report(pending, ended)

    def _drop_rivals(self, ended: Indices) -> None:
        """What was put out as ended has ended: hypotheses in which it lives on are given up."""
        if not len(ended) or not self.rivals:
            return
        rivals = [
            (table, likelihood)
            for table, likelihood in zip(self.rivals, self.likelihoods[1:], strict=True)
            if not np.isin(ended, table["ids"]).any()
        ]
        self.rivals = [table for table, _ in rivals]
        self.likelihoods = [0.0, *(likelihood for _, likelihood in rivals)]

    def _settle(
        self,
        table: TrackTable,
        pending: Pending,
        associated: Associated,
        names: Indices | None = None,
    ) -> Indices:
        """Writes into the table who is seen where; the ids that ended. names [B]: of new tracks"""
        found, boxes = pending.found, pending.boxes
        rows, seen, born = associated
        self.predictor.correct(table["motion"], rows, boxes.take(seen, axis=0))
        table.observe(rows, boxes.take(seen, axis=0), found, seen)
        if len(born):
            state = self.predictor.start(boxes.take(born, axis=0))
            table.start(boxes.take(born, axis=0), state, found, born, names)
        return table.end(self.config.min_hits, self.config.max_age)

    def _report(self, pending: Pending, ended: Indices) -> Tracks:
        if len(pending.ended):
            ended = np.union1d(pending.ended, ended)
        self.frame += 1
        return self.table.snapshot(self.frame - 1, pending.time_s, self.config.min_hits, ended)

    def forecast(self, horizon: int = 30) -> Forecast:
        """The next ``horizon`` frames of all live tracks, as the motion model sees them now: one
        batched call per frame. Changes nothing."""
        table = self.table
        return run_ahead(self.predictor, table["motion"], horizon, table["ids"], self.frame - 1)

    def state_dict(self) -> StateDict:
        """Everything that later updates depend on, but for the settings: arrays, numbers and text,
        copied. A tracker that loads it goes on exactly as this one would."""
        return state_of(self)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state_dict(), of a tracker of the same predictor, association and weights.
        Raises MambatrackError, and changes nothing, where the state does not fit or is damaged."""
        restore(self, state)

    @cached_property
    def weights(self) -> dict[str, str]:
        """SHA-256 of the weights in use, by what they are of."""
        return weights_of(self)

    def _advance(self, time_s: float | None) -> int:
        """Moves the clock; -> frames of the motion model since the last update, from 1 to
        max_age + 2, by which every track has ended."""
        rate, before = self.config.frame_rate, self.clock
        if time_s is None or not math.isfinite(time_s):
            if rate and before is not None:
                self.clock = before + 1 / rate
            return 1
        self.clock = time_s if before is None else max(before, time_s)
        frames = (time_s - before) * rate if rate and before is not None else 0.0
        return math.floor(min(max(frames, 1), self.config.max_age + 2) + 0.5)

    def _admit(self, found: Detections) -> Detections:
        """Drops detections outside the image; counts every unusable row, and warns once."""
        dropped = found.dropped
        if self.image_size is not None:
            far_corner = np.array(self.image_size, np.float32)
            within = (found.boxes[:, :2] < far_corner) & (found.boxes[:, 2:] > 0)
            if np.count_nonzero(within) < within.size:
                (inside,) = (within[:, 0] & within[:, 1]).nonzero()
                dropped += len(found) - len(inside)
                found = found.select(inside)
        if dropped and not self.dropped:
            warnings.warn(
                f"frame {self.frame}: dropped {dropped} unusable detections (not finite, of no "
                "size, repeated, or outside the image); later ones are only counted, in "
                "Tracker.dropped",
                stacklevel=4,
            )
        self.dropped += dropped
        return found


def unmeasured(step: str) -> AbstractContextManager[None]:
    """The Tracker.measure of a tracker whose steps nobody times."""
    return UNMEASURED


def step_together(predictor: Predictor, tables: Sequence[TrackTable]) -> list[tuple[Boxes, Boxes]]:
    """The tracks of all tables one frame on, few of them in one call -> boxes and spread of
    each."""
    states = [table["motion"] for table in tables]
    if len(states) == 1 or sum(map(len, states)) > LARGE:
        return [predictor.predict(state) for state in states]
    ends, joined = np.cumsum([len(state) for state in states])[:-1], np.concatenate(states)
    boxes, spread = predictor.predict(joined)
    for state, moved in zip(states, np.split(joined, ends), strict=True):
        state[:] = moved
    return list(zip(np.split(boxes, ends), np.split(spread, ends), strict=True))


def _checked_size(image_size: Any) -> tuple[int, int] | None:
    if image_size is None:
        return None
    try:
        width, height = (int(side) for side in image_size)
    except (TypeError, ValueError):
        width = height = 0
    if width <= 0 or height <= 0:
        raise MambatrackError(
            f"image_size is {image_size!r}; expected (width, height) in pixels, both positive"
        )
    return width, height
