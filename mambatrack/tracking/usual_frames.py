"""Frames of one or several trackers in a few calls of the C library, where nothing is unusual: of
the learned association with a predictor in C. tracker.py and group.py say step by step what a frame
does, and take all other frames."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.crowds import MOST_PAIRS, TILE
from mambatrack.association.exits import margin
from mambatrack.association.interface import Association
from mambatrack.config import TrackerConfig
from mambatrack.detections import PLAIN_LIMITS, Detections, as_detections
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.usual_frames import OPEN, REPORTED
from mambatrack.kernels.cpu.usual_frames import UsualFrames as FramesInC
from mambatrack.motion.compiled_predictor import CompiledPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.track_columns import new_stamp
from mambatrack.track_table import NOBODY
from mambatrack.tracking.hypotheses import Settled
from mambatrack.tracking.steps import observe_together
from mambatrack.tracking.tracker_state import TrackerState, data_of
from mambatrack.tracking.whole_frame import Predicting, nothing_told
from mambatrack.tracks import Tracks


class Due(NamedTuple):
    """A frame of one tracker: what was found, as as_given() has it, when, in a picture of this
    size, and the names of classes that the tracker was told."""

    state: TrackerState
    predictor: Predictor
    found: NDArray | Detections
    time_s: float | None
    image_size: tuple[int, int] | None
    class_names: tuple[str, ...]


class Begun(NamedTuple):
    """Frames, by the number of the tracker, whose detections are read; run: Tracker.update of them,
    with what is held while the tracks are predicted."""

    due: Mapping[int, Due]
    run: Callable[[Predicting | None], dict[int, Tracks]]


class UsualFrames:
    """The usual frames of trackers with this association and these settings."""

    def __init__(self, association: CompiledAssociation, config: TrackerConfig):
        self._association, self._config = association, config
        self._free: list[FramesInC] = []  # one for each thread that was in a call

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._association, self._config)

    def begin(self, due: Mapping[int, Due]) -> Begun:
        """Reads the detections of the usual frames, all of one predictor: of one hypothesis, with
        nothing to rename, in which no detection is unusable, repeats another one or is outside the
        picture. The others are left out. Nothing has changed yet."""
        try:
            frames = self._free.pop()
        except IndexError:
            frames = self._new_frames()
        usual = self._added(frames, due)
        read = frames.admit()
        if not all(read):
            usual = {number: usual[number] for number, own in zip(usual, read, strict=True) if own}
            self._added(frames, usual)
            frames.admit()
        if not usual:
            self._free.append(frames)
        return Begun(usual, partial(self._run, frames, usual))

    def _new_frames(self) -> FramesInC:
        config, network = self._config, self._association.network
        problems = self._association.new_problems()
        margins = np.array([margin(False), margin(True)])
        return FramesInC(problems, network, PLAIN_LIMITS, margins, config.min_hits, config.max_age)

    def _added(self, frames: FramesInC, due: Mapping[int, Due]) -> dict[int, Due]:
        """Those that are usual as far as is seen without reading the detections, and no others are
        among the frames."""
        frames.clear()
        return {number: each for number, each in due.items() if self._add(frames, each)}

    def _add(self, frames: FramesInC, due: Due) -> bool:
        state, predictor, found, time_s, image_size, _ = due
        hypotheses, config = state.hypotheses, self._config
        table, *others = hypotheses.tables
        tracks, count, span = len(table), len(found), state.span(time_s, config)
        if (
            others
            or (isinstance(found, Detections) and found.dropped)
            or state.ids.renamed
            or tracks > TILE
            or count**2 > MOST_PAIRS
            or (count and image_size is not None and not hypotheses.started)
            or not isinstance(predictor, CompiledPredictor)
            or (span > 1 and table.in_c.any_over(tracks, 0, config.max_age - (span - 1)))
        ):
            return False
        several = hypotheses.most(count, config.hypotheses) > 1
        rows = found.in_c if isinstance(found, Detections) else found
        frames.add(table.in_c, rows, image_size, tracks, span, several, table.mixed)
        return True

    def _run(
        self, frames: FramesInC, due: Mapping[int, Due], predicting: Predicting | None
    ) -> dict[int, Tracks]:
        predictor = next(iter(due.values())).predictor
        assert isinstance(predictor, CompiledPredictor)
        config, moving = self._config, []
        for each in due.values():
            span = each.state.advance_clock(each.time_s, config)
            moving.append((each.state.hypotheses.table, span, False))
        with predicting or nullcontext():
            predictor.predict_tables(moving)
        thought = frames.think()
        far = frames.settle(predictor.in_c, new_stamp(), thought)
        tracks = {
            number: self._reported(each, frames, place, far[place][0])
            if far[place][2] == REPORTED
            else self._finished(each, frames, place, thought, far[place])
            for place, (number, each) in enumerate(due.items())
        }
        self._free.append(frames)
        return tracks

    def _reported(self, due: Due, frames: FramesInC, place: int, mixed: int) -> Tracks:
        """Of a frame whose result is written."""
        state, _, found, time_s, _, names = due
        _settled(state, mixed)
        columns = frames.result(place, len(state.hypotheses.table))
        data: Mapping[str, Any] = {}
        if isinstance(found, Detections):
            names = names or found.class_names
            data = data_of(found, columns["det_ind"])
        state.frame += 1
        return Tracks.of_columns(
            state.frame - 1, time_s, columns, ended=NOBODY,
            frame_rate=state.frame_rate(self._config), data=data, class_names=names,
        )  # fmt: skip

    def _finished(
        self, due: Due, frames: FramesInC, place: int, thought: Thought, far: Sequence[int]
    ) -> Tracks:
        """What is left of a frame that came so ``far``, as UsualFrames.settle says it."""
        mixed, births, how_far = far
        state, config, settled = due.state, self._config, list[Settled]()
        if how_far == OPEN:
            state.camera = None
            settled = self._decide(due, frames, place, thought)
            observe_together(self._association, due.predictor, settled)
        else:
            _settled(state, mixed)
            settled = self._decide(due, frames, place, thought) if births else []
        state.hypotheses.start(settled, due.predictor)
        ended = state.hypotheses.end(config.min_hits, config.max_age)
        return state.report(due.time_s, config, ended, as_detections(due.found), due.class_names)

    def _decide(self, due: Due, frames: FramesInC, place: int, thought: Thought) -> list[Settled]:
        """Of a frame in which tracks start or which may be answered in several ways."""
        hypotheses, most = due.state.hypotheses, self._config.hypotheses
        (question,) = hypotheses.questions(as_detections(due.found), most)
        decided = self._association.decided(frames, place, question, thought)
        return hypotheses.advance([decided], most)


def _settled(state: TrackerState, mixed: int) -> None:
    """The only hypothesis goes on as the C library has settled its table."""
    state.camera = None
    state.hypotheses.stay()
    state.hypotheses.table.mixed = bool(mixed)


def usual_frames(
    association: Association, appearance: object, config: TrackerConfig
) -> UsualFrames | None:
    """None where these have frames that C does not know, and without the library."""
    if type(association) is CompiledAssociation and nothing_told(appearance, config):
        return UsualFrames(association, config)
    return None
