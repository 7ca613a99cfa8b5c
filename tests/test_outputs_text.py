"""Result files: their columns, and that they are readable whatever happens."""

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
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.errors import MambatrackError
from mambatrack.outputs.lines import CSV_COLUMNS, csv_rows, jsonl_frame, mot_rows
from mambatrack.outputs.text import (
    OutputFile,
    TrackWriter,
    csv_writer,
    jsonl_writer,
    mot_writer,
    open_output,
)
from mambatrack.tracks import Tracks, TrackState

OBSERVED, PREDICTED, TENTATIVE = TrackState.OBSERVED, TrackState.PREDICTED, TrackState.TENTATIVE
WRITERS = {"mot": mot_writer, "jsonl": jsonl_writer, "csv": csv_writer}


def make_tracks(frame=0, boxes=((10, 20, 40, 80),), state=None, time_s=None, **columns):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(boxes)
    state = np.array([OBSERVED] * count if state is None else state, np.uint8)
    values = {
        "ids": np.arange(1, count + 1),
        "scores": np.full(count, 0.875, np.float32),
        "labels": np.zeros(count, np.int64),
        "gap": np.where(state == PREDICTED, 7, 0),
        "spread": np.zeros((count, 4), np.float32),
        "det_ind": np.arange(count),
        "ended": np.zeros(0, np.int64),
        **columns,
    }
    return Tracks(frame, time_s, boxes, state=state, **values)


THREE = make_tracks(
    4, [(10, 20, 40, 80), (-5, 0, 20, 50), (100, 100, 130, 160)], [OBSERVED, PREDICTED, TENTATIVE]
)


def test_mot_rows_are_observed_boxes_with_frames_from_one(tmp_path):
    with mot_writer(tmp_path / "out.txt") as writer:
        writer.write(THREE)
    text = (tmp_path / "out.txt").read_text()
    assert text == "5,1,10.00,20.00,30.00,60.00,0.8750,-1,-1,-1\n"


def test_mot_rows_with_predicted_boxes(tmp_path):
    with mot_writer(tmp_path / "out.txt", predicted=True) as writer:
        writer.write(THREE)
    ids = [line.split(",")[1] for line in (tmp_path / "out.txt").read_text().splitlines()]
    assert ids == ["1", "2"]


def test_boxes_are_clipped_on_request_and_left_out_when_outside(tmp_path):
    tracks = make_tracks(boxes=[(-5, -5, 20, 30), (200, 0, 220, 30)])
    with mot_writer(tmp_path / "out.txt", image_size=(100, 25)) as writer:
        writer.write(tracks)
    text = (tmp_path / "out.txt").read_text()
    assert text == "1,1,0.00,0.00,20.00,25.00,0.8750,-1,-1,-1\n"
    assert tracks.boxes[0, 0] == -5


def test_an_empty_sequence_gives_an_empty_mot_file(tmp_path):
    with mot_writer(tmp_path / "out.txt") as writer:
        for frame in range(3):
            writer.write(make_tracks(frame, boxes=()))
    assert (tmp_path / "out.txt").read_bytes() == b""


def test_jsonl_says_everything_that_is_known(tmp_path):
    tracks = make_tracks(
        4, [(10, 20, 40, 80), (1, 2, 3, 4)], [OBSERVED, PREDICTED], 0.16,
        labels=np.array([0, 5]), ended=np.array([9]),
        spread=np.array([[0, 0, 0, 0], [1.5, 2, 0.25, 0.5]], np.float32),
    )  # fmt: skip
    with jsonl_writer(tmp_path / "out.jsonl", names=["person"]) as writer:
        writer.write(tracks)
    header, frame = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert header == {"format": "mambatrack-tracks", "version": 1, "classes": ["person"]}
    assert frame == {
        "frame": 4,
        "time_s": 0.16,
        "tracks": [
            {"id": 1, "box": [10, 20, 40, 80], "score": 0.875, "label": 0, "class": "person",
             "state": "observed", "gap": 0, "spread": [0, 0, 0, 0]},
            {"id": 2, "box": [1, 2, 3, 4], "score": 0.875, "label": 5, "class": "5",
             "state": "predicted", "gap": 7, "spread": [1.5, 2, 0.25, 0.5]},
        ],
        "ended": [9],
    }  # fmt: skip


