"""Where a network is sure, no other decision of the block comes near its own."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Tracker, as_detections
from mambatrack.association.exits import Lowest, contested, part_of, with_margins
from mambatrack.association.problem import Candidates, FrameProblem, Scores

MARGIN = 2.0


def problem(pairs, people):
    """Pairs (track, detection, odds) and the odds of each detection that it is a person."""
    tracks, detections = (np.array([each[i] for each in pairs], np.int64) for i in (0, 1))
    odds = np.array([each[2] for each in pairs], np.float32)
    features, alone = odds[None], np.array([people], np.float32)
    given = Candidates(tracks, detections, features, alone, 1 + max(tracks, default=-1), MARGIN)
    return given, Scores(odds, alone[0])


def sure(pairs, people=(9.0, 9.0, 9.0), match_odds=0.0, birth_odds=0.0):
    lowest = Lowest(match_odds, birth_odds)
    return (~contested(*problem(pairs, people), lowest)).tolist()


@pytest.mark.parametrize(
    ("odds", "clear"), [(2.0, True), (1.9, False), (-1.9, False), (-2.0, True), (np.nan, True)]
)
def test_one_pair_is_clear_from_the_margin_on(odds, clear):
    assert sure([(0, 0, odds)]) == [clear]
    assert sure([(0, 0, odds + 1)], match_odds=1.0) == [clear]


@pytest.mark.parametrize(("people", "clear"), [(2.0, True), (1.9, False), (-2.0, True)])
def test_a_detection_that_is_left_is_clearly_a_person_or_clearly_none(people, clear):
    assert sure([(0, 0, -9.0)], [people]) == [clear]
    assert sure([(0, 0, -9.0)], [people + 1], birth_odds=1.0) == [clear]
    assert sure([(0, 0, 9.0)], [0.0]) == [True]


def test_a_second_choice_that_is_near_is_a_contest_of_its_whole_block_alone():
    near = [(0, 0, 9.0), (0, 1, 7.5), (1, 1, -9.0)]
    assert sure([*near, (2, 2, 9.0)]) == [False, False, False, True]


def test_a_free_track_may_want_what_another_one_has_more_of():
    """The tracks both want it, but of the two it wants only one."""
    assert sure([(0, 0, 9.0), (1, 0, 3.0)]) == [True, True]
    assert sure([(0, 0, 9.0), (1, 0, 8.0)]) == [False, False]


def test_no_pairs_are_no_contest():
    assert sure([]) == []


def decisions(pairs):
    """All sets of pairs that share no track and no detection."""
    for taken in product([False, True], repeat=len(pairs)):
        chosen = [pair for pair, is_taken in zip(pairs, taken, strict=True) if is_taken]
        sides = [{each[i] for each in chosen} for i in (0, 1)]
        if all(len(side) == len(chosen) for side in sides):
            yield np.array(taken), sum(each[2] for each in chosen)


cells = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(-8, 8), min_size=1, max_size=8
)


@settings(max_examples=100, deadline=None)
@given(cells)
def test_every_other_decision_of_a_clear_block_is_worse_by_the_margin(odds):
    pairs = [(*cell, float(value)) for cell, value in odds.items()]
    clear = np.array(sure(pairs, [9.0] * 4))
    ways = list(decisions(pairs))
    best, most = max(ways, key=lambda way: way[1])
    for taken, worth in ways:
        if (taken != best)[clear].any():
            assert most - worth >= MARGIN


def test_a_part_has_numbers_of_its_own():
    given, _ = problem([(0, 2, 1.0), (3, 1, 2.0), (3, 2, 3.0), (5, 4, 4.0)], range(6))
    part, rows, columns = part_of(given, np.array([1, 2]))
    assert (rows.tolist(), columns.tolist(), part.track_count) == ([3], [1, 2], 1)
    assert (part.tracks.tolist(), part.detections.tolist()) == ([0, 0], [0, 1])
    assert (part.features.tolist(), part.alone.tolist()) == ([[2, 3]], [[1, 2]])


def test_blocks_that_are_the_same_in_all_tables_may_be_rough_where_tables_are_compared():
    tracker = Tracker()
    corners = np.array([[100, 50], [130, 50], [600, 50], [630, 50], [1100, 50]])
    found = as_detections(np.concatenate([corners, corners + [40, 120]], axis=1))
    for _ in range(2):
        tracker.update(found)
    table = tracker.state.hypotheses.table
    other, third = table.copy(), table.copy()
    other["stamp"][2] += 1
    other["memory"][2] += 1  # as after another detection
    third["stamp"][:] += 9  # as where a state was restored
    found = as_detections(found.boxes + 3)
    tracker.state.hypotheses.tables = [table, other, third]
    questions = tracker.state.hypotheses.questions(found, 3)
    problems = [FrameProblem(*q[:3], tracker.association.describe(*q[:3])) for q in questions]
    for each in with_margins(problems, questions):
        tracks, detections, *_, sure = each.candidates
        assert len(tracks) == 9
        np.testing.assert_array_equal(sure, np.where(np.isin(tracks, [2, 3]), np.inf, 4.0))
    (alone,) = with_margins(problems[:1], tracker.state.hypotheses.questions(found, 3)[:1])
    assert alone.candidates.sure_by == 4.0


def test_where_looks_are_added_to_the_odds_nothing_is_clear_before():
    tracker, margins = Tracker(), []
    found = as_detections([[100, 50, 140, 170, 0.9]])
    tracker.update(found)

    def weigh(problems, scores):
        margins.extend(each.candidates.sure_by for each in problems)
        return list(scores)

    questions = tracker.state.hypotheses.questions(found, 5)
    tracker.association.decide(questions, weigh)
    assert margins == [np.inf]
