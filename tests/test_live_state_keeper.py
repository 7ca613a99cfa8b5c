"""Live tracking that is stopped, killed and gone on with."""

import json
import os
import signal
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

import live_program
from mambatrack.appearance.gallery import stored_gallery
from mambatrack.cli import main
from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.live.source import LiveSource
from mambatrack.live.state_keeper import StateKeeper
from mambatrack.simulation.world import write_sequence
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.state_file import StateFile
from mjpeg_server import until
from scripted_session import Scripted, make_session
from split_processes import end_split, run_command, start_split

CONFIG = TrackerConfig("kalman", association="overlap", frame_rate=25)
BOX = [[10.0, 10, 20, 40, 1]]


class Held(Scripted):
    """A source that notes when its clock was started."""

    def start(self, index=0, time_s=0.0):
        self.began = time_s


def keeper_of(path, names, every_s=0.0):
    group = TrackerGroup(CONFIG, len(names))
    return StateKeeper(StateFile(path, every_s), [Held(name) for name in names], group.trackers)


def test_tracks_and_clock_go_on_by_the_name_of_the_source(tmp_path, capsys):
    path = tmp_path / "state"
    first = keeper_of(path, ["door", "yard"])
    assert first.resume() == 0 and [each.began for each in first._sources] == [0, 0]
    first._trackers[1].update(BOX, 100.0)
    first.close()
    written = time.time() - 7
    os.utime(path, (written, written))
    second = keeper_of(path, ["yard", "gate"])
    assert second.resume() == 1
    assert "also holds the tracks of door, which are dropped" in capsys.readouterr().err
    assert all(107 <= each.began < 109 for each in second._sources)  # all have one clock
    tracks = second._trackers[0].update(BOX, 107.0)
    assert tracks.ids.tolist() == [2]  # the first is long gone, and its id is not used again
    second.close()


def test_it_does_not_save_while_it_saves(tmp_path):
    keeper = keeper_of(tmp_path / "state", ["door"], every_s=0.0)
    keeper.resume()
    going_on = keeper._saving = Future()
    keeper.turn()
    assert keeper._saving is going_on
    going_on.set_result(None)
    keeper.turn()
    assert keeper._saving is not going_on
    keeper.close()


def test_it_saves_now_and_then(tmp_path):
    keeper = keeper_of(tmp_path / "state", ["door"], every_s=0.01)
    keeper.resume()
    for frame in range(3):
        keeper._trackers[0].update(BOX, frame / 25)
        until(lambda: keeper.turn() or (keeper._saving and keeper._saving.done()))
        keeper._saving.result()
        until(lambda n=frame: int(StateFile(tmp_path / "state").load()["door"]["frame"]) == n + 1
              or keeper.turn())  # fmt: skip
    assert StateFile(tmp_path / "state").load()["door"]["frame"] == 3
    keeper.close()


def test_a_failure_to_save_is_told_once_and_does_not_stop_the_work(tmp_path, capsys, monkeypatch):
    keeper = keeper_of(tmp_path / "state", ["door"], every_s=0.0)
    keeper.resume()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    for _ in range(5):
        keeper.turn()
        until(lambda: keeper._saving.done())
    assert capsys.readouterr().err.count("warning: the state cannot be written") == 1


def test_a_file_system_that_becomes_read_only_is_told_once_too(tmp_path, capsys, monkeypatch):
    keeper = keeper_of(tmp_path / "state", ["door"], every_s=0.0)
    keeper.resume()

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    for call in ("open", "chmod", "link"):
        monkeypatch.setattr(os, call, refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    for _ in range(5):
        keeper.turn()
        until(lambda: keeper._saving.done())
    assert capsys.readouterr().err.count("Read-only file system") == 1


@pytest.mark.parametrize("content", [b"", b"x" * 99, b'{"format": "mambatrack state"}\n'])
def test_a_damaged_state_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(MambatrackError, match="state"):
        keeper_of(path, ["door"]).resume()
    assert path.read_bytes() == content


def test_ids_go_on_after_a_kill(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_sequence(tmp_path / "w", 3, 3, 60, (160, 120), fps=15, video="clip.mp4")
    live = ["clip.mp4", "--loop", "--state", "s"]
    run = start_split(tmp_path, live_program.run, *live, "--jsonl", "a.jsonl")
    until(lambda: Path("s").exists() and StateFile("s").load()["clip"]["next_id"] > 1)
    os.kill(run.pid, signal.SIGKILL)
    end_split(tmp_path, run)
    kept = StateFile("s").load()["clip"]
    assert live_program.main(*live, "--jsonl", "b.jsonl", "--frames", "30") == 0
    assert "goes on with the tracks of 1 source in s" in capsys.readouterr().out
    first, second = (
        [json.loads(line) for line in Path(name).read_text().splitlines()[1:]]
        for name in ("a.jsonl", "b.jsonl")
    )
    assert second[0]["time_s"] > kept["clock"] and len(first) > 1
    ids = {track["id"] for each in second for track in each["tracks"]}
    known = set(np.asarray(kept["tracks.ids"]).tolist())
    assert ids and all(each in known or each >= kept["next_id"] for each in ids)
    assert StateFile("s").load()["clip"]["frame"] == kept["frame"] + 30


def test_a_source_is_started_once_only():
    session, _ = make_session([Scripted()])
    session.start()
    source = LiveSource("0", opener=lambda *_: (_ for _ in ()).throw(OSError("none")))
    source.start(time_s=5.0)
    session.sources[0] = source
    began = source._began
    session.start()
    assert source.started and source._began == began  # its clock is the one it was started with
    source.close()


def test_a_gallery_is_whole_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_sequence(tmp_path / "w", 3, 3, 60, (320, 240), fps=15, video="clip.mp4")
    live = ["live", "clip.mp4", "--loop", "--state", "s", "--quiet"]
    live += ["--detector", "motion", "--predictor", "kalman", "--tracker.max_age", "3"]
    live += ["--appearance", "colour", "--memory.seconds", "600", "--memory.surety", "1"]
    run = start_split(tmp_path, run_command, *live)
    until(lambda: Path("s").exists() and len(StateFile("s").load()["clip"]["gallery.ids"]) > 1)
    os.kill(run.pid, signal.SIGKILL)
    end_split(tmp_path, run)
    kept = StateFile("s").load()["clip"]
    ids = kept["gallery.ids"].tolist()
    assert main([*live, "--frames", "3"]) == 0
    after = stored_gallery(StateFile("s").load()["clip"])
    assert set(ids) <= set(after.ids.tolist())
    assert (after.codes[np.isin(after.ids, ids)] == kept["gallery.codes"]).all()
    assert main(["gallery", "s", "--forget", str(ids[0]), "--quiet"]) == 0
    assert main([*live, "--frames", "3"]) == 0
    assert ids[0] not in StateFile("s").load()["clip"]["gallery.ids"]
