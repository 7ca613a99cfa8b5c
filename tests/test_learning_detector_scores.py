"""Scores that say how many of such boxes are right."""

import numpy as np
import pytest
import torch

from mambatrack.learning.detector_scores import Curve, fitted, rescored


def boxes(factor, offset, count=4000, seed=0):
    """Scores, and which boxes are right, as a curve says."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1, 1.5, count)
    likely = 1 / (1 + np.exp(-(factor * log_odds + offset)))
    return 1 / (1 + np.exp(-log_odds)), rng.random(count) < likely


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (2.0, 1.0), (0.5, -2.0)])
def test_the_curve_that_made_the_boxes_is_found(factor, offset):
    assert np.allclose(fitted(*boxes(factor, offset)), (factor, offset), atol=0.2)


def test_few_boxes_and_scores_that_say_nothing_leave_scores_as_they_are():
    scores, right = boxes(2.0, 1.0)
    assert fitted(scores[:15], right[:15]) == Curve() == fitted(scores, np.ones(len(scores), bool))
    assert fitted(scores, scores < 0.3) == Curve()


def test_scores_that_part_right_from_wrong_make_a_curve_all_the_same():
    scores = np.linspace(0.05, 0.95, 100)
    assert np.isfinite(fitted(scores, scores > 0.5)).all()


def test_the_last_layers_say_what_the_curve_makes_of_their_scores():
    weights = {"out.0.weight": torch.rand(5, 3, 1, 1), "out.0.bias": torch.rand(5),
               "lateral.0.bias": torch.rand(4)}  # fmt: skip
    changed = rescored(weights, Curve(2.0, -1.0))
    x = torch.rand(3)
    before, after = (
        each["out.0.weight"][..., 0, 0] @ x + each["out.0.bias"] for each in (weights, changed)
    )
    assert torch.allclose(after[0], 2 * before[0] - 1) and torch.equal(after[1:], before[1:])
    assert torch.equal(changed["lateral.0.bias"], weights["lateral.0.bias"])
