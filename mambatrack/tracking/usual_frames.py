"""Frames of one or several trackers in a few calls of the C library, where nothing is unusual: of
the learned association with a predictor in C. tracker.py and group.py say step by step what a frame
does, and take all other frames."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from math import isqrt
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from mambatrack.appearance.appearance import Appearance
from mambatrack.appearance.doubts import Doubts
from mambatrack.appearance.glance import Glance, glance_at, looks_by
from mambatrack.appearance.looks import Looks
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.crowds import MOST_PAIRS, TILE
from mambatrack.association.exits import margin
from mambatrack.association.interface import Association, Decided
from mambatrack.camera.transforms import CameraMotion
from mambatrack.config import TrackerConfig
from mambatrack.detections import PLAIN_LIMITS, Detections, as_detections
from mambatrack.kernels.cpu.found import FoundColumns
from mambatrack.kernels.cpu.problem_structs import Thought
from mambatrack.kernels.cpu.table import result_column
from mambatrack.kernels.cpu.usual_frames import UsualFrames as FramesInC
from mambatrack.kernels.cpu.usual_structs import OPEN, REPORTED, Far, Kept, Usually
from mambatrack.motion.compiled_predictor import CompiledPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.settings import MemoryConfig
from mambatrack.track_columns import new_stamp
from mambatrack.track_table import NOBODY
from mambatrack.tracking.hypotheses import GIVE_UP_BEHIND, HYPOTHESES_TRACKS, Settled, born_in
from mambatrack.tracking.leaps import reach_of
from mambatrack.tracking.steps import observe_together
from mambatrack.tracking.tracker_state import TrackerState, data_of
from mambatrack.tracking.whole_frame import Predicting, nothing_told
from mambatrack.tracks import Tracks


class Tracked(Protocol):
    """What a frame needs of a Tracker."""

    state: TrackerState
    predictor: Predictor
    class_names: tuple[str, ...]
    appearance: Appearance | None

    @property
    def image_size(self) -> tuple[int, int] | None: ...


# what was found, as as_given() has it, when, how the camera moved, and the picture; the same of
# this tracker
Given = tuple[NDArray | Detections, float | None, CameraMotion | None, Any]
Due = tuple[Tracked, NDArray | Detections, float | None, CameraMotion | None, Glance | None]


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

    def begin(self, trackers: Mapping[int, Tracked], given: Mapping[int, Given]) -> Begun:
        """Reads the detections of the usual frames among those ``given``, of trackers of one
        predictor: with nothing to rename, in which no detection is unusable, repeats another one or
        is outside the picture. The others are left out. Nothing has changed yet."""
        frames = self._free.pop() if self._free else self._new_frames()
        due: dict[int, Due] = {}
        predictor = next(iter(trackers.values())).predictor
        if isinstance(predictor, CompiledPredictor):
            frames.begin(predictor.in_c)
            for number, tracker in trackers.items():
                found, time_s, camera, image = given[number]
                glance = _glance(tracker, image, found)
                if self._add(frames, tracker, found, time_s, glance):
                    due[number] = tracker, found, time_s, camera, glance
            usual = frames.admit()
            if len(usual) < len(due):
                asked = list(due.items())
                due = dict(asked[place] for place in usual)
        if not due:
            self._free.append(frames)
        return Begun(due, partial(self._run, frames, due))

    def _new_frames(self) -> FramesInC:
        config, network = self._config, self._association.network
        most_found = isqrt(MOST_PAIRS)
        usually = Usually(
            tuple(PLAIN_LIMITS), (margin(False), margin(True)), GIVE_UP_BEHIND, config.hypotheses,
            HYPOTHESES_TRACKS, TILE, most_found, config.min_hits, config.max_age,
            reach_of(config, self._association) > 0,
        )  # fmt: skip
        return FramesInC(self._association.new_problems(), network, usually, looks_by())

    def _add(
        self,
        frames: FramesInC,
        tracker: Tracked,
        found: NDArray | Detections,
        time_s: float | None,
        glance: Glance | None,
    ) -> bool:
        """Whether it is usual as far as is seen without reading the detections: it is among the
        frames then."""
        state, size = tracker.state, tracker.image_size
        hypotheses = state.hypotheses
        rows: NDArray | FoundColumns
        if not isinstance(found, Detections):
            rows = found
        else:
            if found.dropped and not state.dropped:  # a warning is due
                return False
            rows = found.in_c
        if state.ids.renamed or (len(rows) and not hypotheses.started):
            return False
        if len(hypotheses.tables) + len(hypotheses.spare) < self._config.hypotheses:
            most = hypotheses.most(len(rows), self._config.hypotheses)
            hypotheses.spare.fill(most - len(hypotheses.tables), hypotheses.table)
        held = [
            (table.in_c, len(table), table.mixed, likelihood)
            for table, likelihood in zip(hypotheses.tables, hypotheses.likelihoods, strict=True)
        ]
        span, next_id = state.span(time_s, self._config), hypotheses.table.next_id
        frames.add(
            held, hypotheses.spare.in_c, rows, size, span, next_id, glance, state.memory is not None
        )
        return True

    def _run(
        self, frames: FramesInC, due: Mapping[int, Due], predicting: Predicting | None
    ) -> dict[int, Tracks]:
        asked = list(due.items())
        told = [self._next_frame(*each) for _, each in asked]  # while all is in the caches
        with predicting or nullcontext():
            frames.predict()
            for tracker in [each[0] for _, each in asked if each[3] is not None]:
                tracker.state.move_along(self._association, tracker.predictor)
        self._exchange(frames, [each[0] for _, each in asked])
        thought = frames.think()
        tracks = {}
        for place, far in enumerate(frames.settle(new_stamp(), thought)):
            number, each = asked[place]
            kept = [] if far.same else frames.kept(far)
            if far.state != REPORTED:
                tracks[number] = self._finished(each, frames, thought, place, far, kept)
                continue
            if kept:
                each[0].state.hypotheses.go_on_in(kept, far)
            if far.ended:
                told[place]["ended"] = frames.ended(place, far)
            tracks[number] = _reported(each[1], told[place], frames.result(far))
        self._free.append(frames)
        return tracks

    @staticmethod
    def _exchange(frames: FramesInC, trackers: Sequence[Tracked]) -> None:
        """View.exchange."""
        if places := frames.exchanges():
            tables = [table for each in trackers for table in each.state.hypotheses.tables]
            for place in places:
                Doubts(Looks(tables[place])).exchange()

    def _next_frame(
        self,
        tracker: Tracked,
        found: NDArray | Detections,
        time_s: float | None,
        camera: CameraMotion | None,
        glance: Glance | None,
    ) -> dict[str, Any]:
        """-> what is known of its result; the rest if it comes to REPORTED."""
        state, config, names = tracker.state, self._config, tracker.class_names
        state.hypotheses.begin(state.advance_clock(time_s, config))
        state.note_camera(camera, tracker.predictor)
        state.frame += 1
        if glance is not None:
            glance.begin()
        if isinstance(found, Detections):
            state.dropped += found.dropped
            names = names or found.class_names
        return {
            "frame": state.frame - 1, "time_s": time_s, "ended": NOBODY, "camera": camera,
            "data": {}, "frame_rate": state.frame_rate(config), "class_names": names,
        }  # fmt: skip

    def _finished(
        self,
        due: Due,
        frames: FramesInC,
        thought: Thought,
        place: int,
        far: Far,
        kept: Sequence[Kept],
    ) -> Tracks:
        """What is left of a frame, number ``place`` of the usual ones, that came so far."""
        tracker, given, time_s, _, glance = due
        state, config, predictor = tracker.state, self._config, tracker.predictor
        hypotheses, found = state.hypotheses, as_detections(given)
        if far.state == OPEN:
            questions = hypotheses.questions(found, config.hypotheses)
            decided = [
                self._association.decided(frames, far.frame + number, question, thought)
                for number, question in enumerate(questions)
            ]
            settled = hypotheses.advance(decided, config.hypotheses)
            if glance is not None:
                _remember(glance, frames, thought, place, far, decided, settled)
            observe_together(self._association, predictor, settled)
            births = born_in(settled)
        else:  # somebody may have leapt, or has no room
            hypotheses.go_on_in(kept, far)
            births = [thought.numbers[each.born :][: each.births] for each in kept]
        hypotheses.start(found, births, predictor)
        ended = hypotheses.end(config.min_hits, config.max_age)
        return state.put_out(time_s, config, ended, found, tracker.class_names)


def _glance(tracker: Tracked, image: Any, found: NDArray | Detections) -> Glance | None:
    return glance_at(tracker.appearance, tracker.state.calibration, image, found)


def _remember(
    glance: Glance, frames: FramesInC, thought: Thought, place: int, far: Far,
    decided: Sequence[Decided], settled: Sequence[Settled],
) -> None:  # fmt: skip
    """View.remember, where numpy decided."""
    view = glance.view(decided[0].problem.found, frames.looking.seen(frames.places[place]))
    for number, each in enumerate(decided):
        first, pairs = frames.pairs_of(far.frame + number, thought)
        view.contest(each.problem.candidates, frames.looking.contested(first, pairs))
    view.remember([(each.problem, each.decision) for each in settled])


def _reported(
    found: NDArray | Detections, told: dict[str, Any], columns: tuple[int, bytes]
) -> Tracks:
    """Of a frame whose result is written."""
    told["columns"] = columns
    if isinstance(found, Detections):
        told["data"] = data_of(found, result_column("det_ind", *columns))
    return Tracks.of_columns(told)


def usual_frames(
    association: Association, memory: MemoryConfig | None, config: TrackerConfig
) -> UsualFrames | None:
    """None where these have frames that C does not know, and without the library. memory: that of
    one tracker."""
    pictures = memory if memory and memory.pictures else None  # are cut in numpy
    if type(association) is CompiledAssociation and nothing_told(pictures, config):
        return UsualFrames(association, config)
    return None
