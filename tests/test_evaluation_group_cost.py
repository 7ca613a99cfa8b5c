"""Several cameras in one group beside single updates."""

import pytest

from mambatrack.config import TrackerConfig
from mambatrack.evaluation.group_cost import GroupCost, group_cost
from mambatrack.evaluation.peers.timed_boxes import WARM_UP
from mambatrack.motion.loading import load_predictor


def test_both_are_measured():
    settings = TrackerConfig(association="overlap")
    found = group_cost(settings, load_predictor("still"), 2, 3, frames=WARM_UP + 3, passes=2)
    assert (found.cameras, found.objects) == (2, 3)
    assert found.single_ms > 0 and found.group_ms > 0


def test_the_ratio_is_below_one_where_the_group_is_faster():
    assert GroupCost(16, 10, single_ms=4.0, group_ms=1.0).ratio == pytest.approx(0.25)
