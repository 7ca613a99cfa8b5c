"""Ids of a result file: swapped, merged, split, and put back."""

import json

import numpy as np
import pytest

from mambatrack.config import load_config
from mambatrack.errors import MambatrackError
from mambatrack.gaps.revisions import Revision
from mambatrack.outputs.lines import jsonl_revision
from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
from mambatrack.result_files.identities import ResultFile
from mambatrack.tracking.tracker import Tracker
from result_texts import MOT, ids_of, jsonl_file, mot_file, records


def test_a_swap_changes_ids_and_nothing_else(tmp_path):
    path = mot_file(tmp_path)
    assert ResultFile(path).swap(1, 2) == 3
    swapped = MOT.replace("1,1,", "1,x,").replace("1,2,", "1,1,").replace("1,x,", "1,2,")
    assert path.read_text() == swapped.replace("2,1,", "2,2,")
    assert ResultFile(path).undo() == "swap 1 2 --from 1"
    assert path.read_text() == MOT and not (tmp_path / "r.txt.undo.jsonl").exists()


def test_a_swap_from_a_frame_leaves_what_is_before(tmp_path):
    path = mot_file(tmp_path)
    assert ResultFile(path).swap(1, 2, first=2) == 1
    assert [line[:3] for line in path.read_text().splitlines()] == ["1,1", "1,2", "2,2"]


@pytest.mark.parametrize("text", [
    "\ufeff1, 1, 10,20,30,40\r\n\r\n2 ,7.0,5,5,5,5", " 1 1 10 20 30 40\n2\t7 5 5 5 5\n\n",
])  # fmt: skip
def test_bytes_that_are_not_ids_stay(tmp_path, text):
    path = mot_file(tmp_path, text)
    file = ResultFile(path)
    file.swap(1, 7)
    now = path.read_bytes().decode()
    assert [line.replace(",", " ").split()[1] for line in now.splitlines() if line.strip()] == [
        "7", "1",
    ]  # fmt: skip
    assert now.replace("7", "1", 1) == text.replace("7.0", "1").replace("\t7", "\t1")
    file.undo()
    assert path.read_bytes() == text.encode()


def test_two_seen_boxes_never_get_one_id(tmp_path):
    path = mot_file(tmp_path)
    with pytest.raises(MambatrackError, match="frame 1 would have id 1 twice"):
        ResultFile(path).merge(1, 2)
    lines = jsonl_file(tmp_path, [{1: "observed", 2: "observed"}])
    with pytest.raises(MambatrackError, match="frame 0 would have id 2 twice"):
        ResultFile(lines).merge(2, 1)
    assert path.read_text() == MOT and len(list(tmp_path.iterdir())) == 2


def test_merging_lets_the_seen_box_win_and_the_track_live_on(tmp_path):
    path = jsonl_file(
        tmp_path,
        [{1: "observed"}, {1: "predicted:1"}, {1: "predicted:2", 2: "observed"},
         {1: "predicted:3", 2: "predicted:1"}, {2: "observed", 3: "observed"}, {3: "observed"}],
        ended={4: [1], 5: [2]},
    )  # fmt: skip
    ResultFile(path).merge(1, 2)
    assert ids_of(path) == [[1], [1], [1], [1], [1, 3], [3]]
    lines = records(path)[1:]
    assert [line["tracks"][0]["state"] for line in lines][2:5] == [
        "observed", "predicted", "observed",
    ]  # fmt: skip
    assert lines[3]["tracks"][0]["gap"] == 1
    assert [line["ended"] for line in lines] == [[], [], [], [], [], [1]]


def test_a_swap_keeps_who_ended_before_it(tmp_path):
    path = jsonl_file(
        tmp_path, [{1: "observed"}, {2: "observed"}, {2: "observed"}, {}], ended={1: [1], 3: [2]}
    )
    ResultFile(path).swap(1, 2, first=1)
    assert ids_of(path) == [[1], [1], [1], []]
    assert [line["ended"] for line in records(path)[1:]] == [[], [], [], [1]]


def test_a_split_gives_the_rest_a_new_id(tmp_path):
    path = jsonl_file(tmp_path, [{1: "observed", 4: "observed"}] * 3, ended={3: []})
    assert ResultFile(path).split(1, 2) == 5
    assert ids_of(path) == [[1, 4], [1, 4], [4, 5]]
    for wrong in (0, 3):
        with pytest.raises(MambatrackError, match="split it at a frame after the first"):
            ResultFile(path).split(4, wrong)


