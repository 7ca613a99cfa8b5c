"""Results read again for export."""

import json

import numpy as np
import pytest

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, WRITERS, make_tracks
from mambatrack.errors import MambatrackError
from mambatrack.result_files.read_results import read_recording, seen_rows


def test_a_result_is_read_with_its_states_and_one_class_per_track(result):
    recording = read_recording(result)
    assert recording.frame.tolist() == [0, 0, 1, 1, 3, 3, 4]
    assert recording.id.tolist() == [1, 2, 1, 2, 1, 2, 1]
    assert recording.label.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert recording.seen.tolist() == [True, True, True, False, True, True, True]
    assert recording.frames == 5 and recording.times[3] == 0.3
    assert [identity for identity, _ in recording.by_track()] == [1, 2]
    assert len(read_recording(result, predicted=False)) == 6
    assert read_recording(result, names=("a", "b")).name_of(1) == "b"


def test_mot_text_is_the_same_without_states(tmp_path):
    path = tmp_path / "r.txt"
    path.write_text("2,7,10,10,20,40,0.5,-1,-1,-1\n1,7,8,10,20,40,0.5,-1,-1,-1\n")
    recording = read_recording(path)
    assert recording.frame.tolist() == [0, 1] and recording.boxes[0].tolist() == [8, 10, 28, 50]
    assert recording.seen.all() and recording.frames == 2 and recording.name_of(0) == "object"
    path.write_text("")
    assert len(read_recording(path)) == 0


def test_a_revision_replaces_predicted_boxes_only(result):
    said = {"id": 2, "frames": [0, 1], "boxes": [[1, 2, 3, 4], [61, 10, 81, 51]]}
    with result.open("a") as file:
        file.write(json.dumps({"revision": said}) + "\n")
    recording = read_recording(result)
    assert recording.boxes[1].tolist() == [60, 10, 80, 50]
    assert recording.boxes[3].tolist() == [61, 10, 81, 51] and not recording.seen[3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"revision": 5}', "line 1: not the JSON Lines"),
        ('{"frame": 0, "tracks": [{"id": 1}]}', "line 1: not the JSON Lines"),
        ('{"frame": 0, "tracks": 5}', "line 1: not the JSON Lines"),
        ('{"frame": 0, "tracks": []}\n{"frame"', "line 2: .*not a JSON object"),
        ("1,1,0,0,5,5,1\n1,1,3,3,5,5,1", "id 1 is twice in frame 0"),
        ("0,1,0,0,5,5,1", "MOT frames count from 1"),
        ("1,-1,0,0,5,5,1", "ids below 0 mark detections"),
        ("9999999999,1,0,0,5,5,1", "must be below"),
        ("some text", "line 1"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, message):
    path = tmp_path / "r"
    path.write_text(text)
    with pytest.raises(MambatrackError, match=message):
        read_recording(path)


def test_csv_tells_what_json_lines_of_the_same_run_do(tmp_path):
    two = [[10, 20, 40, 80], [60.25, 20, 90, 80]]
    frames = [
        make_tracks(0, two, [OBSERVED, TENTATIVE], 0.0),
        make_tracks(1, two, [PREDICTED, OBSERVED], 0.04),
        make_tracks(2, [], [], 0.08),
        make_tracks(3, two, [OBSERVED, OBSERVED], None),
    ]
    for kind, writer in WRITERS.items():
        named = {} if kind == "mot" else {"names": ("a man",)}
        with writer(tmp_path / f"a.{kind}", **named) as file:
            for tracks in frames:
                file.write(tracks)
    lines, table = (read_recording(tmp_path / f"a.{kind}") for kind in ("jsonl", "csv"))
    for name in ("frame", "id", "boxes", "score", "label", "gap", "seen"):
        np.testing.assert_array_equal(getattr(table, name), getattr(lines, name))
    assert table.times == {0: 0.0, 1: 0.04} and table.names == lines.names == ("a man",)
    mot = np.loadtxt(tmp_path / "a.mot", delimiter=",")[:, :7]
    for kind in ("jsonl", "csv"):
        np.testing.assert_allclose(seen_rows(tmp_path / f"a.{kind}"), mot)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("10,20,40,80,0,.5,1,0,lost", "state 'lost'; expected tentative, observed, predicted"),
        ("10,20,40,80,0,.5,,0,observed", "has no ids in a column tracker_id"),
    ],
)
def test_csv_that_is_no_result_is_refused(tmp_path, row, message):
    head = "x_min,y_min,x_max,y_max,class_id,confidence,tracker_id,frame_index,state"
    (tmp_path / "a.csv").write_text(f"{head}\n{row}\n")
    with pytest.raises(MambatrackError, match=message):
        read_recording(tmp_path / "a.csv")
