import json
from dataclasses import fields
from functools import reduce
from operator import add

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.datasets.matching import DetectionRows
from mambatrack.evaluation.occlusion import (
    find_gaps,
    interpolate,
    occlusion_report,
)
from worlds import boxes_at


def standing(frames, identity=1, left=0) -> list[tuple]:
    return [(frame, identity, left) for frame in frames]


def seen(rows, score=0.9) -> DetectionRows:
    boxes = boxes_at(rows)
    return DetectionRows(boxes.frame, boxes.boxes, np.full(len(boxes), score))


def report(truth, detections, observed, predicted=(), **options):
    """Rows of (frame, id, left) each."""
    results = boxes_at([*observed, *predicted])
    hidden = np.arange(len(results)) >= len(observed)
    found = detections if isinstance(detections, DetectionRows) else seen(detections)
    return occlusion_report(boxes_at(truth), found, results, hidden, **options)


def lines(*arguments, **options) -> dict[str, dict]:
    return {row["frames"]: row for row in report(*arguments, **options).rows()}


ONE_TO_TEN = standing(range(1, 11))
AROUND = standing([1, 2, 3, 6, 7, 8, 9, 10])


@pytest.mark.parametrize(
    ("present", "detected", "gaps"),
    [
        (range(1, 11), [1, 2, 3, 6, 7], [(3, 6)]),
        (range(1, 11), [2, 4, 6], [(2, 4), (4, 6)]),
        (range(1, 11), [5], []),  # undetected at the start and at the end
        ([1, 2, 3, 5, 6], [1, 6], []),  # absent in between
        ([1, 2, 3, 5, 6, 7], [1, 3, 5, 7], [(1, 3), (5, 7)]),
        (range(1, 4), [], []),
    ],
)
def test_a_gap_lies_between_two_detections_of_an_object_that_is_present(present, detected, gaps):
    truth = boxes_at(standing(present) + standing(present, identity=2))  # the other is never seen
    before, after = find_gaps(truth, np.isin(truth.frame, detected) & (truth.id == 1))
    assert list(zip(truth.frame[before], truth.frame[after], strict=True)) == gaps


def test_a_score_at_the_trackers_threshold_is_a_detection():
    weak = seen(standing([4, 5]), score=0.6)
    strong = seen(AROUND)
    both = DetectionRows(*(np.concatenate([getattr(each, name) for each in (strong, weak)])
                           for name in ("frame", "boxes", "scores")))  # fmt: skip
    assert report(ONE_TO_TEN, both, AROUND).gaps.sum() == 0
    assert report(ONE_TO_TEN, both, AROUND, match_score=0.61).gaps.sum() == 1


@pytest.mark.parametrize(
    ("length", "name"),
    [(1, "1"), (2, "2-5"), (5, "2-5"), (6, "6-10"), (10, "6-10"), (11, "11-30"), (30, "11-30"),
     (31, "31-60"), (60, "31-60"), (61, "> 60")],
)  # fmt: skip
def test_gaps_and_ghosts_are_sorted_by_length(length, name):
    last = length + 2
    present, ends = standing(range(1, last + 1)), standing([1, last])
    rows = lines(present, ends, ends, [(last - 1, 1, 500)])
    assert {key: row["gaps"] for key, row in rows.items() if row["gaps"]} == {name: 1, "all": 1}
    assert {key for key, row in rows.items() if row["predicted"]} == {name, "all"}


def test_the_same_id_before_and_after_is_recovered():
    same = lines(ONE_TO_TEN, AROUND, AROUND)["2-5"]
    assert (same["gaps"], same["known"], same["recovered"]) == (1, 1, 1)
    changed = standing([1, 2, 3], identity=7) + standing([6, 7, 8], identity=8)
    assert lines(ONE_TO_TEN, AROUND, changed)["2-5"]["recovered"] == 0
    lost = lines(ONE_TO_TEN, AROUND, standing([1, 2, 3]))["2-5"]
    assert (lost["known"], lost["recovered"]) == (1, 0)


def test_a_gap_without_an_id_before_it_is_counted_but_not_judged():
    late = lines(ONE_TO_TEN, AROUND, standing([6, 7, 8]))["2-5"]
    assert (late["gaps"], late["known"]) == (1, 0)
    assert late["recovered"] is None and late["covered"] is None


