"""Average precision on cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.datasets.average_precision import Boxes, average_precision

TRUE = np.array([[0, 0, 10, 20], [50, 0, 60, 20]], float)
FALSE = np.array([[100, 100, 110, 120]], float)


def boxes(rows, scores):
    return Boxes(np.asarray(rows, float).reshape(-1, 4), np.asarray(scores, float))


@pytest.mark.parametrize(
    ("rows", "scores", "expected"),
    [
        (TRUE, [0.9, 0.8], 1),
        (TRUE[:1], [0.9], 0.5),
        ([*FALSE, *TRUE], [0.9, 0.8, 0.7], 2 / 3),  # precisions 0, 1/2, 2/3: the higher at both
        ([*TRUE, *FALSE], [0.9, 0.8, 0.7], 1),
        ([TRUE[0], TRUE[0], TRUE[1]], [0.9, 0.8, 0.7], 0.5 + 0.5 * 2 / 3),  # one twice
        (TRUE + 6, [0.9, 0.8], 0),
        ([], [], 0),
    ],
)
def test_by_hand(rows, scores, expected):
    truth = boxes(TRUE, [1, 1])
    assert average_precision([boxes(rows, scores)], [truth]) == pytest.approx(expected)


def test_whom_the_truth_doubts_need_not_be_found():
    truth = boxes(TRUE, [1, 0.3])
    assert average_precision([boxes(TRUE, [0.5, 0.9])], [truth]) == pytest.approx(1)
    assert average_precision([boxes(TRUE[:1], [0.5])], [truth]) == pytest.approx(1)


def test_pictures_are_apart_and_no_truth_is_no_number():
    found = [boxes(TRUE, [0.9, 0.8]), boxes([], [])]
    truth = [boxes([], []), boxes(TRUE, [1, 1])]
    assert average_precision(found, truth) == 0
    assert np.isnan(average_precision([boxes(TRUE, [0.9, 0.8])], [boxes([], [])]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999))
def test_only_the_order_of_the_scores_counts(seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 40, (8, 2))
    rows = np.hstack([corners, corners + 12])
    truth = [boxes(rows[:4] + rng.normal(0, 2, (4, 4)), np.ones(4))]
    scores = rng.permutation(8) / 10
    first, second = (
        average_precision([boxes(rows, each)], truth) for each in (scores, scores**3 + 5)
    )
    assert first == pytest.approx(second) and 0 <= first <= 1
