"""Tracks for CVAT."""

import zipfile

import pytest


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
