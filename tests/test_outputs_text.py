"""Result files: their columns and their numbers."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, make_tracks
from mambatrack.errors import MambatrackError
from mambatrack.outputs.lines import CSV_COLUMNS, csv_rows, jsonl_frame, mot_rows
from mambatrack.outputs.text import (
    OutputFile,
    TrackWriter,
    csv_writer,
    jsonl_writer,
    mot_writer,
)

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
    with csv_writer(tmp_path / "out.csv", names=("a\nman",)) as writer:
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
        "state": "predicted", "gap": "7", "class_name": "a man",
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


@pytest.mark.parametrize("open_writer", [mot_writer, jsonl_writer, csv_writer])
def test_a_closed_writer_takes_nothing_more(tmp_path, open_writer):
    path = tmp_path / "x"
    with open_writer(path) as writer:
        pass
    before = path.read_text()
    with pytest.raises(MambatrackError, match="x is closed; write to it inside of its with block"):
        writer.write(THREE)
    writer.close()
    assert path.read_text() == before
