"""Tracks for Label Studio."""

import json

import pytest

from mambatrack.result_files.label_studio import label_config
from mambatrack.result_files.read_results import read_recording


def test_label_studio_gets_life_spans_in_percent(export):
    [task] = json.loads(export("label-studio", "l.json", "--size=200x100", "--fps=10").read_text())
    regions = {each["id"]: each for each in task["predictions"][0]["result"]}
    assert list(regions) == ["track-1", "track-2", "track-2-predicted"]
    one = regions["track-1"]["value"]
    assert [each["frame"] for each in one["sequence"]] == [1, 2, 4, 5]
    assert [each["enabled"] for each in one["sequence"]] == [True, False, True, False]
    assert one["labels"] == ["person"] and (one["framesCount"], one["duration"]) == (5, 0.5)
    first = one["sequence"][0]
    assert (first["x"], first["y"], first["width"], first["height"]) == (5, 10, 10, 40)
    assert first["time"] == 0.1
    edge = regions["track-2"]["value"]["sequence"][-1]
    assert edge["x"] + edge["width"] == 100 and edge["width"] == 5
    assert regions["track-2-predicted"]["meta"]["text"] == ["track 2, predicted"]


def test_label_studio_s_own_check_takes_it(export, result):
    jsonschema = pytest.importorskip("jsonschema")
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface(
        label_config(read_recording(result))
    )
    [task] = json.loads(export("label-studio", "l.json", "--size=200x100").read_text())
    for region in task["predictions"][0]["result"]:
        assert interface.validate_prediction({"result": [region]}, return_errors=True) == []
        jsonschema.validate(region["value"], interface.get_control("box").to_json_schema())
    del task["predictions"][0]["result"][0]["value"]["sequence"]
    assert not interface.validate_prediction(task["predictions"][0])
