"""Result files stay readable, whatever ends the writing."""

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from few_tracks import WRITERS, make_tracks
from mambatrack.errors import MambatrackError
from mambatrack.outputs.lines import mot_rows
from mambatrack.outputs.text import (
    OutputFile,
    TrackWriter,
    mot_writer,
    open_output,
)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_frame_cannot_be_written_twice_or_hold_an_id_twice(tmp_path, kind):
    with WRITERS[kind](tmp_path / "out") as writer:
        writer.write(make_tracks(3))
        with pytest.raises(MambatrackError, match="frame 3 comes after frame 3"):
            writer.write(make_tracks(3))
        with pytest.raises(MambatrackError, match="twice"):
            writer.write(make_tracks(4, [(0, 0, 9, 9)] * 2, ids=np.array([1, 1])))
        size = (tmp_path / "out").stat().st_size
        writer.write(make_tracks(5, boxes=()))
    assert kind == "jsonl" or (tmp_path / "out").stat().st_size == size


def test_an_existing_file_is_refused_unless_overwritten(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("precious")
    with pytest.raises(MambatrackError, match="--overwrite"):
        mot_writer(path)
    assert path.read_text() == "precious"
    mot_writer(path, overwrite=True).close()
    assert path.read_text() == ""


def test_an_absent_folder_or_a_folder_as_file_is_refused(tmp_path):
    with pytest.raises(MambatrackError, match="does not exist; create it"):
        open_output(tmp_path / "nowhere" / "out.txt")
    with pytest.raises(MambatrackError, match="is a folder"):
        open_output(tmp_path, overwrite=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(MambatrackError, match="not writable"):
        open_output(tmp_path / "out.txt")


def test_a_folder_that_refuses_at_opening_is_a_plain_message(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(MambatrackError, match="not writable"):
        open_output(tmp_path / "out.txt")


class SmallDisk(io.BytesIO):
    """Takes 100 bytes, in pieces of at most 16, then is full."""

    def write(self, data):
        room = min(100 - self.tell(), len(data), 16)
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[:room])


def test_a_full_disk_keeps_whole_frames_and_says_so():
    disk = SmallDisk()
    writer = TrackWriter(OutputFile(disk, "out.txt"), mot_rows)
    writer.write(make_tracks(0))
    writer.write(make_tracks(1))
    with pytest.raises(MambatrackError, match="out.txt: No space left.*are kept"):
        writer.write(make_tracks(2))
    lines = disk.getvalue().decode().splitlines()
    assert [line.split(",")[0] for line in lines] == ["1", "2"]
    assert all(line.count(",") == 9 for line in lines)


def test_ctrl_c_inside_a_frame_takes_the_frame_back():
    class Interrupted(io.BytesIO):
        calls = 0

        def write(self, data):
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().write(data[:30])

    disk = Interrupted()
    file = OutputFile(disk, "out")
    file.append("whole frame\n")
    with pytest.raises(KeyboardInterrupt):
        file.append("a" * 60)
    assert disk.getvalue() == b"whole frame\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_device():
    writer = mot_writer("/dev/full", overwrite=True)
    with pytest.raises(MambatrackError, match="No space left"), writer:
        writer.write(make_tracks(0))


ENDLESS = """
import sys, itertools
sys.path.insert(0, {tests!r})
from few_tracks import WRITERS, make_tracks
writers = [make({folder!r} + "/out." + kind) for kind, make in WRITERS.items()]
for frame in itertools.count():
    tracks = make_tracks(frame, [(i, 0, i + 5, 9) for i in range(30)])
    for writer in writers:
        writer.write(tracks)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_9_leaves_readable_files(tmp_path):
    code = ENDLESS.format(tests=os.path.dirname(__file__), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code])
    path = tmp_path / "out.csv"
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_size > 50_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    rows = np.loadtxt(tmp_path / "out.mot", delimiter=",")
    assert rows.shape[1] == 10 and len(rows) % 30 == 0
    frames = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()[1:]]
    assert [len(frame["tracks"]) for frame in frames] == [30] * len(frames)
    with open(path, newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) % 30 == 0 and len(written) > 500
    assert all(row["gap"] == "0" for row in written)
