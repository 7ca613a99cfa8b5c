import gzip
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.datasets.mot_text import (
    _keys_fit,
    _parse_fast,
    _parse_lines,
    check_layout,
    read_mot,
)
from mambatrack.errors import MambatrackError


def written(tmp_path, text):
    path = tmp_path / "gt.txt"
    path.write_text(text, encoding="utf-8")
    return path


ROWS = [[1, 0, 10, 20, 30.5, 40, 1, 1, 0.5], [2, 0, 11, 21, 30.5, 40, 1, 1, 0.5]]


@pytest.mark.parametrize(
    "text",
    [
        "1,0,10,20,30.5,40,1,1,0.5\n2,0,11,21,30.5,40,1,1,0.5\n",
        "1, 0, 10, 20, 30.5, 40, 1, 1, 0.5\n2, 0, 11, 21, 30.5, 40, 1, 1, 0.5",
        "1,0,10,20,30.5,40,1,1,0.5,\n2,0,11,21,30.5,40,1,1,0.5,,\n",
        "\n1,0,10,20,30.5,40,1,1,0.5\r\n\r\n \n2,0,11,21,30.5,40,1,1,0.5\r\n",
        "1 0 10 20 30.5 40 1 1 0.5\n2\t0\t11\t21\t30.5\t40\t1\t1\t0.5\n",
        "1.0,0.0,1e1,20,30.5,40,1,1,.5\n2,0,11,21,30.5,40,1,1,0.5\n",
        "\ufeff1,0,10,20,30.5,40,1,1,0.5\n2,0,11,21,30.5,40,1,1,0.5\n",
    ],
)
def test_ways_to_write_the_same_table(tmp_path, text):
    assert read_mot(written(tmp_path, text)).tolist() == ROWS


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_an_empty_file_has_no_rows(tmp_path, text):
    assert read_mot(written(tmp_path, text)).shape == (0, 10)


def test_one_row_is_a_table(tmp_path):
    assert read_mot(written(tmp_path, "1,2,3,4,5,6")).shape == (1, 6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,0,1,1,1,1\n2,0,1,1,1\n", "line 2: 5 columns; expected at least frame,id,left"),
        ("1,0,1,1,1\n", "line 1: 5 columns"),
        ("1,0,1,1,1,1\n\n2,0,1,1,1,1,1\n", "line 3: 7 columns, but 6 above it"),
        ("1,0,1,x,1,1\n", "line 1: 'x' in column 4 is no number"),
        ("1,0,1,,1,1\n", "line 1: '' in column 4 is no number; it is empty"),
        ("1.5,0,1,1,1,1\n", "line 1: frame 1.5 and id 0 must be whole"),
        ("1,0,1,1,1,1\n1,nan,1,1,1,1\n", "line 2: frame 1 and id nan must be whole"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, text, reason):
    with pytest.raises(MambatrackError) as error:
        read_mot(written(tmp_path, text))
    assert "gt.txt, " + reason in str(error.value)


def test_a_file_that_is_absent_or_no_text_is_a_clear_error(tmp_path):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x80")
    for name in ("absent.txt", "binary.txt"):
        with pytest.raises(MambatrackError, match=rf"{name} is not a readable MOT text file"):
            read_mot(tmp_path / name)


keys = st.integers(0, 10**6).map(float)
numbers = st.floats(-1e6, 1e6)
tables = st.lists(st.tuples(keys, keys, *[numbers] * 5), max_size=5)


@settings(deadline=None)
@given(tables, st.sampled_from([",", ", ", " ", "\t"]), st.sampled_from(["", ",", " "]))
def test_what_is_written_comes_back(tmp_path_factory, rows, separator, ending):
    path = tmp_path_factory.getbasetemp() / "table.txt"
    ending = ending if separator.strip() else ""
    path.write_text("".join(separator.join(map(repr, row)) + ending + "\n" for row in rows))
    np.testing.assert_array_equal(read_mot(path), np.reshape(rows, (len(rows), 7 if rows else 10)))


fields = st.one_of(
    st.sampled_from(["1", "2.0", " 3", "4 ", "+5", "1e2", "-.5", "nan", "1e999", "٣", "1_0"]),
    st.text("0123456789.eE+-_xn \t\x0c\x1f\u00a0", max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(fields, min_size=6, max_size=7), min_size=1, max_size=3))
def test_the_fast_way_accepts_nothing_that_the_careful_one_refuses(rows):
    lines = [",".join(row) for row in rows]
    fast = _parse_fast(lines)
    if fast is not None and fast.shape[1] >= 6 and _keys_fit(fast):
        np.testing.assert_array_equal(_parse_lines(lines, Path("a.txt")), fast)


def walk(width=40.0, height=90.0):
    """A table of two people who walk through the picture, one to each side."""
    step = np.arange(30.0)
    one = [np.column_stack([step + 1, 0 * step, 20 + 15 * step, 50 + step])]
    other = [np.column_stack([step + 1, 0 * step + 1, 600 - 15 * step, 60 - step])]
    table = np.concatenate(one + other)
    return np.column_stack([table, width + table[:, 0] % 7, height - table[:, 0] % 5])


def test_corners_in_the_place_of_sizes_are_told(tmp_path):
    table = walk()
    table[:, 4:6] += table[:, 2:4]
    with pytest.warns(UserWarning, match="det.txt: columns 5 and 6 look like the right and lower"):
        check_layout(tmp_path / "det.txt", table)


@pytest.mark.parametrize("table", [walk(), walk(900.0, 900.0), walk()[:0], walk()[:1]])
def test_sizes_are_not_taken_for_corners(tmp_path, table):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_layout(tmp_path / "det.txt", table)
    assert told == []


def test_a_packed_file_is_told(tmp_path):
    path = tmp_path / "gt.txt"
    path.write_bytes(gzip.compress(b"1,1,0,0,9,9,1"))
    with pytest.raises(MambatrackError, match=r"gt.txt is a gzip file: unpack it"):
        read_mot(path)
