"""The steps that several trackers take together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counted_predictors import Counted
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.config import TrackerConfig
from mambatrack.detections import as_detections
from mambatrack.motion.classical import KalmanPredictor
from mambatrack.track_table import SHARED_CALL_TRACKS, TrackTable
from mambatrack.tracking.hypotheses import Hypotheses
from mambatrack.tracking.steps import associate_together, predict_together
from test_tracking_hypotheses import association_of


def hypotheses_of(*counts, seed=0):
    """A table for each count, of so many tracks anywhere."""
    rng, predictor, tables = np.random.default_rng(seed), KalmanPredictor(), []
    for count in counts:
        corners = rng.uniform(0, 500, (count, 2))
        found = as_detections(np.column_stack([corners, corners + rng.uniform(10, 90, (count, 2))]))
        tables.append(TrackTable(predictor.state_size))
        if count:
            boxes = xyxy_to_cxcywh(found.boxes)
            tables[-1].start(boxes, predictor.start(boxes), found, np.arange(count))
    return Hypotheses(tables, [0.0] * len(counts))


counts = st.lists(st.sampled_from([0, 1, 3, SHARED_CALL_TRACKS]), min_size=1, max_size=3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(counts, st.integers(1, 4)), max_size=4))
def test_tables_together_go_where_each_goes_alone(given_):
    together = [(hypotheses_of(*each, seed=i), span) for i, (each, span) in enumerate(given_)]
    alone = [(hypotheses_of(*each, seed=i), span) for i, (each, span) in enumerate(given_)]
    predict_together(KalmanPredictor(), together)
    for hypotheses, span in alone:
        predict_together(KalmanPredictor(), [(hypotheses, span)])
    for (ours, span), (theirs, _) in zip(together, alone, strict=True):
        for one, other in zip(ours.tables, theirs.tables, strict=True):
            assert one.span == span and (one["gap"] == span).all()
            for name in ("boxes", "spread", "motion"):
                np.testing.assert_array_equal(one[name], other[name], name)


def test_few_tracks_are_one_call_a_frame_and_many_are_one_a_table():
    few, many = Counted(), Counted()
    predict_together(few, [(hypotheses_of(2, 3), 1), (hypotheses_of(4), 2)])
    assert few.calls == [9, 4]
    predict_together(many, [(hypotheses_of(2, SHARED_CALL_TRACKS), 1)])
    assert many.calls == [2, SHARED_CALL_TRACKS]


def test_no_tracks_are_asked_for_once_however_long_it_was():
    nobody = Counted()
    predict_together(nobody, [(hypotheses_of(0), 50)])
    assert nobody.calls == [0]


@pytest.mark.parametrize(("most", "tables"), [(1, 1), (2, 2), (5, 2)])
def test_each_tracker_goes_on_with_its_own_answers(most, tables):
    """One tracker is in doubt who is who, the other is not."""
    rows = [[0, 0, 100, 200, 0.9], [40, 0, 140, 200, 0.9]]
    found = as_detections(rows)
    doubt, clear = [[2.0, 2.5], [2.5, 2.0]], [[8.0, -8.0], [-8.0, 8.0]]
    odds = np.block([[np.array(doubt), np.full((2, 2), -9.0)],
                     [np.full((2, 2), -9.0), np.array(clear)]])  # fmt: skip
    association = association_of([odds])
    due = []
    for _ in range(2):
        table, boxes = TrackTable(20, association.memory_size), xyxy_to_cxcywh(found.boxes)
        table.start(boxes, KalmanPredictor().start(boxes), found, np.arange(2))
        due.append((Hypotheses([table], [0.0]), found))
    predict_together(KalmanPredictor(), [(hypotheses, 1) for hypotheses, _ in due])
    doubtful, certain = associate_together(association, due, most)
    assert len(doubtful) == len(due[0][0].tables) == tables and len(certain) == 1
    given_pairs = doubtful[0].problem.candidates
    best = doubtful[0].decision.chosen
    assert given_pairs.detections[best][np.argsort(given_pairs.tracks[best])].tolist() == [1, 0]
    assert TrackerConfig().hypotheses == 3
    for hypotheses, _ in due:
        for table in hypotheses.tables:
            assert table["memory"].shape == (2, association.memory_size)