def test_a_revision_goes_with_the_frames_it_is_about(tmp_path):
    said = {
        "id": 1,
        "frames": [1, 2],
        "boxes": [[0] * 4, [1] * 4],
        "spread": [[2] * 4] * 2,
        "gap": 2,
    }
    path = jsonl_file(tmp_path, [{1: "observed"}] * 4, more=[{"revision": said}])
    before = path.read_bytes()
    file = ResultFile(path)
    file.split(1, 2)
    one, other = (line["revision"] for line in records(path)[-2:])
    assert (one["id"], one["frames"], one["boxes"]) == (1, [1], [[0] * 4])
    assert (other["id"], other["frames"], other["spread"]) == (2, [2], [[2] * 4])
    file.swap(2, 1, first=3)
    file.undo()
    assert file.undo() == "split 1 2" and path.read_bytes() == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda file: file.swap(1, 1), "both ids are 1"),
        (lambda file: file.merge(1, 9), "id 9 is not in"),
        (lambda file: file.split(9, 1), "id 9 is not in"),
        (lambda file: file.swap(1, 2, 3), "neither 1 nor 2 has a box from frame 3 on"),
        (lambda file: file.undo(), "has no edit to undo"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(tmp_path, edit, message):
    path = mot_file(tmp_path)
    with pytest.raises(MambatrackError, match=message):
        edit(ResultFile(path))
    assert [each.name for each in tmp_path.iterdir()] == ["r.txt"] and path.read_text() == MOT


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,0,0\nx,1,0,0\n", "line 2: no MOT text"),
        ("1.5,1,0,0\n", "line 1: no MOT text"),
        ("inf,1,0,0\n", "line 1: no MOT text"),
        ("1\n", "line 1: no MOT text"),
        ("1,1,5,5,5,5\n1,1,6,6,6,6\n2,3,1,1,1,1\n", "frame 1 would have id 3 twice"),
        ('{"frame": 0, "tracks": []}\n{', "line 2: not the JSON Lines"),
        ('{"frame": 0, "tracks": [{"id": "1"}]}', "line 1: not the JSON Lines"),
        ('{"tracks": []}', "line 1: not the JSON Lines"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, message):
    with pytest.raises(MambatrackError, match=message):
        file = ResultFile(
            mot_file(tmp_path, text + ("2,3,1,1,1,1\n" if "twice" in message else ""))
        )
        file.swap(1, 3)


def test_what_a_link_points_at_is_edited(tmp_path):
    (tmp_path / "far").mkdir()
    path = mot_file(tmp_path / "far")
    link = tmp_path / "link.txt"
    link.symlink_to(path)
    ResultFile(link).swap(1, 2)
    assert link.is_symlink() and path.read_text() != MOT


def test_the_tracker_s_own_files_are_edited(tmp_path):
    """Two objects, one of which is unseen for a while, and its gap revised; both files agree."""
    config = {"tracker.predictor": "kalman", "tracker.association": "overlap"}
    tracker = Tracker(load_config(overrides=config))
    with (
        jsonl_writer(tmp_path / "a.jsonl") as lines,
        mot_writer(tmp_path / "a.txt") as mot,
        csv_writer(tmp_path / "a.csv") as rows,
    ):
        for frame in range(14):
            boxes = [[10 + frame, 10, 40 + frame, 90]]
            boxes += [] if 4 <= frame < 8 else [[200 + frame, 10, 240 + frame, 90]]
            tracks = tracker.update(boxes)
            for writer in (lines, mot, rows):
                writer.write(tracks)
    path = tmp_path / "a.jsonl"
    gap = np.arange(4, 8)
    revision = Revision(2, gap, np.ones((4, 4), np.float32), np.ones((4, 4), np.float32))
    with path.open("a") as file:
        file.write(json.dumps(jsonl_revision(revision)) + "\n")
    assert ResultFile(path).split(2, 6) == 3 and ResultFile(tmp_path / "a.txt").split(2, 7) == 3
    assert ResultFile(tmp_path / "a.csv").split(2, 6) == 3
    assert [line["revision"]["id"] for line in records(path)[-2:]] == [2, 3]
    seen = [(line["frame"] + 1, each["id"]) for line in records(path) if "tracks" in line
            for each in line["tracks"] if each["state"] == "observed"]  # fmt: skip
    assert sorted(seen) == sorted(ResultFile(tmp_path / "a.txt").content.boxes())
    boxes = ResultFile(path).content.boxes(), ResultFile(tmp_path / "a.csv").content.boxes()
    assert sorted(boxes[0]) == sorted(boxes[1])


CSV = (
    "\ufeffx_min,y_min,class_id,tracker_id,note,frame_index,state,gap\r\n"
    '1,2,,1,"a ""b"", c",0,observed,0\r\n5,2,0,2,,0,predicted,3\r\n'
    "1,2,0,2,,1,observed,0\r\n"
)


def test_csv_keeps_every_byte_but_ids_and_boxes_that_give_way(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text(CSV, newline="")
    assert ResultFile(path).merge(1, 2) == 2
    lines = CSV.splitlines(keepends=True)
    assert path.read_bytes().decode() == "".join([*lines[:2], lines[3].replace("0,2,", "0,1,")])
    ResultFile(path).undo()
    assert path.read_bytes().decode() == CSV
    path.write_text(CSV + "1,2,0,1,,1,observed,0\n", newline="")
    with pytest.raises(MambatrackError, match="frame 1 would have id 1 twice"):
        ResultFile(path).merge(1, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x_min,frame\n", "line 1: expected the columns tracker_id, frame_index"),
        ("tracker_id,frame_index\n1,x\n", "line 2: no row of a track"),
    ],
)
def test_csv_that_is_no_result_is_refused(tmp_path, text, message):
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(MambatrackError, match=message):
        ResultFile(tmp_path / "r.csv")
