"""Files of settings: what YAML may say, and what is refused."""

import pytest

from mambatrack.config import load_config
from mambatrack.errors import MambatrackError
from test_config import written


def test_yaml_numbers_without_a_dot_are_numbers(tmp_path):
    assert load_config(written(tmp_path, "training:\n  rate: 2e-3\n")).training.rate == 0.002


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tracker:\n  max_agee: 5\n", "did you mean 'tracker.max_age'"),
        ("traker:\n  max_age: 5\n", "unknown setting 'traker'"),
        ("1: 2\n", "unknown setting '1'"),
        ("tracker: 5\n", "expected settings below it"),
        ("tracker: 0\n", "expected settings below it"),
        ("tracker:\n  max_age: -1\n", "1 to 100000"),
        ("tracker:\n  max_age:\n", "expected int, found None"),
        ("- tracker\n", "expected sections"),
        ("tracker: [\n", "not readable YAML: line 2"),
        ("tracker:\n  max_age: 5\ntracker:\n  min_hits: 2\n", "line 3: 'tracker' is given twice"),
        ("tracker:\n  max_age: 5\n  max_age: 6\n", "line 3: 'max_age' is given twice, first in"),
        ("tracker: &a\n  max_age: 5\n  max_age: 6\ndetector: *a\n", "line 3: 'max_age' is given"),
        ("tracker:\n  max_age: " + "9" * 6000, "line 2: '9+\\.\\.\\.9+' is not a value"),
        ("tracker:\n  max_age: 0x" + "f" * 6000, "line 2: '0xf+\\.\\.\\.f+' is not a value"),
        ("tracker:\n  iou_gate: -" + "9" * 6000, "line 2"),
        ("tracker:\n  iou_gate: " + ":".join(["1"] * 3000), "line 2"),
        ("9" * 6000 + ": 1\n", "line 1"),
        ("tracker: " + "[" * 5000, "nested too deeply"),
        ("tracker:\n  predictor: " + "{a: " * 5000, "nested too deeply"),
        ("- " * 5000, "nested too deeply"),
        ("? " * 5000, "nested too deeply"),
        ("tracker:\n  predictor: 2024-99-99\n", "line 2: '2024-99-99' is not a value"),
        ("tracker:\n  class_aware: !!bool maybe\n", "line 2: 'maybe' is not a value"),
        ("tracker:\n  max_age: !!int ''\n", "line 2: '' is not a value"),
        ("tracker:\n  predictor: &a [*a]\n", "expected str"),
        ("detector:\n  classes: [[person], car]\n", "expected names"),
        ("detector:\n  classes: {person: 1}\n", "expected names"),
        ("tracker: {max_age: 5}\n---\ntracker: {}\n", "expected a single document"),
        ("tracker:\n  predictor: \x00\n", "special characters are not allowed"),
        ("tracker: !!python/object/apply:os.getcwd []\n", "not readable YAML"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path, text, message):
    with pytest.raises(MambatrackError, match=message.replace("(", r"\(")) as error:
        load_config(written(tmp_path, text))
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_a_file_that_is_not_text_is_a_clear_error(tmp_path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(MambatrackError, match=r"binary\.yaml is not readable YAML"):
        load_config(path)


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]\n"
    for name, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize("key", ["detector:\n  classes", "tracker:\n  max_age", "tracker"])
def test_aliases_of_aliases_cost_neither_time_nor_memory(tmp_path, key):
    path = written(tmp_path, f"{LAUGHS}{key}: *i\n")
    with pytest.raises(MambatrackError):
        load_config(path)


def test_a_large_file_is_no_file_of_settings(tmp_path):
    with pytest.raises(MambatrackError, match="larger than 1 MiB"):
        load_config(written(tmp_path, "# " + "x" * (1 << 20)))
