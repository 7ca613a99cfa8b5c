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
from mambatrack.kernels.cpu.table import ResultColumns
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

    def takes(self, due: Due) -> bool:
        """Whether there is one hypothesis, and nothing to rename or, as far as is seen without
        reading them, to tell of the detections."""
        state, found, hypotheses = due.state, due.found, due.state.hypotheses
        return (
            not (isinstance(found, Detections) and found.dropped)
            and len(found) ** 2 <= MOST_PAIRS
            and len(hypotheses.tables) == 1
            and len(hypotheses.table) <= TILE
            and (due.image_size is None or hypotheses.started > 0 or not len(found))
            and not state.ids.renamed
            and isinstance(due.predictor, CompiledPredictor)
            and not self._ends_unseen(due)
        )

    def _ends_unseen(self, due: Due) -> bool:
        """Whether the time of a track was over before the frame."""
        table, span = due.state.hypotheses.table, due.state.span(due.time_s, self._config)
        left = self._config.max_age - (span - 1)
        return span > 1 and table.in_c.any_over(len(table), 0, left)

    def begin(self, due: Mapping[int, Due]) -> Begun:
        """Reads the detections of frames that it takes, all of one predictor. Frames in which
        one is unusable, repeats another one or is outside the picture are left out. Nothing has
        changed yet."""
        try:
            frames = self._free.pop()
        except IndexError:
            frames = self._new_frames()
        usual = self._read(frames, due)
        if len(usual) < len(due):
            self._read(frames, usual)
        return Begun(usual, partial(self._run, frames, usual))

    def _new_frames(self) -> FramesInC:
        config, network = self._config, self._association.network
        problems = self._association.new_problems()
        margins = np.array([margin(False), margin(True)])
        return FramesInC(problems, network, PLAIN_LIMITS, margins, config.min_hits, config.max_age)

    def _read(self, frames: FramesInC, due: Mapping[int, Due]) -> Mapping[int, Due]:
        frames.clear()
        for state, _, found, time_s, image_size, _ in due.values():
            hypotheses, table = state.hypotheses, state.hypotheses.table
            frames.add(
                table.in_c, found.in_c if isinstance(found, Detections) else found,
                image_size or (0, 0), len(table), state.span(time_s, self._config),
                hypotheses.most(len(found), self._config.hypotheses) > 1, table.mixed,
            )  # fmt: skip
        usual = frames.admit()
        if all(usual):
            return due
        return {number: each for (number, each), own in zip(due.items(), usual, strict=True) if own}

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
            number: self._finished(each, frames, place, thought, far[place])
            for place, (number, each) in enumerate(due.items())
        }
        self._free.append(frames)
        return tracks

    def _finished(
        self, due: Due, frames: FramesInC, place: int, thought: Thought, far: Sequence[int]
    ) -> Tracks:
        """What is left of a frame that came so ``far``, as UsualFrames.settle says it."""
        mixed, births, how_far = far
        state, settled = due.state, list[Settled]()
        state.camera = None
        if how_far != OPEN:
            state.hypotheses.stay()
            state.hypotheses.table.mixed = bool(mixed)
        if how_far == REPORTED:
            return self._reported(due, frames.result(place, len(state.hypotheses.table)))
        if births or how_far == OPEN:
            settled = self._decide(due, frames, place, thought)
        if how_far == OPEN:
            observe_together(self._association, due.predictor, settled)
        return self._end(due, settled)

    def _reported(self, due: Due, columns: ResultColumns) -> Tracks:
        """Of a frame whose result is written."""
        state, _, found, time_s, _, names = due
        frame = state.frame
        data: Mapping[str, Any] = {}
        if isinstance(found, Detections):
            names = names or found.class_names
            data = data_of(found, columns["det_ind"])
        state.frame += 1
        return Tracks.of_columns(
            frame, time_s, columns, ended=NOBODY, frame_rate=state.frame_rate(self._config),
            data=data, class_names=names,
        )  # fmt: skip

    def _decide(self, due: Due, frames: FramesInC, place: int, thought: Thought) -> list[Settled]:
        """Of a frame in which tracks start or which may be answered in several ways."""
        hypotheses, most = due.state.hypotheses, self._config.hypotheses
        (question,) = hypotheses.questions(as_detections(due.found), most)
        decided = self._association.decided(frames, place, question, thought)
        return hypotheses.advance([decided], most)

    def _end(self, due: Due, settled: Sequence[Settled]) -> Tracks:
        """Starts, ends and reports, as Tracker.update does."""
        state, config = due.state, self._config
        state.hypotheses.start(settled, due.predictor)
        ended = state.hypotheses.end(config.min_hits, config.max_age)
        return state.report(due.time_s, config, ended, as_detections(due.found), due.class_names)


def usual_frames(
    association: Association, appearance: object, config: TrackerConfig
) -> UsualFrames | None:
    """None where these have frames that C does not know, and without the library."""
    if type(association) is CompiledAssociation and nothing_told(appearance, config):
        return UsualFrames(association, config)
    return None
