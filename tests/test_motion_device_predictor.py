"""The causal predictor whose carried states stay on a device: a GPU where there is one."""

import copy
import gc
import pickle

import numpy as np
import pytest
import torch

from mambatrack import MambatrackError, Tracker
from mambatrack.config import TrackerConfig
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.device_predictor import DeviceCausalPredictor, Slots
from mambatrack.motion.loading import configured_predictor
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.device_step import DeviceStep
from mambatrack.tracking.group import TrackerGroup

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SPREAD = [[0.1] * 4] * 3
SETTINGS = TrackerConfig(association="learned", hypotheses=3)


def model(back=0):
    torch.manual_seed(0)
    return CausalMotionPredictor(8, 2, 3, back)


def on_host(back=0):
    return CausalPredictor(CausalStep(model(back)), SPREAD)


def on_device(back=0, slots=16):
    return DeviceCausalPredictor(DeviceStep(CausalStep(model(back), DEVICE), slots=slots), SPREAD)


def walked(frames=24, people=6, seed=0):
    """Detections [N, 5] of each frame; now and then somebody is missing."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(0, 300, (people, 2))
    for _ in range(frames):
        at += rng.normal(2, 2, at.shape)
        rows = np.column_stack([at, at + 60, rng.uniform(0.7, 1, people)]).astype(np.float32)
        yield rows[rng.random(people) < 0.75]


def same_state(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-4)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value)
        else:
            assert found[name] == value


def tracker(predictor):
    return Tracker(SETTINGS, predictor=predictor)


@pytest.mark.parametrize("back", [0, 4])
def test_a_tracker_has_the_same_tracks_and_state_and_slots_run_out(back):
    here, there, most = tracker(on_host(back)), tracker(on_device(back)), 0
    for rows in walked(people=10, seed=1):
        ours, theirs = here.update(rows), there.update(rows)
        np.testing.assert_array_equal(ours.ids, theirs.ids)
        np.testing.assert_allclose(ours.boxes, theirs.boxes, rtol=1e-4, atol=1e-3)
        most = max(most, len(there.state.hypotheses.tables))
        there.forecast(3)  # goes on from slots that stay as they are
    assert most > 1  # tables were copied
    same_state(there.state_dict(), here.state_dict())
    assert (there.forecast(5).boxes == there.forecast(5).boxes).all()  # of what stays as it is
    assert 16 < there.predictor.device_step.states.shape[0] <= 128


def test_a_state_goes_from_one_to_the_other_and_on():
    here, there = tracker(on_host()), tracker(on_device())
    frames = list(walked(16))
    for rows in frames[:8]:
        here.update(rows)
    for _ in range(20):
        there.load_state_dict(here.state_dict())
    same_state(there.state_dict(), here.state_dict())
    assert there.predictor.device_step.states.shape[0] <= 128
    for rows in frames[8:]:
        np.testing.assert_array_equal(here.update(rows).ids, there.update(rows).ids)
    same_state(there.state_dict(), here.state_dict())


def test_trackers_of_a_group_share_the_slots_and_rest_as_they_like():
    group = TrackerGroup(SETTINGS, 2, on_device())
    alone = [tracker(on_host()) for _ in range(2)]
    for frame, pair in enumerate(zip(walked(seed=1), walked(seed=2), strict=True)):
        due = {n: (rows, None) for n, rows in enumerate(pair) if not (n and 5 < frame < 15)}
        found = group.update(due)
        for number, (rows, _) in due.items():
            np.testing.assert_array_equal(found[number].ids, alone[number].update(rows).ids)
    for one, other in zip(group.trackers, alone, strict=True):
        np.testing.assert_allclose(
            one.state_dict()["tracks.motion"], other.state_dict()["tracks.motion"],
            rtol=1e-4, atol=1e-4,
        )  # fmt: skip


def test_rows_may_be_copied_and_selected_and_each_goes_on_by_itself():
    host, device = on_host(), on_device()
    boxes = np.array([[50, 50, 20, 40], [90, 60, 30, 60]], np.float32)
    ours, theirs = host.start(boxes), device.start(boxes)
    for _ in range(2):
        host.predict(ours), device.predict(theirs)
    ours, theirs = ours[[1, 0, 1]], theirs[[1, 0, 1]]
    rows, seen = np.array([0]), boxes[1:] + 3
    host.correct(ours, rows, seen), device.correct(theirs, rows, seen)
    for _ in range(4):  # the third row is lost for longer than the network moves on
        np.testing.assert_allclose(host.predict(ours), device.predict(theirs), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(device.saved(theirs), ours, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(device.saved(device.restored(ours)), ours)


def test_slots_of_trackers_that_are_no_more_are_free():
    predictor = on_device(slots=64)
    for seed in range(3):
        one = tracker(predictor)
        for rows in walked(6, seed=seed):
            one.update(rows)
        del one
        gc.collect()
    assert len(predictor.owners) == 0 and len(predictor.device_step.states) == 64


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copied_or_pickled_tracker_goes_on_by_itself(copied):
    one, frames = tracker(on_device()), list(walked(16))
    for rows in frames[:6]:
        one.update(rows)
    other = copied(one)
    assert list(other.predictor.owners) == [other] and list(one.predictor.owners) == [one]
    wanted = [copied(one).update(rows) for rows in frames[6:7]]
    found = [each.update(rows) for each in (one, other) for rows in frames[6:]]
    assert (found[0].boxes == wanted[0].boxes).all()
    for ours, theirs in zip(found[:10], found[10:], strict=True):
        np.testing.assert_array_equal(ours.ids, theirs.ids)
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
    same_state(one.state_dict(), other.state_dict())


def test_trackers_of_a_copied_group_share_its_slots():
    one = TrackerGroup(SETTINGS, 2, on_device())
    other = copy.deepcopy(one)
    shared, theirs = ({id(each.predictor._slots) for each in g.trackers} for g in (one, other))
    assert len(shared) == len(theirs) == 1 and shared != theirs
    assert set(other.trackers[0].predictor.owners) == set(other.trackers)


def test_more_slots_than_a_row_can_name_are_an_error(monkeypatch):
    monkeypatch.setattr("mambatrack.motion.device_predictor.MOST_SLOTS", 16)
    with pytest.raises(MambatrackError, match="2 states of tracks are held at once.*at most 8"):
        Slots(8).wanted(20)


def test_where_memory_runs_out_nothing_has_changed(monkeypatch):
    predictor, boxes = on_device(), np.array([[50, 50, 20, 40]] * 9, np.float32)
    states, zeros = predictor.start(boxes), torch.zeros

    def full(*_, **__):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "zeros", full)
    predictor.predict(states)
    before = states.copy()
    with pytest.raises(MambatrackError, match="no memory for 32 states .*; run fewer tracks"):
        predictor.predict(states)
    np.testing.assert_array_equal(states, before)
    monkeypatch.setattr(torch, "zeros", zeros)
    predictor.predict(states)
    assert len(predictor.device_step.states) == predictor._slots.count == 32


def test_a_tracker_keeps_the_states_of_a_causal_network_on_a_gpu_there(monkeypatch):
    host, made = on_host(), DeviceStep(CausalStep(model()), slots=16)
    monkeypatch.setattr("mambatrack.motion.loading.load_predictor", lambda *_: host)
    assert configured_predictor(SETTINGS) is host
    host.network.device = "cuda"
    monkeypatch.setattr("mambatrack.networks.device_step.DeviceStep", lambda step: made)
    one = Tracker(SETTINGS)
    assert isinstance(one.predictor, DeviceCausalPredictor) and one in one.predictor.owners
