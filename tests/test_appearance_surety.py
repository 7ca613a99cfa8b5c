"""How sure it is that somebody is one of those who are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.appearance.surety import BLOCK, LIKELIEST, likeliest, of_people, surety

SURE = Calibration(Similarities(500, 0.9, 0.01), Similarities(500, 0.2, 0.01))
UNIFORM = Calibration(Similarities(500, 0.9, 0.01), Similarities(500, 0.9, 0.01))


def test_odds_are_shared_among_all_who_could_be_meant():
    alone, several = (surety(SURE, np.full(count, 0.9, np.float32)) for count in (1, 4))
    assert alone[0] > 0.95 and np.allclose(several, 0.25, atol=0.01)
    assert surety(UNIFORM, np.array([0.95], np.float32))[0] < 0.6


def test_what_is_shared_with_whom_is_in_view_at_once():
    alike, both = np.full(2, 0.9, np.float32), np.array([True, False])
    at_once, before = surety(SURE, alike, both, 0.02)
    assert before > 0.9 > 0.1 > at_once
    assert surety(UNIFORM, alike, np.ones(2, bool), 0.02).sum() == pytest.approx(0.02)


def test_codes_of_one_person_do_not_stand_against_each_other():
    codes = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    sure = surety(SURE, codes @ codes[0])
    assert np.allclose(sure, [0.5, 0.5, 0], atol=0.03)
    assert np.allclose(of_people(sure, likeliest(sure), codes, SURE), [0.95, 0.95, 0], atol=0.05)


def test_whom_another_camera_saw_may_look_less_like_himself():
    exact = Calibration(Similarities(500, 0.985, 1e-4), Similarities(500, 0.1, 0.04))
    alike, many = np.array([0.9, 0.9], np.float32), np.full(50, 0.9, np.float32)
    for one in (alike[:1], alike):
        assert surety(exact, one, among=many, here=np.ones(len(one), bool)).max() < 0.1
    assert surety(exact, alike[:1], among=many, here=np.zeros(1, bool))[0] > 0.9
    here, there = surety(exact, alike, among=many, here=np.array([True, False]))
    assert here < 0.05 and there > 0.9


@settings(deadline=None)
@given(st.integers(1, 20 * BLOCK), st.integers(1, 300), st.integers(0, 2**32 - 1), st.booleans())
def test_the_likeliest_are_the_largest(count, levels, seed, ascending):
    sure = np.random.default_rng(seed).integers(0, levels, count).astype(np.float32) / levels
    sure = np.sort(sure) if ascending else sure
    rows = likeliest(sure)
    assert len(np.unique(rows)) == len(rows) == min(count, LIKELIEST)
    assert np.array_equal(np.sort(sure[rows]), np.sort(sure)[-LIKELIEST:])


def test_people_who_look_alike_are_not_one_person():
    codes = np.ones((4, 1), np.float32)
    sure = surety(UNIFORM, np.ones(4, np.float32))
    assert (of_people(sure, likeliest(sure), codes, UNIFORM) < 0.5).all()


@pytest.mark.parametrize("count", [1, 3])
def test_of_calibrations_together_more_is_known(count):
    little = Calibration(Similarities(10, 0.9, 0.01), Similarities(10, 0.2, 0.01))
    told = little.with_others([SURE] * count).log_odds(np.array([0.9], np.float32))
    assert little.log_odds(np.array([0.9], np.float32)) < told <= 3
    nothing = Calibration().with_others([Calibration()])
    assert not nothing.log_odds(np.array([0.9], np.float32)).any()


def test_of_many_the_likeliest_are_looked_at():
    sure = np.random.default_rng(0).random(100).astype(np.float32)
    assert set(likeliest(sure).tolist()) == set(sure.argsort()[-LIKELIEST:].tolist())
    assert likeliest(sure[:3]).tolist() == [0, 1, 2]
