"""Every setting: its default, its documentation and what is allowed."""

from pathlib import Path

import numpy as np
import pytest

from mambatrack.config import describe, load_config
from mambatrack.errors import MambatrackError


def test_every_default_is_allowed_and_described():
    for key, default, doc in describe():
        section, name = key.split(".")
        config = load_config(overrides={key: default})
        assert getattr(getattr(config, section), name) == default
        assert len(doc) > 10


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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"tracker.max_age": np.int64(30)}, 30),
        ({"tracker.max_age": 30.0}, 30),
        ({"tracker.max_age": np.array(30)}, 30),
        ({"tracker.match_score": np.float32(0.5)}, 0.5),
        ({"tracker.class_aware": np.bool_(True)}, True),
        ({"detector.weights": Path("a.onnx")}, "a.onnx"),
        ({"detector.weights": "~/a.onnx"}, str(Path.home() / "a.onnx")),
        ({"tracker.camera": False}, "off"),  # as YAML reads off
    ],
)
def test_numbers_of_numpy_whole_floats_paths_and_off_are_taken(given, expected):
    ((key, _),) = given.items()
    section, name = key.split(".")
    found = getattr(getattr(load_config(overrides=given), section), name)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("value", [30.5, None, np.nan, np.array([30]), True])
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(MambatrackError, match="tracker.max_age"):
        load_config(overrides={"tracker.max_age": value})


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("track_buffer", "tracker.max_age"),
        ("n_init", "tracker.min_hits"),
        ("match_thresh", "tracker.iou_gate"),
        ("new_track_thresh", "tracker.birth_score"),
        ("fps", "tracker.frame_rate"),
    ],
)
def test_what_other_trackers_call_a_setting_is_told_its_name_here(theirs, ours):
    with pytest.raises(MambatrackError, match=f"did you mean '{ours}'"):
        load_config(overrides={f"tracker.{theirs}": 1})


def test_settings_may_be_a_mapping_and_names_a_set():
    config = load_config({"tracker": {"max_age": 7}, "detector": {"classes": {"car", "bus", 2}}})
    assert config.tracker.max_age == 7 and config.detector.classes == ("2", "bus", "car")
    with pytest.raises(MambatrackError, match="did you mean 'tracker.max_age'"):
        load_config({"tracker": {"max_agee": 7}})
