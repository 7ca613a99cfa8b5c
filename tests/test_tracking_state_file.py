import dataclasses
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.interface import Scores
from mambatrack.association.learned import LearnedAssociation
from mambatrack.config import TrackerConfig
from mambatrack.simulation.world import simulate
from mambatrack.tracking.state_file import StateFile, pack, unpack

DATA = Path(__file__).parent / "data"
FRAMES = [next_ for next_, _ in zip(simulate(seed=3), range(90), strict=False)]
KINDS = [
    ("kalman", "overlap"), ("mamba", "overlap"), ("mamba-window", "overlap"), ("mamba", "learned"),
]  # fmt: skip


def tracker(predictor="kalman", association="overlap", **settings_):
    overrides = {"tracker.predictor": predictor, "tracker.association": association}
    overrides |= {f"tracker.{name}": value for name, value in settings_.items()}
    return Tracker(load_config(None, overrides), image_size=(960, 540))


def run(tracked, frames):
    return [tracked.update(frame.detections, frame.time_s) for frame in frames]


def after(count=40, **settings_):
    tracked = tracker(**settings_)
    run(tracked, FRAMES[:count])
    return tracked


def assert_same(a, b):
    for field in dataclasses.fields(a):
        np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), field.name)


def assert_same_state(a, b):
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], name)
        assert type(value) is type(b[name])


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
    config = TrackerConfig(predictor="kalman", association="overlap", frame_rate=25.0)
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


def refused(tracked, state, reason):
    before = tracked.state_dict()
    with pytest.raises(MambatrackError, match=reason):
        tracked.load_state_dict(state)
    assert_same_state(before, tracked.state_dict())


def test_states_of_other_trackers_are_refused():
    state = after().state_dict()
    refused(after(20, predictor="mamba"), state, "of predictor 'KalmanPredictor', not 'CausalPre")
    refused(after(20, predictor="still"), state, "of predictor")
    refused(after(20, association="learned"), state, "of association 'OverlapAssociation', not")
    refused(after(20), {**state, "version": 1}, "of version 1, not 2")
    refused(after(20), {**state, "predictor_sha256": "0" * 64}, "of predictor_sha256")
    refused(after(20), {}, "of version None")
    refused(after(20), [1, 2], "of type list")


def test_c_and_torch_do_not_exchange_what_they_carry(monkeypatch):
    inside = after(5, predictor="mamba")
    monkeypatch.setenv("MAMBATRACK_BACKEND", "torch")
    outside = tracker("mamba")
    if outside.state_dict()["predictor"] == inside.state_dict()["predictor"]:
        pytest.skip("the C library is not there")
    refused(outside, inside.state_dict(), "of predictor 'CausalPredictor/CausalNetwork', not")


def changed(name, index, value):
    def change(state):
        array = state[f"tracks.{name}"].copy()
        array[index] = value
        return {**state, f"tracks.{name}": array}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (changed("motion", (0, 3), np.nan), "not finite"),
        (changed("boxes", (1, 0), np.inf), "not finite"),
        (changed("boxes", (1, 2), 0), "no size in boxes"),
        (changed("ids", 1, 1), "not ascending"),
        (changed("ids", 0, 0), "not ascending"),
        (changed("ids", -1, 10_000), "not ascending from 1 to below"),
        (changed("hits", 0, 0), "hits below 1"),
        (changed("gap", 0, -1), "gap below 0"),
        (lambda s: {**s, "next_id": 1}, "not ascending"),
        (lambda s: {**s, "next_id": 0}, "next_id 0"),
        (lambda s: {**s, "frame": -1}, "frame -1"),
        (lambda s: {**s, "frame": 2.0}, "frame 2.0"),
        (lambda s: {**s, "clock": float("nan")}, "clock at nan"),
        (lambda s: {**s, "more": 1}, "unknown entries: more"),
        (lambda s: {k: v for k, v in s.items() if k != "tracks.hits"}, "without tracks.hits"),
        (lambda s: {**s, "tracks.hits": s["tracks.hits"][:-1]}, r"with hits \(\d+,\) int64, not"),
        (lambda s: {**s, "tracks.ids": s["tracks.ids"].astype(np.int32)}, "with ids .* int32, not"),
        (lambda s: {**s, "tracks.motion": s["tracks.motion"][:, 1:]}, "with motion"),
        (lambda s: {**s, "tracks.boxes": s["tracks.boxes"].tolist()}, "with boxes"),
    ],
)
def test_states_that_cannot_be_are_refused(change, reason):
    state = after().state_dict()
    assert len(state["tracks.ids"]) >= 2
    refused(after(20), change(state), reason)


