"""What it says that somebody is as like one who left as he is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.appearance.calibration import Calibration, Prior, Similarities
from mambatrack.appearance.returns import LEAST, MOST, return_odds, similarities_among

FINE = Calibration(Similarities(500, 0.99, 1e-5), Similarities(500, 0.2, 0.05))
NOBODY = np.zeros(0, np.float32)


def odds(calibration, similarity, among=NOBODY):
    return float(return_odds(calibration, np.array([similarity], np.float32), among)[0])


def test_who_looks_exactly_like_himself_is_told_from_who_looks_nearly_so():
    assert odds(FINE, 0.99) > odds(FINE, 0.97) + 1 > odds(FINE, 0.7) + 3
    assert odds(FINE, 0.5) < -2


def test_people_who_look_alike_make_it_less_sure():
    alike = np.array([0.99] * 3 + [0.1] * 40, np.float32)
    apart = np.full(43, 0.1, np.float32)
    assert odds(FINE, 0.99, alike) < odds(FINE, 0.99) < odds(FINE, 0.99, apart)
    assert odds(FINE, 0.9, alike) == pytest.approx(odds(FINE, 0.9, apart), abs=0.2)


def test_in_uniform_nothing_is_said():
    same = Calibration(Similarities(500, 0.99, 1e-4), Similarities(500, 0.985, 1e-4))
    among = np.full(50, 0.985, np.float32)
    assert abs(odds(same, 0.99, among)) < 1.5
    assert odds(Calibration(Similarities(9, 0.5, 0.1), Similarities(9, 0.6, 0.1)), 0.9) == 0
    assert odds(Calibration(), 0.9) == 0


def test_little_says_little():
    few = Calibration(Similarities(LEAST, 0.99, 1e-5), Similarities(LEAST, 0.2, 0.05))
    assert odds(few, 0.99) == pytest.approx(odds(FINE, 0.99) / 2, rel=0.02)


@settings(deadline=None)
@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20),
    st.lists(st.floats(-1, 1, width=32), max_size=20), st.floats(0, 1), st.floats(0, 0.2),
)  # fmt: skip
def test_odds_are_bounded(similarities, among, mean, variance):
    calibration = Calibration(Similarities(99, mean, variance), Similarities(99, 0.1, variance))
    told = return_odds(calibration, np.array(similarities, np.float32), np.array(among, np.float32))
    assert np.isfinite(told).all() and (np.abs(told) < 9.3).all()


def test_each_two_people_are_compared_once():
    codes = np.eye(3, dtype=np.float32)[[0, 0, 1]]
    assert similarities_among(codes, np.arange(3)).tolist() == [1, 0, 0]
    assert similarities_among(codes, np.array([0, 2])).tolist() == [0]
    assert not len(similarities_among(codes, np.arange(0)))
    many = similarities_among(np.ones((1000, 2), np.float32), np.arange(1000))
    assert MOST * (MOST - 1) / 4 < len(many) <= MOST * (MOST - 1) / 2


def test_a_prior_is_forgotten_once_enough_was_seen():
    calibration = Calibration.before(Prior((0.5, 0.2), (0.1, 0.2)))
    assert calibration.blended()[0].mean == 0.5
    calibration.same.note(np.full(60, 0.9, np.float32))
    calibration.others.note(np.full(60, 0.3, np.float32))
    same, others = calibration.blended()
    assert same.mean == pytest.approx(0.9) and 0.1 < others.mean < 0.3
