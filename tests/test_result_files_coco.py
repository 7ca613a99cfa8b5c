"""Tracks as COCO's JSON."""

import json

import cv2
import numpy as np
import pytest

from mambatrack.errors import MambatrackError


def test_boxes_know_their_picture_class_and_track(export, video):
    found = json.loads(export("coco", "c.json", "--video", video).read_text())
    assert found["videos"] == [{"id": 1, "name": video.name}]
    assert found["categories"] == [{"id": 1, "name": "person"}, {"id": 2, "name": "car"}]
    images = {each["id"]: each for each in found["images"]}
    assert sorted(images) == [1, 2, 3, 4, 5]  # the third has no box
    assert images[2] == {
        "id": 2, "file_name": "000002.jpg", "width": 200, "height": 100, "video_id": 1,
        "frame_id": 1,
    }  # fmt: skip
    first, second = [each for each in found["annotations"] if each["image_id"] == 2]
    assert (first["bbox"], first["area"], first["category_id"]) == ([12, 10, 20, 40], 800, 1)
    assert (first["track_id"], second["track_id"], second["category_id"]) == (1, 2, 2)
    assert [each["attributes"]["occluded"] for each in (first, second)] == [False, True]
    (edge,) = [e["bbox"] for e in found["annotations"] if e["image_id"] == 4 and e["track_id"] == 2]
    assert edge == [190, 10, 10, 40]  # of 20 pixels, 10 are in the picture
    numbers = [each["id"] for each in found["annotations"]]
    assert len(set(numbers)) == len(numbers) == 7 and {
        e["image_id"] for e in found["annotations"]
    } <= set(images)


def test_pictures_of_a_folder_keep_their_names(export, tmp_path):
    folder = tmp_path / "shots"
    folder.mkdir()
    for number in (8, 9, 10, 11, 12):
        cv2.imwrite(str(folder / f"p{number}.png"), np.full((100, 200, 3), 90, np.uint8))
    found = json.loads(export("coco", "c.json", "--video", folder).read_text())
    names = [each["file_name"] for each in found["images"]]
    assert names == ["p8.png", "p9.png", "p10.png", "p11.png", "p12.png"]


def test_frames_that_were_not_tracked_are_no_images(export, tmp_path):
    source = tmp_path / "r.jsonl"
    box = {"id": 1, "box": [1, 1, 9, 9], "score": 0.5, "label": 0, "state": "observed", "gap": 0}
    lines = [{"format": "mambatrack-tracks", "version": 1, "classes": ["person"]}]
    lines += [{"frame": frame, "time_s": frame / 10, "tracks": [box]} for frame in (0, 5, 10)]
    source.write_text("".join(f"{json.dumps(each)}\n" for each in lines))
    found = json.loads(export("coco", "c.json", "--size=20x10", source=source).read_text())
    assert [each["frame_id"] for each in found["images"]] == [0, 5, 10]


def test_the_size_of_the_picture_is_needed(export):
    with pytest.raises(MambatrackError, match="give the --video, or its --size"):
        export("coco", "c.json")


def test_coco_s_own_reader_takes_it(export):
    coco = pytest.importorskip("pycocotools.coco")
    found = coco.COCO(str(export("coco", "c.json", "--size=200x100")))
    assert len(found.getAnnIds(imgIds=[2])) == 2 and found.loadCats([2])[0]["name"] == "car"
