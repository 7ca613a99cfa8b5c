import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.config import Config, describe, load_config
from mambatrack.errors import MambatrackError


def written(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold():
    assert load_config() == Config()
    assert load_config(overrides={}) == Config()


def test_every_default_is_allowed_and_described():
    for key, default, doc in describe():
        section, name = key.split(".")
        config = load_config(overrides={key: default})
        assert getattr(getattr(config, section), name) == default
        assert len(doc) > 10


def test_a_file_changes_only_what_it_names(tmp_path):
    path = written(tmp_path, "tracker:\n  max_age: 90\ndetector:\n  classes: [person, 3]\n")
    config = load_config(path)
    assert config.tracker.max_age == 90
    assert config.detector.classes == ("person", "3")
    assert config.training == Config().training
    assert dataclasses.replace(config.tracker, max_age=120) == Config().tracker


@pytest.mark.parametrize("text", ["", "tracker:\n", "# nothing\n", "detector:\n  classes:\n"])
def test_empty_files_and_sections_are_the_defaults(tmp_path, text):
    assert load_config(written(tmp_path, text)) == Config()


def test_overrides_win_over_the_file(tmp_path):
    path = written(tmp_path, "tracker:\n  max_age: 60\n  min_hits: 2\n")
    config = load_config(path, {"tracker.max_age": "90"})
    assert (config.tracker.max_age, config.tracker.min_hits) == (90, 2)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("tracker.max_age", "60", 60),
        ("tracker.iou_gate", "0.5", 0.5),
        ("tracker.iou_gate", "1", 1.0),
        ("training.rate", "1e-4", 1e-4),
        ("tracker.class_aware", "true", True),
        ("tracker.predictor", "kalman", "kalman"),
        ("detector.weights", "nets #1/2024-01-01: [a].onnx", "nets #1/2024-01-01: [a].onnx"),
        ("detector.weights", "2024", "2024"),
        ("detector.classes", "person, 2", ("person", "2")),
        ("detector.classes", "0", ("0",)),
        ("detector.classes", 0, ("0",)),
        ("detector.classes", "", ()),
    ],
)
def test_an_override_is_read_as_the_settings_type(key, text, value):
    section, name = key.split(".")
    found = getattr(getattr(load_config(overrides={key: text}), section), name)
    assert found == value and type(found) is type(value)


def test_yaml_numbers_without_a_dot_are_numbers(tmp_path):
    assert load_config(written(tmp_path, "training:\n  rate: 2e-3\n")).training.rate == 0.002


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("tracker.maxage", 5, "tracker.max_age"),
        ("max_age", 5, "tracker.max_age"),
        ("trakcer.max_age", 5, "tracker.max_age"),
        ("tracker", 5, "section"),
        ("tracker.max_age.days", 5, "unknown setting"),
        ("zebra", 5, "sections are tracker, detector, training"),
        ("tracker.max_age", 0, "1 to 100000"),
        ("tracker.max_age", 2.5, "expected int, found 2.5"),
        ("tracker.max_age", "soon", "expected int, found 'soon'"),
        ("tracker.max_age", True, "expected int, found True"),
        ("tracker.iou_gate", 1.1, "0.0 to 1.0"),
        ("tracker.iou_gate", "nan", "0.0 to 1.0"),
        ("tracker.iou_gate", "wide", "expected float, found 'wide'"),
        ("tracker.class_aware", 1, "expected bool, found 1"),
        ("tracker.device", "tpu", "auto, cpu, cuda"),
        ("tracker.predictor", ["mamba"], "expected str"),
    ],
)
def test_a_wrong_setting_names_the_key_and_what_is_allowed(key, value, message):
    with pytest.raises(MambatrackError) as error:
        load_config(overrides={key: value})
    assert key in str(error.value) and message in str(error.value)


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


@pytest.mark.parametrize("key", ["tracker.max_age", "tracker.iou_gate", "tracker.class_aware"])
@pytest.mark.parametrize("text", ["9" * 6000, "0x" + "f" * 6000, "[" * 5000, "{a: " * 5000])
def test_a_monstrous_override_is_one_short_line(key, text):
    with pytest.raises(MambatrackError) as error:
        load_config(overrides={key: text})
    assert key in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("tracker.predictor", ["velocity", "mamba-window", "new.safetensors"]),
        ("tracker.association", ["overlap", "a/b.safetensors"]),
        ("training.teacher", ["", "mamba-window", "t.safetensors"]),
    ],
)
def test_a_model_is_one_of_the_shipped_or_a_trained_file(key, allowed):
    for value in allowed:
        load_config(overrides={key: value})
    for value in ("lstm", "MAMBA", "mamba.onnx"):
        with pytest.raises(MambatrackError, match="or the path of a trained .safetensors file"):
            load_config(overrides={key: value})


def test_an_absent_file_is_a_clear_error():
    with pytest.raises(MambatrackError, match=r"nowhere\.yaml not found"):
        load_config("nowhere.yaml")


@given(st.dictionaries(st.text(max_size=20), st.none() | st.integers() | st.text(), max_size=3))
def test_any_other_key_or_value_is_a_mambatrack_error(overrides):
    try:
        load_config(overrides=overrides)
    except MambatrackError:
        return
    assert not overrides


@given(st.sampled_from([key for key, _, _ in describe()]), st.text(max_size=12))
def test_any_text_for_a_setting_is_read_or_refused(key, text):
    try:
        config = load_config(overrides={key: text})
    except MambatrackError as error:
        assert key in str(error)
    else:
        assert isinstance(config, Config)
