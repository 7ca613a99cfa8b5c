"""Boxes of other programs, in the files that these write."""

import json

import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.datasets.box_files import read_box_file
from mambatrack.detectors import open_detector
from mambatrack.errors import MambatrackError
from videos import write_avi

BOXES = [[8, 8, 24, 40], [30, 10, 50, 46], [9, 8, 25, 40]]  # in frames 0, 0 and 2
FRAMES, SCORES, LABELS = [0, 0, 2], [0.9, 0.25, 0.75], [2, 0, 2]
SIZE = (64, 48)
ROWS = [
    {"frame": frame + 1, "x1": box[0], "y1": box[1], "x2": box[2], "y2": box[3], "score": score,
     "class": label}
    for frame, box, score, label in zip(FRAMES, BOXES, SCORES, LABELS, strict=True)
]  # fmt: skip
COCO = [
    {"image_id": row["frame"], "category_id": row["class"], "score": row["score"],
     "bbox": [row["x1"], row["y1"], row["x2"] - row["x1"], row["y2"] - row["y1"]]}
    for row in ROWS
]  # fmt: skip


def of_csv(path):
    lines = [",".join(ROWS[0]), *(",".join(map(str, row.values())) for row in ROWS)]
    path.write_text("\n".join(lines))


def of_lines(path):
    rows = list(zip(FRAMES, BOXES, SCORES, LABELS, strict=True))
    for number in range(3):
        boxes = [[*box, score, label] for frame, box, score, label in rows if frame == number]
        with path.open("a") as file:
            print(json.dumps({"frame": number, "boxes": boxes}), file=file)


def of_coco_set(path):
    """The ids of pictures are no frames; their names are."""
    images = [{"id": 70 + number, "file_name": f"clip_{number:06d}.jpg"} for number in (1, 2, 3)]
    found = [{**each, "image_id": 70 + each["image_id"]} for each in COCO]
    names = [{"id": 0, "name": "person"}, {"id": 2, "name": "car"}]
    said = {"info": {}, "images": images, "annotations": found, "categories": names}
    path.write_text(json.dumps(said, indent=1))


def of_labels(folder):
    """As Ultralytics writes them: a file for each frame that has boxes, from 1."""
    (folder / "labels").mkdir(parents=True)
    for row in ROWS:
        centre = [(row["x1"] + row["x2"]) / 2 / SIZE[0], (row["y1"] + row["y2"]) / 2 / SIZE[1]]
        sides = [(row["x2"] - row["x1"]) / SIZE[0], (row["y2"] - row["y1"]) / SIZE[1]]
        with (folder / "labels" / f"clip_{row['frame']}.txt").open("a") as file:
            print(row["class"], *centre, *sides, row["score"], file=file)


KINDS = {
    "a.csv": of_csv,
    "a.jsonl": of_lines,
    "results.json": lambda path: path.write_text(json.dumps(COCO)),
    "rows.json": lambda path: path.write_text(json.dumps(ROWS)),
    "set.json": of_coco_set,
    "predict": of_labels,
}


@pytest.mark.parametrize("name", KINDS)
def test_boxes_of_every_kind_are_the_same(tmp_path, name):
    KINDS[name](tmp_path / name)
    found = read_box_file(tmp_path / name)
    assert found.frames.tolist() == FRAMES and found.labels.tolist() == LABELS
    np.testing.assert_allclose(found.scores, SCORES)
    boxes = found.boxes * (np.tile(SIZE, 2) if found.shares else 1)
    np.testing.assert_allclose(boxes, BOXES)
    detector = open_detector(tmp_path / name, conf=0.3)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    each = [detector(image, index) for index in range(3)]
    assert [len(one) for one in each] == [1, 0, 1] and each[2].labels.tolist() == [2]
    np.testing.assert_allclose(each[0].boxes, BOXES[:1], rtol=1e-6)


