"""What is printed for an error."""

import pytest

from mambatrack.cli.shared import as_message


@pytest.mark.parametrize(
    "text", ["a.mp4 does not exist", "x" * 299, "two\nlines", "Ünicode, 1e-5 (0.0 to 1.0)"]
)
def test_an_ordinary_message_is_printed_as_it_is(text):
    assert as_message(text) == text


def test_a_word_of_thousands_of_characters_is_cut_in_the_middle():
    said = as_message(f"--start: expected a number, found {'9' * 6000}")
    assert said == f"--start: expected a number, found {'9' * 100}...{'9' * 100}"


def test_a_password_is_not_printed_however_long_it_is():
    assert "secret" not in as_message(f"rtsp://user:secret{'x' * 5000}@camera/1 is lost")
