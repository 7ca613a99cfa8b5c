"""Codes of tracks as text."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.appearance.codes import as_text, calibration_of, rows_of, vector_of


@given(st.integers(1, 600), st.integers(0, 2**32 - 1))
def test_a_code_is_read_as_it_was_written(size, seed):
    vector = np.random.default_rng(seed).normal(size=size)
    vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    again = vector_of(as_text(vector))
    assert again.dtype == np.float32 and float(vector @ again) > 0.9999
    assert np.linalg.norm(again) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", "AA", "####", "AAAA", 7, None, "\u00e9",
                                  base64.b64encode(np.full(4, np.nan, "<f2")).decode(),
                                  base64.b64encode(np.full(4, 9, "<f2")).decode()])  # fmt: skip
def test_what_is_no_code_is_refused(text):
    with pytest.raises(ValueError, match="its code is no"):
        vector_of(text)


def test_calibrations():
    given = Calibration(Similarities(12, 0.9, 0.01), Similarities(30, 0.4, 0.02))
    assert rows_of(calibration_of(rows_of(given))) == [[12, 0.9, 0.01], [30, 0.4, 0.02]]


@pytest.mark.parametrize(
    "rows", [[], [[1, 2, 3]], [[1, 0, 0], [1, 5, 0]], [[1, 0, "x"], [1, 0, 0]], None,
             [[-1, 0, 0], [1, 0, 0]], [[1, 0, float("nan")], [1, 0, 0]]],
)  # fmt: skip
def test_what_is_no_calibration_is_refused(rows):
    with pytest.raises((ValueError, TypeError)):
        calibration_of(rows)
