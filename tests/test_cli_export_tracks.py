"""Result files for annotation tools and viewers, read back by their own libraries where present."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from mambatrack.cli import export_tracks
from mambatrack.cli.program import parse
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.result_files.footage import Footage, open_footage
from mambatrack.result_files.label_studio import label_config
from mambatrack.result_files.read_results import read_recording
from mambatrack.simulation.world import write_sequence

HEADER = {"format": "mambatrack-tracks", "version": 1, "classes": ["person", "car"]}


def track(identity, left, state="observed", label=0, score=0.5, gap=0):
    return {
        "id": identity, "box": [left, 10, left + 20, 50], "score": score, "label": label,
        "class": HEADER["classes"][label], "state": state, "gap": gap, "spread": [0, 0, 0, 0],
    }  # fmt: skip


FRAMES = [
    [track(1, 10), track(2, 60, label=1)],
    [track(1, 12), track(2, 62, "predicted", label=1, gap=1), track(3, 90, "tentative")],
    [],
    [track(1, 14, label=1, score=0.2), track(2, 190, label=1)],
    [track(1, 16)],
]


@pytest.fixture
def result(tmp_path):
    """JSON Lines of two tracks: 1 changes its class once, 2 is predicted once and leaves at the
    right edge of a picture of 200x100; both are absent from frame 2."""
    path = tmp_path / "result.jsonl"
    lines = [HEADER] + [
        {"frame": i, "time_s": i / 10, "tracks": tracks, "ended": []}
        for i, tracks in enumerate(FRAMES)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def export(result, tmp_path):
    """Runs the command on the result."""

    def run(form, out, *options, source=result):
        given = [str(source), "--format", form, "--out", str(tmp_path / out), *map(str, options)]
        _, options, config = parse(["export-tracks", *given])
        assert export_tracks.run(options, config) == 0
        return tmp_path / out

    return run


@pytest.fixture
def video(tmp_path):
    write_sequence(
        tmp_path / "walk", seed=1, people=2, frames=6, size=(200, 100), video=tmp_path / "a b.mp4"
    )
    return tmp_path / "a b.mp4"


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


def test_cvat_gets_rows_with_class_and_visibility(export):
    with zipfile.ZipFile(export("cvat", "c.zip")) as archive:
        assert archive.namelist() == ["gt/gt.txt", "gt/labels.txt"]
        assert archive.read("gt/labels.txt").decode() == "person\ncar\n"
        rows = archive.read("gt/gt.txt").decode().splitlines()
    assert rows[:4] == [
        "1,1,10.00,10.00,20.00,40.00,1,1,1", "1,2,60.00,10.00,20.00,40.00,1,2,1",
        "2,1,12.00,10.00,20.00,40.00,1,1,1", "2,2,62.00,10.00,20.00,40.00,1,2,0",
    ]  # fmt: skip
    assert export("cvat", "d.zip").read_bytes() == export("cvat", "e.zip").read_bytes()


def test_an_id_of_zero_stays_a_track_in_cvat(export, tmp_path):
    source = tmp_path / "zero.txt"
    source.write_text("1,0,0,0,5,5,1\n1,1,9,9,5,5,1\n")
    with zipfile.ZipFile(export("cvat", "c.zip", source=source)) as archive:
        rows = archive.read("gt/gt.txt").decode().splitlines()
    assert [row.split(",")[1] for row in rows] == ["1", "2"]


def test_cvat_s_own_importer_takes_it(export, tmp_path):
    datumaro = pytest.importorskip("datumaro")
    with zipfile.ZipFile(export("cvat", "c.zip")) as archive:
        archive.extractall(tmp_path / "task")
    data = datumaro.Dataset.import_from(str(tmp_path / "task"), "mot_seq")
    names = [each.name for each in data.categories()[datumaro.AnnotationType.label].items]
    boxes = [(int(item.id), box) for item in data for box in item.annotations]
    assert names == ["person", "car"] and len(boxes) == 7
    hidden = [(frame, box.attributes["track_id"]) for frame, box in boxes
              if box.attributes["occluded"]]  # fmt: skip
    assert hidden == [(2, 2)]
    assert not any(box.attributes["ignored"] for _, box in boxes)
    assert {box.label for _, box in boxes if box.attributes["track_id"] == 1} == {0}


def test_label_studio_gets_life_spans_in_percent(export):
    [task] = json.loads(export("label-studio", "l.json", "--size=200x100", "--fps=10").read_text())
    regions = {each["id"]: each for each in task["predictions"][0]["result"]}
    assert list(regions) == ["track-1", "track-2", "track-2-predicted"]
    one = regions["track-1"]["value"]
    assert [each["frame"] for each in one["sequence"]] == [1, 2, 4, 5]
    assert [each["enabled"] for each in one["sequence"]] == [True, False, True, False]
    assert one["labels"] == ["person"] and (one["framesCount"], one["duration"]) == (5, 0.5)
    first = one["sequence"][0]
    assert (first["x"], first["y"], first["width"], first["height"]) == (5, 10, 10, 40)
    assert first["time"] == 0.1
    edge = regions["track-2"]["value"]["sequence"][-1]
    assert edge["x"] + edge["width"] == 100 and edge["width"] == 5
    assert regions["track-2-predicted"]["meta"]["text"] == ["track 2, predicted"]


def test_label_studio_s_own_check_takes_it(export, result):
    jsonschema = pytest.importorskip("jsonschema")
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface(
        label_config(read_recording(result))
    )
    [task] = json.loads(export("label-studio", "l.json", "--size=200x100").read_text())
    for region in task["predictions"][0]["result"]:
        assert interface.validate_prediction({"result": [region]}, return_errors=True) == []
        jsonschema.validate(region["value"], interface.get_control("box").to_json_schema())
    del task["predictions"][0]["result"][0]["value"]["sequence"]
    assert not interface.validate_prediction(task["predictions"][0])


def test_a_relative_format_needs_the_size_of_the_picture(export):
    with pytest.raises(MambatrackError, match="give the --video, or its --size"):
        export("label-studio", "l.json")
    with pytest.raises(MambatrackError, match="give it as --video"):
        export("fiftyone", "f", "--size=10x10")


def test_fiftyone_finds_the_video_from_its_folder(export, video):
    folder = export("fiftyone", "deep/er", "--video", video)
    manifest = json.loads((folder / "manifest.json").read_text())
    [record] = manifest["index"]
    assert (folder / record["data"]).resolve() == video.resolve()
    frames = json.loads((folder / record["labels"]).read_text())["frames"]
    assert list(frames) == ["1", "2", "4", "5"]
    first, second = frames["2"]["objects"]["objects"]
    assert first["bounding_box"]["top_left"] == {"x": 0.06, "y": 0.1}
    assert [each["index"] for each in (first, second)] == [1, 2]
    said = {each["name"]: each["value"] for each in second["attrs"]["attrs"]}
    assert said == {"state": "predicted", "occluded": True, "gap": 1}
    with pytest.raises(MambatrackError, match="holds a data set"):
        export("fiftyone", "deep/er", "--video", video)
    export("fiftyone", "deep/er", "--video", video, "--overwrite")


def test_fiftyone_s_own_importer_takes_it(export, video):
    importers = pytest.importorskip("fiftyone.utils.data.importers")
    folder = export("fiftyone", "out", "--video", video)
    importer = importers.FiftyOneVideoLabelsDatasetImporter(str(folder))
    with importer:
        [(path, _, _, frames)] = list(importer)
    assert path == str(video)
    [found] = [each.detections for each in frames[2].values()]
    assert [each.label for each in found] == ["person", "car"]
    assert [each.index for each in found] == [1, 2]
    np.testing.assert_allclose(found[0].bounding_box, [0.06, 0.1, 0.1, 0.4])
    assert (found[1].occluded, found[1].state, found[1].gap) == (True, "predicted", 1)


def test_rerun_reads_its_recording(export, video):
    pytest.importorskip("rerun")
    path = export("rerun", "a.rrd", "--video", video)
    shown = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "print", "-vv", path],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    for part in ("/video/seen", "/video/predicted", "Boxes2D:labels", "VideoFrameReference"):
        assert part in shown
    assert export("rerun", "b.rrd").stat().st_size > 1000


def test_rerun_is_named_where_it_is_missing(export, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(MissingExtra, match=r"pip install 'mambatrack\[rerun\]'"):
        export("rerun", "a.rrd")
    assert not (tmp_path / "a.rrd").exists()


def test_nothing_that_exists_is_written_over_unasked(export, capsys):
    export("cvat", "c.zip", "--seen-only")
    assert "2 tracks, 6 boxes, 0 of them predicted" in capsys.readouterr().out
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        export("cvat", "c.zip")


def test_footage_is_what_the_video_says_unless_told_otherwise(video):
    told = open_footage(video)
    assert (told.size, told.frames, told.path) == ((200, 100), 6, video)
    assert open_footage(video, (20, 10), 5.0) == Footage((20, 10), 5.0, 6, video)
    with pytest.raises(MambatrackError, match="0 frames a second"):
        open_footage(fps=0)