def test_classes_are_kept_and_named(tmp_path):
    of_coco_set(tmp_path / "set.json")
    assert read_box_file(tmp_path / "set.json").names == ("person", "1", "car")
    cars = open_detector(tmp_path / "set.json", classes="car")
    of_csv(tmp_path / "a.csv")
    named = open_detector(tmp_path / "a.csv", class_names=("person", "bike", "car"), classes="car")
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    assert [len(detector(image, 0)) for detector in (cars, named)] == [1, 1]
    assert named.names[2] == "car" and read_box_file(tmp_path / "a.csv").names == ("0", "1", "2")


@pytest.mark.parametrize("name", KINDS)
def test_the_program_tracks_them(tmp_path, name, capsys):
    KINDS[name](tmp_path / name)
    video = write_avi(tmp_path / "v.avi")
    out = tmp_path / "out.jsonl"
    models = ["--predictor", "still", "--association", "overlap", "--tracker.min_hits", "1"]
    assert main(["track", str(video), "--weights", str(tmp_path / name), "--jsonl", str(out),
                 *models]) == 0  # fmt: skip
    frames = [json.loads(line) for line in out.read_text().splitlines()[1:]]
    assert frames[0]["tracks"][0]["box"] == pytest.approx(BOXES[0])
    assert f"detector: file, as {tmp_path / name} is a" in capsys.readouterr().out


def test_tracks_are_boxes_but_for_predicted_ones(tmp_path):
    head = "x_min,y_min,x_max,y_max,tracker_id,frame_index,state\n"
    rows = "8,8,24,40,1,1,observed\n8,8,24,40,1,2,predicted\n8,8,24,40,2,2,tentative\n"
    (tmp_path / "a.csv").write_text(head + rows)
    assert read_box_file(tmp_path / "a.csv").frames.tolist() == [1, 2]


def written(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '[{"bbox": [1, 2, 3, 4]}]', "no boxes of COCO: 'image_id' is missing"),
        ("a.json", '[{"image_id": 1, "bbox": [1, 2, 3, 1%s]}]' % ("0" * 400), "too large"),
        ("a.json", '[{"image_id": 1, "bbox": [1, 2, 3, 4], "category_id": "dog"}]', "'dog'; exp"),
        ("a.json", '[{"image_id": 9999999999, "bbox": [1, 2, 3, 4]}]', "has no number of a frame"),
        ("a.json", "[1, 2", "no boxes of COCO: Expecting"),
        ("a.json", '[{"image_id": "night", "bbox": [1, 2, 3, 4]}]', "has no number of a frame"),
        ("a.json", '[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 70}]', "score 70; expected 0"),
        ("a.json", '[{"frame": 1, "x1": 1, "y1": 2, "x2": "?", "y2": 9}]', "x2 is '.'; expected a"),
        ("a.json", '{"images": [], "info": {}}', "'annotations' is missing"),
        ("a.csv", "frame,x1,y1,x2,y2,score\n1,1,2,30,40,70\n", "score 70; expected 0 to 1"),
        ("a.jsonl", '{"frame": 0}\n', "line 1: no boxes, only frame"),
        ("d/a_1.txt", "0 .5 .5 .1 .1 3\n", "a_1.txt, line 1: class cx cy w h"),
        ("d/night.txt", "0 .5 .5 .1 .1\n", "'night' has no number of a frame"),
    ],
)
def test_what_has_no_boxes_is_refused(tmp_path, name, text, message):
    path = written(tmp_path / name, text)
    with pytest.raises(MambatrackError, match=message):
        read_box_file(path.parent if path.parent != tmp_path else path)


def test_boxes_of_several_videos_are_refused(tmp_path):
    for name in ("a_1.txt", "b_1.txt"):
        written(tmp_path / "labels" / name, "0 .5 .5 .1 .1\n")
    with pytest.raises(MambatrackError, match="several pictures are frame 1"):
        read_box_file(tmp_path)
    images = [{"id": number, "file_name": f"{folder}/0001.jpg"} for number, folder in
              enumerate("ab")]  # fmt: skip
    path = written(tmp_path / "a.json", json.dumps({"images": images, "annotations": []}))
    with pytest.raises(MambatrackError, match="several pictures are frame 1"):
        read_box_file(path)
    (tmp_path / "none").mkdir()
    with pytest.raises(MambatrackError, match="no labels of YOLO, NAME_FRAME.txt"):
        read_box_file(tmp_path / "none")
