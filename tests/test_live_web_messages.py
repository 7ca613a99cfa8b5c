"""What watchers of the live page are sent."""

import json
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.camera.interface import Travel
from mambatrack.counting.counts import Counts, Crossings, LineCount
from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.live.web import messages
from mambatrack.live.web.overlay import Overlay
from mambatrack.live.web.page_state import LiveState, Tracked
from mambatrack.motion.forecast import Forecast
from mambatrack.settings import DrawingConfig
from mambatrack.sources.frames import Frame
from test_live_web_track_log import tracks


def update(size=(64, 48), forecast=None, detect_ms=8.126):
    image = np.full((size[1], size[0], 3), (40, 90, 200), np.uint8)
    status = SourceStatus("door", "open", size, fps=9.5)
    return LiveUpdate(
        1, Frame(3, 0.3, image), tracks(3), status, detect_ms, 2.0, ("person",), forecast
    )


def picture(update):
    """The message of an update that is the first of its source."""
    overlay = Overlay()
    height, width = update.frame.image.shape[:2]
    overlay.update(update.tracks, (width, height), update.names)
    return messages.picture_message(update, overlay)


def unpacked(message):
    """The JSON of a picture's message, and its picture."""
    [length] = messages.LENGTH.unpack(message[:4])
    image = cv2.imdecode(np.frombuffer(message[4 + length :], np.uint8), cv2.IMREAD_COLOR)
    return json.loads(message[4 : 4 + length]), image


def test_a_picture_comes_with_its_tracks():
    head, image = unpacked(picture(update()))
    assert image.shape == (48, 64, 3)
    assert np.abs(image.astype(int) - (40, 90, 200)).max() < 12
    assert (head["source"], head["frame"], head["size"]) == (1, 3, [64, 48])
    assert [track["id"] for track in head["tracks"]] == [1, 2]
    assert head["tracks"][0]["class"] == "person"
    assert head["detect_ms"] == 8.13 and head["overlay"]["cones"] == []
    assert head["tracks"][0]["opacity"] == 1 and head["tracks"][0]["gap_s"] is None


@pytest.mark.parametrize("size, sent", [((1920, 1080), (960, 540)), ((5000, 2), (960, 1))])
def test_a_wide_picture_is_sent_smaller_and_its_boxes_stay_those_of_the_frame(size, sent):
    head, image = unpacked(picture(update(size)))
    assert image.shape[1::-1] == sent and head["size"] == list(size)


def test_a_snapshot_has_the_full_size_and_what_is_asked_for():
    line = LineCount("door", ((600, 0), (600, 90)), Crossings(), {}, 0, 0)
    counted = replace(update((1200, 90)), counts=Counts((line,), ()))
    drawings = None, DrawingConfig(layers=("zones",)), DrawingConfig(layers=("boxes",))
    plain, places, boxes = (
        cv2.imdecode(np.frombuffer(messages.snapshot(counted, each), np.uint8), 1).astype(int)
        for each in drawings
    )
    assert plain.shape == places.shape == boxes.shape == (90, 1200, 3)
    assert np.abs(plain - boxes)[:, :200].max() > 50 > np.abs(plain - boxes)[:, 500:].max()
    assert np.abs(plain - places)[:, 590:610].max() > 50 > np.abs(plain - places)[:, :200].max()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_leave_valid_json(value):
    boxes = np.ones((2, 5, 4), np.float32)
    boxes[0, 2, 1] = value
    forecast = Forecast(3, np.array([1, 2]), boxes, np.ones((2, 5, 4), np.float32))
    head = messages.frame_json(update(forecast=forecast, detect_ms=value))
    assert head["forecast"]["ids"] == [2] and head["detect_ms"] == 0.0
    head, _ = unpacked(picture(update(forecast=forecast, detect_ms=value)))
    assert {cone["id"] for cone in head["overlay"]["cones"]} <= {1, 2}


@given(st.integers(1, 40))
def test_a_forecast_is_ten_steps_at_most_and_ends_with_the_last(horizon):
    boxes = np.broadcast_to(np.arange(1, horizon + 1)[None, :, None], (1, horizon, 4))
    forecast = Forecast(3, np.array([7]), boxes.astype(np.float32), boxes.astype(np.float32))
    found = messages.frame_json(update(forecast=forecast))["forecast"]
    assert len(found["steps"]) == min(horizon, messages.FORECAST_STEPS)
    assert found["steps"] == sorted(set(found["steps"])) and found["steps"][-1] == horizon
    assert [box[0] for box in found["boxes"][0]] == found["steps"]


def state_with_samples(count):
    state = LiveState(SimpleNamespace(paused=True), ["door", "yard"])
    status = SourceStatus(
        "door", "open", (64, 48), fps=9.5, latency_ms=float("nan"), problem="it moves",
        camera=Travel(frames=8, known=4, unknown=3, cuts=2, pixels=20, certainty=3.6),
    )  # fmt: skip
    state.take(Tracked(0, status, tracks(3), ("person",), 2.0, 1.0, 0.0, (64, 48)))
    for view in state.sources:
        view.samples.extend([float(place)] * 4 for place in range(count))
    return state


def test_the_first_message_has_the_whole_graph_and_later_ones_the_newest_points():
    state = state_with_samples(6)
    hello = json.loads(messages.hello_message(state))
    assert hello["type"] == "hello" and [len(each) for each in hello["samples"]] == [6, 6]
    tick = json.loads(messages.tick_message(state, fresh=2))
    assert tick["samples"] == [[[4.0] * 4, [5.0] * 4]] * 2
    assert json.loads(messages.tick_message(state, fresh=0))["samples"] == [[], []]


def test_the_state_of_a_source():
    tick = json.loads(messages.tick_message(state_with_samples(0), 0))
    assert tick["paused"] is True
    door, yard = tick["sources"]
    assert (door["state"], door["size"], door["latency_ms"]) == ("open", [64, 48], 0.0)
    assert door["recorded"]["frames"] == 1 and door["recorded"]["first"] == 3
    assert (door["problem"], yard["problem"]) == ("it moves", None)
    assert yard["camera"] is None and door["camera"] == {
        "frames": 8, "unknown": 3, "cuts": 2, "pixels_a_frame": 2.5, "certainty": 0.9,
    }  # fmt: skip
    assert (yard["state"], yard["size"], yard["fps"]) == ("connecting", None, 0.0)


def test_the_timeline_is_of_one_source():
    found = json.loads(messages.timeline_message(state_with_samples(0), 0))
    assert found["source"] == 0 and sorted(row[0] for row in found["identities"]) == [1, 2]
    assert json.loads(messages.timeline_message(state_with_samples(0), 1))["identities"] == []
