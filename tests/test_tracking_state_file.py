import hashlib
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
from mambatrack.simulation.world import simulate
from mambatrack.tracking.state_file import StateFile, pack, unpack

FRAMES = [next_ for next_, _ in zip(simulate(seed=3), range(90), strict=False)]


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


def assert_same_state(a, b):
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], name)
        assert type(value) is type(b[name])


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


@pytest.mark.parametrize("links", [True, False])
def test_the_file_before_is_kept(tmp_path, monkeypatch, links):
    """Under a second name, or as a copy where the file system has no second names."""

    def no_links(*_):
        raise PermissionError

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    file = StateFile(tmp_path / "state")
    for count in (10, 20, 30):
        file.save({"a": after(count).state_dict()})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state", "state.bak"]
    assert file.load()["a"]["frame"] == 30 and StateFile(file.backup).load()["a"]["frame"] == 20


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
        [sys.executable, program, "--kills", "2", "--folder", tmp_path, "--seed", "1"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed 2 times" in done.stdout


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_a_file_of_brackets_is_damaged(tmp_path, bracket):
    good = pack({})
    first, _, tensors = good.split(b"\n", 2)
    head, body = json.loads(first), bracket * 100_000 + b"\n" + tensors
    head["sha256"] = hashlib.sha256(body).hexdigest()
    for content in (json.dumps(head).encode() + b"\n" + body, bracket * 150 + b"\n", body):
        (tmp_path / "state").write_bytes(content)
        with pytest.raises(MambatrackError, match="damaged"):
            StateFile(tmp_path / "state").load()


def test_a_tracker_goes_on_from_its_own_file(tmp_path):
    saved, other = after(), tracker()
    saved.save(tmp_path / "one.state")
    other.load(tmp_path / "one.state")
    assert_same_state(saved.state_dict(), other.state_dict())
    for a, b in zip(run(saved, FRAMES[40:]), run(other, FRAMES[40:]), strict=True):
        assert list(a) == list(b)


def test_a_file_that_is_not_of_one_tracker_changes_nothing(tmp_path):
    tracked = after()
    before = tracked.state_dict()
    StateFile(tmp_path / "several").save(states())
    after(predictor="still").save(tmp_path / "other")
    for name, said in (("none", "is not there"), ("several", "of 2 sources"), ("other", "predict")):
        with pytest.raises(MambatrackError, match=said):
            tracked.load(tmp_path / name)
    assert_same_state(before, tracked.state_dict())