def test_predicted_boxes_are_compared_with_the_true_ones():
    row = lines(ONE_TO_TEN, AROUND, AROUND, [(4, 1, 6)])["2-5"]
    assert (row["gap_frames"], row["covered"]) == (2, 0.5)
    assert row["iou"] == pytest.approx(24 / 36)
    assert row["centre"] == pytest.approx(6 / 60)
    nothing = lines(ONE_TO_TEN, AROUND, AROUND, [(4, 2, 0)])["2-5"]  # another id's box
    assert (nothing["covered"], nothing["iou"]) == (0, None)


def test_an_id_that_sits_on_another_object_in_the_gap_is_taken():
    neighbour = standing(range(1, 11), identity=2, left=100)
    astray = [*standing([1, 2, 3]), (4, 1, 100), (5, 1, 300), *standing([6, 7])]
    row = lines(ONE_TO_TEN + neighbour, AROUND + neighbour, astray)["2-5"]
    assert (row["covered"], row["taken"]) == (0, 0.5)


def test_ghosts_are_where_nobody_is():
    truth = ONE_TO_TEN + standing(range(1, 11), identity=2, left=100)
    places = [(4, 1, 3), (5, 1, 95), (6, 1, 12), (7, 1, 500)]
    row = lines(truth, truth, standing([1, 2, 3]), places)["all"]
    assert row["predicted"] == 4
    assert (row["ghost"], row["alone"], row["on_other"]) == (0.5, 0.25, 0.25)
    lenient = lines(truth, truth, standing([1, 2, 3]), places, ghost_iou=18 / 42)["all"]
    assert (lenient["ghost"], lenient["on_other"]) == (0.25, 0.25)


def test_a_ghosts_age_counts_from_the_frame_its_id_was_seen():
    seen_twice = standing([1, 4])
    row = report(ONE_TO_TEN, ONE_TO_TEN, seen_twice, standing([2, 3, 5, 6]))
    assert row.predicted.tolist() == [2, 2, 0, 0, 0, 0]
    never_seen = report(ONE_TO_TEN, ONE_TO_TEN, standing([1, 2, 3]), standing([4, 5], identity=3))
    assert never_seen.predicted.tolist() == [1, 1, 0, 0, 0, 0]
    assert never_seen.on_other.sum() == 2


def test_reports_of_sequences_add_up_and_are_plain_json():
    one = report(ONE_TO_TEN, AROUND, AROUND, [(4, 1, 6)])
    two = report(ONE_TO_TEN, AROUND, standing([1, 2, 3]))
    both = reduce(add, [one, two])
    assert both.rows()[1]["recovered"] == 0.5
    assert both.rows()[-1]["gaps"] == 2
    assert json.loads(json.dumps(both.rows(), allow_nan=False)) == both.rows()


@settings(max_examples=25)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    truth = ONE_TO_TEN + standing(range(1, 11), identity=2, left=20)
    observed, hidden = AROUND, [(4, 1, 5), (5, 1, 80)]
    expected = report(truth, AROUND, observed, hidden)
    mixed = [random.sample(rows, len(rows)) for rows in (truth, AROUND, observed, hidden)]
    found = report(*mixed)
    for field in fields(expected):
        np.testing.assert_allclose(getattr(found, field.name), getattr(expected, field.name))


def test_nothing_at_all_has_no_shares():
    nothing = report([], [], [])
    assert all(row["recovered"] is None and row["ghost"] is None for row in nothing.rows())
    assert lines(ONE_TO_TEN, AROUND, [])["all"]["known"] == 0


def test_lines_fill_gaps_up_to_the_limit():
    results = boxes_at([(5, 1, 40), (1, 1, 0), (9, 1, 80), (1, 2, 7), (7, 1, 999)])
    hidden = np.array([False, False, False, False, True])
    whole, filled = interpolate(results, hidden, max_gap=3)
    assert [(f, i, box[0]) for f, i, box in zip(whole.frame, whole.id, whole.boxes, strict=True)
            if i == 1] == [(f, 1, 10 * (f - 1)) for f in (1, 5, 9, 2, 3, 4, 6, 7, 8)]  # fmt: skip
    assert filled.tolist() == [False] * 4 + [True] * 6
    assert not interpolate(results, hidden, max_gap=2)[1].any()
    assert results.boxes[:, 0].tolist() == [40, 0, 80, 7, 999]
    assert len(interpolate(boxes_at([]), np.zeros(0, bool))[0]) == 0
