"""A tracker's state as plain values, from which it goes on."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Tracker
from mambatrack.association.interface import Scores
from mambatrack.association.learned import LearnedAssociation
from mambatrack.config import TrackerConfig
from mambatrack.tracking.state_file import StateFile, pack, unpack
from test_tracking_state_file import FRAMES, after, assert_same_state, run, tracker

DATA = Path(__file__).parent / "data"
KINDS = [
    ("kalman", "overlap"), ("mamba", "overlap"), ("mamba-window", "overlap"), ("mamba", "learned"),
    ("mamba", "light"),
]  # fmt: skip


def assert_same(a, b):
    for field in dataclasses.fields(a):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), field.name)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None)
@given(cut=st.integers(0, 60), rate=st.sampled_from([0.0, 20.0, 100.0]))
def test_a_tracker_goes_on_from_a_state_as_if_nothing_had_been(kind, cut, rate):
    whole = tracker(*kind, frame_rate=rate)
    run(whole, FRAMES[:cut])
    resumed = tracker(*kind, frame_rate=rate)
    run(resumed, FRAMES[50:53])  # what it knew is gone after loading
    resumed.load_state_dict(unpack(pack({"a": whole.state_dict()}))["a"])
    for a, b in zip(
        run(whole, FRAMES[cut : cut + 25]), run(resumed, FRAMES[cut : cut + 25]), strict=True
    ):
        assert_same(a, b)
    assert_same_state(whole.state_dict(), resumed.state_dict())


def test_classes_and_drops_are_part_of_the_state():
    a, b = tracker(), tracker()
    rows = [[[0, 0, 50, 90, 0.9, label], [float("nan")] * 4 + [1, 1]] for label in (1, 2, 2, 1, 1)]
    with pytest.warns(UserWarning, match="dropped"):
        for row in rows[:3]:
            a.update(row)
    b.load_state_dict(a.state_dict())
    for row in rows[3:]:
        assert_same(a.update(row), b.update(row))
    assert a.dropped == b.dropped == 5


def test_a_state_is_a_copy():
    tracked = after()
    state = tracked.state_dict()
    kept = {name: np.copy(each) for name, each in state.items()}
    other = tracker()
    other.load_state_dict(state)
    run(tracked, FRAMES[40:60]), run(other, FRAMES[40:60])
    for name, each in state.items():
        np.testing.assert_array_equal(each, kept[name])


def test_a_state_holds_plain_values_only():
    for value in after().state_dict().values():
        assert type(value) in (int, float, str, np.ndarray)
        assert not isinstance(value, np.ndarray) or value.dtype.kind in "fiu"


def test_more_tracks_than_the_table_has_room_for():
    corners = np.stack(np.meshgrid(np.arange(0, 900, 30.0), np.arange(0, 500, 50.0)), -1)
    rows = np.concatenate([corners.reshape(-1, 2), corners.reshape(-1, 2) + 20], 1)
    big, small = tracker(), tracker()
    big.update(rows)
    small.load_state_dict(big.state_dict())
    assert small.update(rows).ids.tolist() == list(range(1, len(rows) + 1))


class ByOverlap:
    """A pair scorer whose odds grow with the overlap."""

    def tokens(self, features):
        return features.T

    def __call__(self, given, code):
        odds = 14 * given.features[0] - 3 + code[given.tracks, 0]
        return Scores(odds, np.full(given.detection_count, 5, np.float32))


class Counting:
    """An encoder that counts the tokens of each track."""

    carried_size = 1

    def __call__(self, tokens, carried, rows=None):
        rows = slice(None) if rows is None else rows
        carried[rows] += 1
        return carried[rows] / 100


def three_people(frame):
    """Rows of three people, of whom two cross."""
    left = np.array([40 + 3.0 * frame, 190 - 3.0 * frame, 300])
    boxes = np.stack([left, [60, 64, 80], left + 40, [160, 164, 190]], 1)
    boxes += np.random.default_rng(frame).normal(0, 2, (3, 4))
    return np.column_stack([boxes, [0.9, 0.8, 0.7], [0, 0, 2]])


def test_a_state_of_an_older_version_goes_on_as_it_did_there():
    """Both files were written at commit cb674a6: a state amid a crossing, and the tracks of the 20
    frames that followed there."""
    config = TrackerConfig(predictor="kalman", association="overlap", frame_rate=25.0, steady=False)
    association = LearnedAssociation(ByOverlap(), Counting(), 1, config)
    tracked = Tracker(config, (400, 300), association=association)
    tracked.load_state_dict(StateFile(DATA / "tracker.state").load()["camera"])
    expected = json.loads((DATA / "tracker_after.json").read_text())
    assert tracked.frame == expected["frame"]
    for wanted in expected["tracks"]:
        tracks = tracked.update(three_people(tracked.frame), tracked.frame / 25)
        assert tracks.ids.tolist() == wanted["ids"]
        assert tracks.det_ind.tolist() == wanted["det_ind"]
        assert len(tracked.state.hypotheses.tables) == wanted["hypotheses"] == 2
        np.testing.assert_allclose(tracks.boxes, wanted["boxes"], rtol=1e-5)
        np.testing.assert_allclose(tracks.spread, wanted["spread"], rtol=1e-5)


def test_a_state_that_names_the_window_predictor_as_it_was_called_is_taken():
    tracked = after(predictor="mamba-window")
    state = tracked.state_dict()
    older = state["predictor"].replace("WindowPredictor", "MambaPredictor")
    assert older != state["predictor"]
    resumed = after(5, predictor="mamba-window")
    resumed.load_state_dict({**state, "predictor": older})
    assert_same_state(resumed.state_dict(), state)


def test_a_state_names_its_layout_as_it_was_called_before_the_arrays_moved_to_c(monkeypatch):
    names = {"predictor": "CausalPredictor/Causal", "association": "LearnedAssociation/Committee"}
    for backend in ("auto", "torch"):
        monkeypatch.setenv("MAMBATRACK_BACKEND", backend)
        state = after(3, predictor="mamba", association="learned").state_dict()
        for part, name in names.items():
            assert state[part].startswith(name)
