"""What the page keeps of a session: recordings in bounded space, the timeline, the counters."""

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.live.updates import SourceStatus
from mambatrack.live.web import timeline as timeline_module
from mambatrack.live.web import track_log
from mambatrack.live.web.metrics import metrics_text
from mambatrack.live.web.page_state import Changed, LiveState, Tracked
from mambatrack.live.web.timeline import STEP_S, WINDOW_S, Timeline
from mambatrack.live.web.track_log import Recording
from mambatrack.outputs.text import jsonl_writer, mot_writer
from mambatrack.tracks import Tracks, TrackState

PACE = 1.5 * STEP_S
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
    ):
        for frame in range(120):
            found = tracks(frame, ids=range(1, frame % 4 + 1), ended=[7] * (frame % 2))
            found = found if frame % 3 else tracks(frame, state=PREDICTED)
            for writer in (mot, lines):
                writer.write(found)
            recording.add(found)
    assert text(recording, "mot") == (tmp_path / "a.txt").read_text()
    assert text(recording, "jsonl") == (tmp_path / "a.jsonl").read_text()
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


@given(
    st.lists(st.tuples(st.sets(st.integers(1, 6)), st.sampled_from([SEEN, PREDICTED])), max_size=30)
)
def test_spans_of_the_timeline_do_not_overlap_and_end_when_the_track_did(frames):
    timeline, last = Timeline(), {}
    for step, (ids, state) in enumerate(frames):
        now = step * PACE
        timeline.add(tracks(step, sorted(ids), state), now)
        last |= dict.fromkeys(ids, now)
    now = len(frames) * PACE
    rows = timeline.rows(now, ())
    assert [row[0] for row in rows] == sorted(last)
    for identity, _, age, spans in rows:
        edges = [edge for _, began, ended in spans for edge in (began, ended)]
        assert edges == sorted(edges, reverse=True)
        assert edges[-1] == pytest.approx(now - last[identity], abs=0.1)
        assert age == pytest.approx(edges[0], abs=0.1)


def test_the_timeline_is_bounded(monkeypatch):
    monkeypatch.setattr(timeline_module, "MOST_IDENTITIES", 20)
    timeline = Timeline()
    for step in range(500):
        timeline.add(tracks(step, [step, step + 1], step % 2 + 1), step * STEP_S)
    assert len(timeline.rows(500 * STEP_S, ())) == 20
    timeline.add(tracks(0, [999]), 501 * STEP_S + WINDOW_S)
    assert [row[0] for row in timeline.rows(502 * STEP_S + WINDOW_S, ("person",))] == [999]
    flicker = Timeline()
    for step in range(1000):
        flicker.add(tracks(step, [1], step % 2 + 1), step * STEP_S)
    assert len(flicker.rows(1000 * STEP_S, ())[0][3]) == timeline_module.MOST_SPANS


def state_of(*names):
    return LiveState(SimpleNamespace(paused=False), names)


def test_metrics_are_well_formed_whatever_a_source_is_called():
    state = state_of('a "door"\n\\', "yard")
    state.take(
        Tracked(0, SourceStatus("x", "open", fps=9.5), tracks(3), ("person",), 2.0, 1.0, 0.0)
    )
    lines = metrics_text(state, 3).splitlines()
    assert r'mambatrack_frames_total{source="0",name="a \"door\"\n\\"} 0' in lines
    assert 'mambatrack_source_up{source="1",name="yard"} 0' in lines
    assert r'mambatrack_tracks{source="0",name="a \"door\"\n\\",state="observed"} 2' in lines
    assert "mambatrack_web_clients 3" in lines
    helped = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    samples = [line for line in lines if not line.startswith("#")]
    assert {line.split("{")[0].split()[0] for line in samples} == helped
    assert all(np.isfinite(float(line.rsplit(" ", 1)[1])) for line in samples)


def test_passwords_of_streams_are_shown_to_nobody():
    state = state_of("rtsp://joe:secret@cam/1?key=secret")
    status = SourceStatus("rtsp://joe:secret@cam", "lost", error="rtsp://joe:secret@cam: refused")
    state.take(Changed(0, status))
    assert "secret" not in repr(state.sources[0].status) + metrics_text(state, 0)
    assert state.sources[0].status.state == "lost"
