"""What the page keeps of a session: recordings in bounded space, the timeline, the counters."""

import json
import os

import numpy as np
import pytest

from mambatrack.live.web import track_log
from mambatrack.live.web.track_log import Recording
from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
from mambatrack.tracks import Tracks, TrackState

SEEN, PREDICTED = int(TrackState.OBSERVED), int(TrackState.PREDICTED)


def tracks(frame, ids=(1, 2), state=SEEN, ended=()):
    count = len(ids)
    rng = np.random.default_rng(frame)
    return Tracks(
        frame, frame / 10, rng.uniform(0, 90, (count, 4)).astype(np.float32), np.array(ids),
        rng.uniform(size=count).astype(np.float32), np.zeros(count, np.int64),
        np.full(count, state, np.uint8), np.arange(count),
        rng.uniform(size=(count, 4)).astype("f4"), np.arange(count), np.array(ended, np.int64),
    )  # fmt: skip


def text(recording, kind):
    return "".join(recording.text(kind))


@pytest.fixture(autouse=True)
def no_rest(monkeypatch):
    monkeypatch.setattr(track_log, "REST", 0.0)


def test_a_download_is_the_file_that_the_writers_write(tmp_path):
    recording = Recording()
    recording.names = ("person",)
    with (
        mot_writer(tmp_path / "a.txt") as mot,
        jsonl_writer(tmp_path / "a.jsonl", names=("person",)) as lines,
        csv_writer(tmp_path / "a.csv", names=("person",)) as table,
    ):
        for frame in range(120):
            found = tracks(frame, ids=range(1, frame % 4 + 1), ended=[7] * (frame % 2))
            found = found if frame % 3 else tracks(frame, state=PREDICTED)
            for writer in (mot, lines, table):
                writer.write(found)
            recording.add(found)
    assert text(recording, "mot") == (tmp_path / "a.txt").read_text()
    assert text(recording, "jsonl") == (tmp_path / "a.jsonl").read_text()
    assert text(recording, "csv") == (tmp_path / "a.csv").read_text()
    assert recording.frames == 120 and recording.first == 0
    recording.close()


def test_the_oldest_frames_go_and_the_disk_is_bounded():
    recording = Recording(limit=10_000)
    for frame in range(1000):
        recording.add(tracks(frame))
        files = [os.fstat(part._file.fileno()).st_size for part in recording._parts]
        assert sum(files) <= 10_000
        assert recording.size <= 10_000
    frames = [json.loads(line)["frame"] for line in text(recording, "jsonl").splitlines()[1:]]
    assert frames == list(range(recording.first, 1000))
    assert recording.frames == len(frames) > 25
    files = [part._file for part in recording._parts]
    recording.close()
    assert all(file.closed for file in files)


def test_frames_that_a_full_disk_loses_are_counted(monkeypatch):
    recording = Recording()
    recording.add(tracks(0))

    def full(self, block):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(track_log._Part, "append", full)
    for frame in range(1, 5):
        recording.add(tracks(frame))
    assert recording.lost == 4 and recording.frames == 1
    assert recording.problem == "recording stopped: No space left on device"


def test_a_download_that_has_begun_survives_the_end_of_its_file():
    recording = Recording(limit=20_000)
    for frame in range(100):
        recording.add(tracks(frame))
    download = recording.text("jsonl")
    next(download)
    part = next(download)
    for frame in range(100, 1000):
        recording.add(tracks(frame))
    lines = (part + "".join(download)).splitlines()
    assert json.loads(lines[-1])["frame"] == 99


def test_a_full_disk_ends_the_recording_and_keeps_whole_frames(monkeypatch):
    recording = Recording()
    recording.add(tracks(0))

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, block):
            return self.file.write(block[:10])

        def __getattr__(self, name):
            return getattr(self.file, name)

    recording._parts[0]._file = Full(recording._parts[0]._file)
    recording.add(tracks(1))
    recording.add(tracks(2))
    assert "full" in recording.problem
    assert len(text(recording, "jsonl").splitlines()) == 2


def test_frames_that_are_not_finite_stay_valid_json():
    recording, odd = Recording(), tracks(0)
    odd.boxes[0, 0] = np.nan
    odd.spread[1, 0] = np.inf
    recording.add(odd)
    (line,) = text(recording, "jsonl").splitlines()[1:]
    (left,) = json.loads(line)["tracks"]
    assert left["id"] == 2 and left["spread"][0] is None
