"""What a frame costs by stage. The timers sit around named functions of the tracker while a profile
is taken, and nowhere else: an update that is not profiled has none. The stages are those of a
tracker that takes each frame step by step, which costs more than an update does (Tracker.by_step).

>>> profile(TrackerConfig(), load_predictor(), apart(100, 60)).stages["predict"].in_c_ms
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.association.exits import with_margins
from mambatrack.association.interface import Association, Decided, Question, Weigh
from mambatrack.association.loading import load_association
from mambatrack.association.problem import Candidates, Scores
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, TimedBoxes, by_frame
from mambatrack.kernels.cpu import library
from mambatrack.motion.predictor import Predictor
from mambatrack.tracking import tracker as of_tracker
from mambatrack.tracking.hypotheses import Hypotheses, Settled
from mambatrack.tracking.tracker import Tracker
from mambatrack.tracking.tracker_state import TrackerState

STAGES = ("admit", "predict", "describe", "score", "decide", "settle", "report", "rest")
AGAIN = ("describe", "score")  # done once more to be timed, as they are part of one call
PASSES = 3
READINGS = 1000  # of the clock, to know what one takes
TIMED = (
    ("admit", of_tracker, "as_detections"), ("admit", TrackerState, "admit"),
    ("predict", of_tracker, "predict_together"), ("decide", of_tracker, "associate_together"),
    ("settle", of_tracker, "observe_together"), ("settle", Hypotheses, "start"),
    ("settle", Hypotheses, "end"), ("settle", Hypotheses, "end_unseen"),
    ("report", TrackerState, "report"),
)  # fmt: skip

Place = tuple[str, bool]  # a stage, and whether inside the C library
Call = Callable[..., Any]


@dataclass(frozen=True)
class Stage:
    """Milliseconds of CPU time of a frame, on average; in_c_ms: of these inside the C library."""

    ms: float
    in_c_ms: float


@dataclass(frozen=True)
class Counts:
    """Of a frame, on average; what several hypotheses have alike counts once.

    predicted: tracks; pairs, tracks, detections: that are scored for the likeliest hypothesis
    matched: pairs that are remembered; hypotheses: after the frame
    contested_pairs, contested_tracks, contested_detections: that all networks score, not one alone
    """

    predicted: float
    pairs: float
    tracks: float
    detections: float
    matched: float
    hypotheses: float
    contested_pairs: float
    contested_tracks: float
    contested_detections: float


@dataclass(frozen=True)
class StageProfile:
    """update_ms: of the same frames without any timer, on average."""

    boxes: str
    people: float
    update_ms: float
    stages: dict[str, Stage]
    counts: Counts


class Clock:
    """CPU time of the thread by place. A function that is called by another one has its own.

    What it takes to read the clock is measured first, and taken off.
    """

    def __init__(self) -> None:
        self._spent: dict[Place, list[int]] = {}
        self._place: Place | None = None  # nowhere: not counted
        self._since = 0
        for _ in range(READINGS):
            self.go(("reading", False))
        self._reading = min(self._spent["reading", False])
        self.start()

    def start(self) -> None:
        """Of a frame: nothing is spent yet."""
        self._spent = {}
        self._place = None

    @property
    def spent(self) -> dict[Place, int]:
        """Nanoseconds since start()."""
        return {
            place: sum(max(each - self._reading, 0) for each in times)
            for place, times in self._spent.items()
        }

    def go(self, place: Place | None) -> Place | None:
        """From now on time is spent there -> where it was spent so far."""
        now, before = time.thread_time_ns(), self._place
        if before is not None:
            self._spent.setdefault(before, []).append(now - self._since)
        self._place, self._since = place, now
        return before

    def around(self, stage: str, call: Call) -> Call:
        """The same function, whose time is that of the stage."""

        def timed(*values: Any, **named: Any) -> Any:
            before = self.go((stage, False))
            try:
                return call(*values, **named)
            finally:
                self.go(before)

        return timed

    def around_c(self, call: Call) -> Call:
        """The same function of the C library, for the stage that calls it."""

        def timed(*values: Any) -> Any:
            before = self._place
            if before is not None:
                self.go((before[0], True))
            result = call(*values)
            self.go(before)
            return result

        return timed


class Counter:
    """Counts of the frame that is on its way."""

    def __init__(self) -> None:
        self.of_frame = [0] * 9

    def predicted(self, due: Sequence[tuple[Hypotheses, int]]) -> None:
        tables = [table["stamp"] for hypotheses, _ in due for table in hypotheses.tables]
        self.of_frame[0] = len(np.unique(np.concatenate(tables)))

    def scored(self, given: Candidates, scores: Scores, of_all_networks: Scores) -> None:
        self.of_frame[1:4] = len(given.tracks), given.track_count, given.detection_count
        (contested,) = (scores.pairs == of_all_networks.pairs).nonzero()
        sides = given.tracks[contested], given.detections[contested]
        self.of_frame[6:] = len(contested), *(len(np.unique(side)) for side in sides)

    def settled(self, settled: Sequence[Settled]) -> None:
        pairs: set[tuple[int, int]] = set()
        for problem, (chosen, _), _ in settled:
            stamps = problem.table["stamp"][problem.candidates.tracks[chosen]]
            seen = problem.candidates.detections[chosen]
            pairs.update(zip(stamps.tolist(), seen.tolist(), strict=True))
        self.of_frame[4:6] = len(pairs), len(settled)


def profile(
    config: TrackerConfig, predictor: Predictor, boxes: TimedBoxes, passes: int = PASSES
) -> StageProfile:
    """Times the stages on the boxes: of each frame the least time of all passes counts."""
    association = load_association(config)
    whole, stages, counts = [], [], []
    for _ in range(passes):
        whole.append(_untimed(config, predictor, association, boxes))
        spent, counted = _by_stage(config, predictor, association, boxes)
        stages.append(spent)
        counts.append(counted)
    ms = np.min(stages, axis=0).mean(axis=0) / 1e6  # [stages, 2]: in Python, in C
    ms[:, 0] += ms[:, 1]
    return StageProfile(
        boxes.name,
        boxes.people,
        float(np.min(whole, axis=0).mean() / 1e6),
        {name: Stage(*own) for name, own in zip(STAGES, ms.tolist(), strict=True)},
        Counts(*counts[0].mean(axis=0).tolist()),
    )


def _untimed(
    config: TrackerConfig, predictor: Predictor, association: Association, boxes: TimedBoxes
) -> NDArray[np.float64]:
    """-> [frames] nanoseconds of update()."""
    spent = []
    for video in boxes.videos:
        tracker = Tracker(config, video.size, predictor, association)
        for number, found in enumerate(by_frame(video)):
            began = time.thread_time_ns()
            tracker.update(found)
            if number >= WARM_UP:
                spent.append(time.thread_time_ns() - began)
    return np.array(spent, float)


def _by_stage(
    config: TrackerConfig, predictor: Predictor, association: Association, boxes: TimedBoxes
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """-> [frames, stages, 2] nanoseconds in Python and in C, and [frames, 6] Counts."""
    clock, counter = Clock(), Counter()
    spent, counts = [], []
    with _timers(clock, counter, association):
        for video in boxes.videos:
            tracker = Tracker(config, video.size, predictor, association)
            tracker.by_step = True
            for number, found in enumerate(by_frame(video)):
                clock.start()
                clock.go(("rest", False))
                tracker.update(found)
                clock.go(None)
                if number >= WARM_UP:
                    spent.append(_of_stages(clock.spent))
                    counts.append(list(counter.of_frame))
    return np.array(spent, float), np.array(counts, float)


def _of_stages(spent: Mapping[Place, float]) -> NDArray[np.float64]:
    """[stages, 2]. What was done again is taken out of the call that it is a part of: its time in
    C where it has one, as the rest of it is not done in that call."""
    rows = np.array([[spent.get((name, in_c), 0.0) for in_c in (False, True)] for name in STAGES])
    again = [STAGES.index(name) for name in AGAIN]
    if rows[again, 1].any():
        rows[again, 0] = 0
    decide = STAGES.index("decide")
    rows[decide] = np.maximum(rows[decide] - rows[again].sum(axis=0), 0)
    return rows


@contextmanager
def _timers(clock: Clock, counter: Counter, association: Association) -> Iterator[None]:
    """Timers around what TIMED names, around each function of the C library and the association."""
    calls: dict[tuple[Any, str], Call] = {
        (owner, name): clock.around(stage, getattr(owner, name)) for stage, owner, name in TIMED
    }
    notes: dict[str, Call] = {
        "predict_together": counter.predicted,
        "observe_together": counter.settled,
    }
    for name, note in notes.items():
        calls[of_tracker, name] = _noted(clock, note, calls[of_tracker, name])
    calls[association, "decide"] = _with_again(clock, counter, association)
    if library.available():
        in_c = library.library()
        functions = [(name, each) for name, each in vars(in_c).items() if callable(each)]
        calls |= {(in_c, name): clock.around_c(each) for name, each in functions}
    before = {(owner, name): vars(owner).get(name) for owner, name in calls}
    try:
        for (owner, name), call in calls.items():
            setattr(owner, name, call)
        yield
    finally:
        for (owner, name), own in before.items():
            if own is None:  # it is that of the class
                delattr(owner, name)
            else:
                setattr(owner, name, own)


def _noted(clock: Clock, note: Call, call: Call) -> Call:
    """The same function, of whose last argument a note is taken, in no stage's time."""

    def noted(*values: Any) -> Any:
        before = clock.go(None)
        note(values[-1])
        clock.go(before)
        return call(*values)

    return noted


def _with_again(clock: Clock, counter: Counter, association: Association) -> Call:
    """Its decide(), then the likeliest hypothesis is described and scored again, to be timed."""
    decide = association.decide

    def decided(questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        answers = decide(questions, weigh)
        first, (problem, *_) = questions[0], with_margins([e.problem for e in answers], questions)
        before = clock.go(("describe", False))
        given = association.describe(*first[:3])
        clock.go(("score", False))
        (scores,) = association.score([problem])
        clock.go(None)
        counter.scored(given, scores, *association.score([problem._replace(candidates=given)]))
        clock.go(before)
        return answers

    return decided