def test_csv_has_the_columns_of_supervision_and_the_state(tmp_path):
    with csv_writer(tmp_path / "out.csv") as writer:
        writer.write(THREE)
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(CSV_COLUMNS)
    assert CSV_COLUMNS[:7] == (
        "x_min", "y_min", "x_max", "y_max", "class_id", "confidence", "tracker_id",
    )  # fmt: skip
    assert [row["state"] for row in rows] == ["observed", "predicted", "tentative"]
    assert rows[1] == {
        "x_min": "-5.0", "y_min": "0.0", "x_max": "20.0", "y_max": "50.0", "class_id": "0",
        "confidence": "0.875", "tracker_id": "2", "frame_index": "4", "time_s": "",
        "state": "predicted", "gap": "7",
    }  # fmt: skip


any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)


@settings(max_examples=200, deadline=None)
@given(
    boxes=st.lists(st.tuples(*[any_float] * 4), max_size=5),
    number=any_float,
    time_s=st.none() | st.floats(),
)
def test_extreme_numbers_never_make_a_file_invalid(boxes, number, time_s):
    def refuse(constant):
        raise AssertionError(f"{constant} in JSON")

    raw = [io.BytesIO() for _ in range(3)]
    tracks = make_tracks(
        0, boxes, time_s=time_s, scores=np.full(len(boxes), number, np.float32),
        spread=np.full((len(boxes), 4), number, np.float32),
    )  # fmt: skip
    finite = int(np.isfinite(tracks.boxes).all(axis=1).sum())
    TrackWriter(OutputFile(raw[0], "a"), mot_rows).write(tracks)
    TrackWriter(OutputFile(raw[1], "b"), lambda t: json.dumps(jsonl_frame(t)) + "\n").write(tracks)
    TrackWriter(OutputFile(raw[2], "c"), lambda t: repr(csv_rows(t))).write(tracks)
    mot = [line.split(",") for line in raw[0].getvalue().decode().splitlines()]
    assert len(mot) == finite
    assert np.isfinite(np.array(mot, np.float64)).all()
    frame = json.loads(raw[1].getvalue(), parse_constant=refuse)
    assert len(frame["tracks"]) == finite
    assert "nan" not in raw[2].getvalue().decode() and "inf" not in raw[2].getvalue().decode()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 2, *[st.floats(0.125, 1e5, width=32)] * 2),
        max_size=5,
    )
)
def test_jsonl_and_csv_hold_the_boxes_to_a_tenth_of_a_thousandth(shapes):
    boxes = np.array(shapes, np.float32).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    tracks = make_tracks(0, boxes)
    stored = json.loads(json.dumps(jsonl_frame(tracks)))["tracks"]
    expected = boxes.astype(np.float64)
    np.testing.assert_allclose(
        np.array([track["box"] for track in stored]).reshape(-1, 4), expected, atol=6e-5
    )
    np.testing.assert_allclose(
        np.array([row[:4] for row in csv_rows(tracks)]).reshape(-1, 4), expected, atol=6e-5
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
from test_outputs_text import WRITERS, make_tracks
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


def test_trackeval_accepts_the_file(tmp_path, monkeypatch):
    trackeval = pytest.importorskip("trackeval")
    from mambatrack.simulation.world import simulate, write_sequence

    write_sequence(tmp_path / "gt" / "walk", seed=1, people=3, frames=20, size=(320, 180))
    results = tmp_path / "results" / "ours" / "data"
    results.mkdir(parents=True)
    with mot_writer(results / "walk.txt") as writer:
        for frame in simulate(seed=1, people=3, size=(320, 180)):
            if frame.index == 20:
                break
            writer.write(make_tracks(frame.index, frame.boxes, ids=frame.ids))
    dataset = trackeval.datasets.MotChallenge2DBox({
        "GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "results"),
        "SKIP_SPLIT_FOL": True, "DO_PREPROC": False, "SEQ_INFO": {"walk": 20},
        "PRINT_CONFIG": False,
    })  # fmt: skip
    raw = dataset.get_raw_seq_data("ours", "walk")
    scores = trackeval.metrics.CLEAR({"PRINT_CONFIG": False}).eval_sequence(
        dataset.get_preprocessed_seq_data(raw, "pedestrian")
    )
    assert scores["MOTA"] == 1
