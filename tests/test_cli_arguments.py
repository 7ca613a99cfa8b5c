"""The types of options: what is read, and what is refused in a few words."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.cli.arguments import LARGEST, MODELS, names, positive, whole
from mambatrack.cli.program import build_parser
from mambatrack.motion.loading import PLAIN
from mambatrack.networks.model_files import SHIPPED
from mambatrack.settings import PREDICTORS


@given(st.integers(-(10**30), 10**30), st.integers(-5, 5), st.integers(6, LARGEST))
def test_a_whole_number_within_the_limits_is_read_and_no_other(value, low, high):
    if low <= value <= high:
        assert whole(low, high)(str(value)) == value
        return
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a whole number from {low} "):
        whole(low, high)(str(value))


@given(st.text())
def test_any_text_is_a_number_or_refused_in_a_few_words(text):
    for kind in (whole(0), positive):
        try:
            assert kind(text) >= 0
        except argparse.ArgumentTypeError as error:
            assert len(str(error)) < 150


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e999", "x", ""])
def test_what_is_not_above_0_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number above 0"):
        positive(text)


def test_names_lie_between_commas():
    assert names("a, b,,c ") == ("a", "b", "c") and names("") == ()
    with pytest.raises(argparse.ArgumentTypeError):
        names("caf\udce9")


def test_a_predictor_is_called_the_same_everywhere(capsys):
    assert set(PREDICTORS) == {*PLAIN, *SHIPPED}
    for command in ("track", "live", "eval", "eval-motion", "tune", "bench"):
        with pytest.raises(SystemExit):
            build_parser().parse_args([command, "--help"])
        assert "".join(MODELS.split()) in "".join(capsys.readouterr().out.split())
