"""The two steps of a frame that several trackers take together: each network is called once."""

from collections.abc import Iterable, Sequence

import numpy as np

from mambatrack.appearance.view import View
from mambatrack.association.interface import Association
from mambatrack.boxes import Boxes
from mambatrack.detections import Detections
from mambatrack.motion.predictor import Predictor
from mambatrack.track_table import SHARED_CALL_TRACKS, TrackTable
from mambatrack.tracking.hypotheses import Hypotheses, Settled


def predict_together(predictor: Predictor, due: Iterable[tuple[Hypotheses, int]]) -> None:
    """All tracks of all hypotheses their span of frames on, at least 1: one batched call for each
    frame or, where there are many tracks, one for each table."""
    spans = [(table, span) for hypotheses, span in due for table in hypotheses.tables]
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
        table.predict(boxes, spread, span)


def _predict(predictor: Predictor, tables: Sequence[TrackTable]) -> list[tuple[Boxes, Boxes]]:
    """One frame on -> boxes and spread of each table."""
    states = [table["motion"] for table in tables]
    if len(states) < 2 or sum(map(len, states)) > SHARED_CALL_TRACKS:
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
    """Describes, scores, chooses and remembers, for every hypothesis of every tracker. views: the
    picture of each, None where nobody looks at it; may be left out. -> what is decided in each of
    the hypotheses that go on, at most ``most`` of a tracker."""
    problems = [hypotheses.problems(association, found) for hypotheses, found in due]
    scores = iter(association.score([each for own in problems for each in own]))
    views, settled = views or [None] * len(due), []
    for (hypotheses, _), own, view in zip(due, problems, views, strict=True):
        given = [next(scores) for _ in own]
        weighed = given if view is None else view.weigh(own, given)
        settled.append(hypotheses.advance(association, own, weighed, most))
    every = [each for own in settled for each in own]
    association.remember([each.problem for each in every], [each.decision for each in every])
    for decided, view in zip(settled, views, strict=True):
        if view is not None:
            view.remember([(each.problem, each.decision) for each in decided])
    return settled
