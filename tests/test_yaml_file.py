"""YAML of settings: as PyYAML reads it, or refused in one line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.yaml_file import parse_yaml, read_yaml

PIECES = ["a", "b", "1", "0x1f", "1:2", "2024-99-99", ": ", "- ", "? ", "\n", "  ", "{", "}", "[",
          "]", ",", "&x ", "*x", "<<: ", "!!int ", "!!bool ", "!!timestamp ", "'", "#", "|", "~",
          "---\n", "=", ".inf", "9" * 5000]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=30))
def test_any_text_is_what_pyyaml_reads_or_one_short_line(text):
    try:
        found = parse_yaml(text)
    except MambatrackError as error:
        assert "\n" not in str(error) and len(str(error)) < 400
        return
    assert repr(found) == repr(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "line", "first"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1),
        ("a:\n  b: 1\n\n  b: 2\n", 4, 2),
        ("{a: 1,\n a: 2}", 2, 1),
        ("- a: 1\n- b: 2\n  b: 3\n", 3, 2),
        ("a: &x {b: 1,\n b: 2}\nc: *x\n", 2, 1),
        ("<<: {a: 1}\nb: {c: 1, c: 2}", 2, 2),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_both_lines(text, line, first):
    with pytest.raises(MambatrackError, match=rf"^line {line}: .* twice, first in line {first};"):
        parse_yaml(text)


@pytest.mark.parametrize(
    "text", ["a: {x: 1}\nb: {x: 1}\n", "a: &y {x: 1}\nb: {<<: *y, x: 2}\n", "[{x: 1}, {x: 2}]"]
)
def test_the_same_key_in_two_places_is_no_repetition(text):
    assert parse_yaml(text) == yaml.safe_load(text)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xef\xbb\xbftracker:\r\n  max_age: 5\r\n")
    assert read_yaml(tmp_path / "a.yaml") == {"tracker": {"max_age": 5}}


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(MambatrackError, match="is not readable YAML"):
        read_yaml(tmp_path)
