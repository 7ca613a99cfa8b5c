"""What a similarity is worth, learnt from similarities alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.appearance.calibration import (
    KEPT,
    LEAST,
    MOST_ODDS,
    Calibration,
    Prior,
    Similarities,
    calibration_fields,
)

RNG = np.random.default_rng(0)


def learnt(same, others, count=200, width=0.1):
    """From similarities about these means."""
    calibration = Calibration()
    for mean, kind in ((same, calibration.same), (others, calibration.others)):
        for _ in range(count):
            kind.note(RNG.normal(mean, width, 2).astype(np.float32))
    return calibration


def odds(calibration, *similarities):
    return calibration.log_odds(np.array(similarities, np.float32))


def test_the_likest_are_the_same_person():
    low, middle, high = odds(learnt(0.9, 0.4), 0.3, 0.65, 0.95)
    assert low == pytest.approx(-MOST_ODDS, abs=0.3) and high == pytest.approx(MOST_ODDS, abs=0.3)
    assert abs(middle) < 1


def test_log_odds_are_those_of_the_two_distributions():
    """Of as many similarities of each kind, the share of one person is as the odds say."""
    same, others = (RNG.normal(mean, 0.1, 20000).astype(np.float32) for mean in (0.7, 0.6))
    calibration = learnt(0.7, 0.6, count=2000)
    near = [np.abs(odds(calibration, *values) - 0.5) < 0.1 for values in (same, others)]
    share = near[0].sum() / (near[0].sum() + near[1].sum())
    assert share == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.05)


def test_where_all_look_alike_nothing_is_said():
    assert np.abs(odds(learnt(0.9, 0.9), 0.5, 0.8, 1.0)).max() < 1
    assert not odds(learnt(0.6, 0.8), 0.5, 1.0).any()
    assert not odds(Calibration(), 0.5, 1.0).any()


def test_little_says_little():
    calibration = Calibration(Similarities(LEAST, 0.9, 0.01), Similarities(LEAST, 0.3, 0.01))
    assert odds(calibration, 1.0)[0] == pytest.approx(MOST_ODDS / 2, abs=0.1)


def test_old_similarities_fade():
    similarities = Similarities()
    for mean in (0.2, 0.8):
        for _ in range(int(8 * KEPT)):
            similarities.note(np.array([mean], np.float32))
    assert similarities.mean == pytest.approx(0.8, abs=0.01)
    assert similarities.count == pytest.approx(KEPT, rel=0.01)


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-1, 1, width=32), max_size=5), max_size=20))
def test_odds_are_bounded_and_rise(batches):
    calibration = Calibration()
    for batch in batches:
        calibration.same.note(np.array(batch, np.float32))
        calibration.others.note(-np.array(batch, np.float32))
    told = odds(calibration, *np.linspace(-1, 1, 9))
    assert np.isfinite(told).all() and (np.abs(told) <= MOST_ODDS).all()
    assert (np.diff(told) >= 0).all()
    columns = calibration.columns()
    assert not any(field.fault() for field in calibration_fields(columns))
    assert np.array_equal(Calibration.of(columns).columns(), columns)


def test_a_prior_counts_until_enough_was_seen():
    calibration = Calibration.before(Prior((0.9, 0.1), (0.3, 0.1)))
    assert odds(calibration, 0.9)[0] > 1 and odds(calibration, 0.3)[0] < -1
    for _ in range(2000):
        calibration.same.note(np.array([0.5], np.float32))
        calibration.others.note(np.array([0.5], np.float32))
    assert np.abs(odds(calibration, 0.3, 0.9)).max() < 1
    assert not odds(Calibration.before(None), 0.3, 0.9).any()


def test_a_crowd_in_one_frame_counts_for_no_more_than_is_kept():
    kind = Similarities()
    for mean in (0.2, 0.4):
        for _ in range(20):
            kind.note(np.full(300, mean, np.float32))
    assert kind.count == KEPT and kind.mean == pytest.approx(0.4, abs=1e-3)
    before = np.array([[40.0, 0.9, 0.01], [664.0, 0.3, 0.02]])  # of a state from before that
    assert not any(field.fault() for field in calibration_fields(before))
    assert Calibration.of(before).others.count == KEPT
