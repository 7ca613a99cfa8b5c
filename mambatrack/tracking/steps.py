"""The two steps of a frame that several trackers take together: each network is called once."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np

from mambatrack.appearance.view import View
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.interface import Association, FrameProblem, Scores, Weigh
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.motion.compiled_predictor import CompiledPredictor
from mambatrack.motion.device_predictor import DeviceCausalPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.track_table import SHARED_CALL_TRACKS, TrackTable
from mambatrack.tracking.hypotheses import Hypotheses, Settled


def predict_together(predictor: Predictor, due: Iterable[tuple[Hypotheses, int]]) -> None:
    """All tracks of all hypotheses their span of frames on, at least 1: one batched call for each
    frame or, where there are many tracks, one for each table."""
    if isinstance(predictor, CompiledPredictor):
        predictor.predict_tables(
            [
                (table, span, number > 0)
                for hypotheses, span in due
                for number, table in enumerate(hypotheses.tables)
            ]
        )
        return
    spans, steadied = [], []
    for hypotheses, span in due:
        spans += [(table, span) for table in hypotheses.tables]
        steadied += [hypotheses.table.jitter] * len(hypotheses.tables)
    predicted: dict[int, tuple[Boxes, Boxes]] = {}
    for frame in range(max((span for _, span in spans), default=0)):
        moving = [
            number
            for number, (table, span) in enumerate(spans)
            if frame < span and (len(table) or not frame)
        ]
        moved = _predict(predictor, [spans[number][0] for number in moving])
        predicted.update(zip(moving, moved, strict=True))
    for number, (boxes, spread) in predicted.items():
        table, span = spans[number]
        table.predict(boxes, spread, span, steadied[number])


def _predict(predictor: Predictor, tables: Sequence[TrackTable]) -> list[tuple[Boxes, Boxes]]:
    """One frame on -> boxes and spread of each table."""
    states = [table["motion"] for table in tables]
    small = isinstance(predictor, DeviceCausalPredictor)  # its rows are, and a call is a launch
    if len(states) < 2 or (sum(map(len, states)) > SHARED_CALL_TRACKS and not small):
        return [predictor.predict(state) for state in states]
    ends, joined = np.cumsum([len(state) for state in states])[:-1], np.concatenate(states)
    boxes, spread = predictor.predict(joined)
    for state, moved in zip(states, np.split(joined, ends), strict=True):
        state[:] = moved
    return list(zip(np.split(boxes, ends), np.split(spread, ends), strict=True))


def associate_together(
    association: Association,
    due: Sequence[tuple[Hypotheses, Detections]],
    most: int,
    views: Sequence[View | None] = (),
) -> list[list[Settled]]:
    """Describes, scores and chooses, for every hypothesis of every tracker. views: the picture of
    each, None where nobody looks at it; may be left out. -> what is decided in each of the
    hypotheses that go on, at most ``most`` of a tracker."""
    views = views or [None] * len(due)
    for (hypotheses, _), view in zip(due, views, strict=True):
        if view is not None:
            view.exchange(hypotheses.tables)
    questions = [hypotheses.questions(found, most) for hypotheses, found in due]
    weigh = _weighing(views, list(map(len, questions))) if any(views) else None
    decided = iter(association.decide([each for own in questions for each in own], weigh))
    settled = [
        hypotheses.advance([next(decided) for _ in own], most)
        for (hypotheses, _), own in zip(due, questions, strict=True)
    ]
    for own, view in zip(settled, views, strict=True):
        if view is not None:
            view.remember([(each.problem, each.decision) for each in own])
    return settled


def _weighing(views: Sequence[View | None], counts: Sequence[int]) -> Weigh:
    """What the pictures add to the scores of the tables of all trackers, ``counts`` of each."""

    def weigh(problems: Sequence[FrameProblem], scores: Sequence[Scores]) -> list[Scores]:
        weighed: list[Scores] = []
        for view, count, end in zip(views, counts, accumulate(counts), strict=True):
            own = slice(end - count, end)
            weighed += scores[own] if view is None else view.weigh(problems[own], scores[own])
        return weighed

    return weigh


def observe_together(
    association: Association, predictor: Predictor, settled: Sequence[Settled]
) -> None:
    """The association remembers what was decided, and the matched tracks are moved to their
    detections."""
    problems = [each.problem for each in settled]
    decisions = [each.decision for each in settled]
    if isinstance(association, CompiledAssociation) and isinstance(predictor, CompiledPredictor):
        association.observe(predictor.in_c, problems, decisions)
        return
    association.remember(problems, decisions)
    last, by = None, None
    for (table, found, boxes, given), (chosen, _), _ in settled:
        if found is not last:  # the likeliest hypothesis of a tracker
            last, by = found, table.jitter
        rows, seen = given.tracks[chosen], given.detections[chosen]
        boxes = boxes.take(seen, axis=0)
        shown = table.steadied(by, rows, boxes)
        predictor.correct(table["motion"], rows, shown)
        table.observe(rows, boxes, found, seen, shown)