strange = st.one_of(
    st.none(), st.integers(), st.floats(), st.text(max_size=3), st.booleans(),
    st.sampled_from([np.zeros(3), np.zeros((2, 2), object), np.array("x"), [1], {}]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_entry_may_be_anything(data):
    tracked, state = BASE, BASE.state_dict()
    name = data.draw(st.sampled_from(sorted(state)))
    value = data.draw(strange)
    try:
        tracked.load_state_dict({**state, name: value})
    except MambatrackError:
        assert_same_state(state, tracked.state_dict())
    else:
        tracked.load_state_dict(state)


BASE = after()


def states():
    return {"cam 0": after().state_dict(), "rtsp://ü": after(10, predictor="mamba").state_dict()}


def test_a_file_gives_back_what_was_saved(tmp_path):
    file = StateFile(tmp_path / "state")
    assert file.load() == {} and file.due()
    saved = states()
    file.save(saved)
    found = StateFile(tmp_path / "state").load()
    assert list(found) == list(saved)
    for name in saved:
        assert_same_state(saved[name], found[name])
    assert not file.due() and StateFile(tmp_path / "state", every_s=0).due()
    assert stat.S_IMODE(os.stat(tmp_path / "state").st_mode) == 0o600


def test_trackers_without_tracks_and_no_trackers_at_all(tmp_path):
    file = StateFile(tmp_path / "state")
    for saved in ({"a": tracker("mamba", "learned").state_dict()}, {}):
        file.save(saved)
        found = file.load()
        assert found.keys() == saved.keys()
        for name in saved:
            assert_same_state(saved[name], found[name])


def test_the_file_before_is_kept(tmp_path):
    file = StateFile(tmp_path / "state")
    for count in (10, 20, 30):
        file.save({"a": after(count).state_dict()})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state", "state.bak"]
    assert file.load()["a"]["frame"] == 30 and StateFile(file.backup).load()["a"]["frame"] == 20


def test_a_file_system_without_second_names_gets_a_copy(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    test_the_file_before_is_kept(tmp_path)


def test_damaged_files_are_refused_and_stay(tmp_path):
    file = StateFile(tmp_path / "state")
    file.save(states())
    file.save(states())
    whole = file.path.read_bytes()
    rng = np.random.default_rng(0)
    flipped = bytearray(whole)
    flipped[int(rng.integers(200, len(whole)))] ^= 1
    for content in (b"", b"\n", whole[:100], whole[:-1], whole + b"x", bytes(flipped), b"[]\n",
                    b'{"format": 3}\n', rng.bytes(5000)):  # fmt: skip
        file.path.write_bytes(content)
        with pytest.raises(MambatrackError, match="damaged.*; move it away, restore the one befo"):
            file.load()
        assert file.path.read_bytes() == content
    assert file.backup.read_bytes() == whole


def test_a_file_of_another_version_is_refused(tmp_path):
    file = StateFile(tmp_path / "state")
    file.save({})
    head, _, body = file.path.read_bytes().partition(b"\n")
    newer = {**json.loads(head), "version": 2}
    file.path.write_bytes(json.dumps(newer).encode() + b"\n" + body)
    with pytest.raises(MambatrackError, match="of version 2, not 1; move it away$"):
        file.load()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_at_all_do_anything_but_refuse(data):
    content = bytearray(PACKED)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if bytes(content) != PACKED:
        with pytest.raises(MambatrackError):
            unpack(bytes(content))


PACKED = pack({"a": after(8).state_dict()})


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    file = StateFile(tmp_path / "state")
    file.save({"a": after(10).state_dict()})

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MambatrackError, match=r"cannot be written to .*: No space left"):
        file.save({"a": after(20).state_dict()})
    assert file.load()["a"]["frame"] == 10
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_a_place_for_no_file_is_refused(tmp_path):
    for path in (tmp_path / "no/state", tmp_path):
        with pytest.raises(MambatrackError, match="expected a file in a folder that is there"):
            StateFile(path)


def test_ids_go_on_after_a_kill(tmp_path):
    program = Path(__file__).parents[1] / "demo/kill_test.py"
    done = subprocess.run(
        [sys.executable, program, "--kills", "3", "--folder", tmp_path, "--seed", "1"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 3 times" in done.stdout
