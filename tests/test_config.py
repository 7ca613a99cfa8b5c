import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.config import (
    Config,
    describe,
    detector_settings,
    load_config,
    with_detector,
)
from mambatrack.errors import MambatrackError


def written(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_defaults_hold():
    assert load_config() == Config()
    assert load_config(overrides={}) == Config()


def test_a_file_changes_only_what_it_names(tmp_path):
    path = written(tmp_path, "tracker:\n  max_age: 90\ndetector:\n  classes: [person, 3]\n")
    config = load_config(path)
    assert config.tracker.max_age == 90
    assert config.detector.classes == ("person", "3")
    assert config.training == Config().training
    defaults = Config().tracker
    assert dataclasses.replace(config.tracker, max_age=120, motion_max_age=15) == defaults


@pytest.mark.parametrize(
    ("given", "detector", "age"),
    [
        ({}, "motion", 15),
        ({}, "yolox", 120),
        ({"tracker.max_age": 90}, "motion", 90),
        ({"tracker.motion_max_age": 20}, "motion", 20),
        ({"tracker.max_age": 90, "tracker.motion_max_age": 20}, "motion", 20),
        ({"tracker.max_age": 90, "tracker.motion_max_age": 20}, "file", 90),
    ],
)
def test_the_detector_motion_has_its_own_age_unless_another_is_given(given, detector, age):
    assert load_config(overrides={**given, "detector.name": detector}).tracker.max_age == age
    chosen_later = load_config(overrides=given)
    known = dataclasses.replace(chosen_later.detector, name=detector)
    assert with_detector(chosen_later, known).tracker.max_age == age


@pytest.mark.parametrize(
    ("given", "detector", "conf"),
    [
        ({}, "own", 0.5),
        ({}, "yolox", 0.1),
        ({"detector.conf": 0.3}, "own", 0.3),
        ({"detector.own_conf": 0.4}, "own", 0.4),
        ({"detector.conf": 0.3, "detector.own_conf": 0.4}, "own", 0.4),
        ({"detector.conf": 0.3, "detector.own_conf": 0.4}, "yolox", 0.3),
    ],
)
def test_the_detector_own_has_its_own_lowest_score_unless_another_is_given(given, detector, conf):
    assert load_config(overrides={**given, "detector.name": detector}).detector.conf == conf
    known = dataclasses.replace(load_config(overrides=given).detector, name=detector)
    assert with_detector(Config(), known).detector.conf == conf
    plain = {key.removeprefix("detector."): value for key, value in given.items()}
    assert detector_settings(detector, plain).conf == conf


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


@pytest.mark.parametrize("key", ["tracker.max_age", "tracker.iou_gate", "tracker.class_aware"])
@pytest.mark.parametrize("text", ["9" * 6000, "0x" + "f" * 6000, "[" * 1000, "{a: " * 5000])
def test_a_monstrous_override_is_one_short_line(key, text):
    with pytest.raises(MambatrackError) as error:
        load_config(overrides={key: text})
    assert key in str(error.value) and len(str(error.value)) < 200


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
