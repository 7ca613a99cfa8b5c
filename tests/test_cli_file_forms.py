"""A file that is written is what its name says, or the name is refused before any work."""

import argparse
import json

import cv2
import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.cli.file_forms import CSV, FORM_OF, MOT, ZIP, check_form
from mambatrack.cli.named_files import WrittenFile, WrittenFolder
from mambatrack.cli.program import build_parser
from mambatrack.counting.heat import HeatMap
from mambatrack.datasets.box_files import read_box_file
from mambatrack.errors import MambatrackError
from tiny_onnx import heads, write_onnx
from videos import COUNT, write_avi

SCORES = ("eval", "--dataset", "data", "--results", "r")
REFUSED = {
    "boxes as a spreadsheet": ("detect", "a.avi", "--out", "x.xlsx"),
    "boxes as COCO": ("detect", "a.avi", "--out", "x.json"),
    "boxes that are compressed": ("detect", "a.avi", "--out", "x.csv.gz"),
    "MOT text as CSV": ("track", "a.avi", "--mot", "x.csv"),
    "MOT text as a picture": ("track", "a.avi", "--mot", "x.PNG"),
    "CSV as text": ("track", "a.avi", "--csv", "x.txt"),
    "CSV with tabs": ("track", "a.avi", "--csv", "x.tsv"),
    "JSON Lines as JSON": ("track", "a.avi", "--jsonl", "x.json"),
    "JSON Lines as YAML": ("live", "a.avi", "--jsonl", "x.yaml"),
    "a video as a GIF": ("track", "a.avi", "--output", "x.gif"),
    "a heat map as text": ("track", "a.avi", "--heat-map", "x.txt"),
    "a heat map as a video": ("track", "a.avi", "--heat-map", "x.mp4"),
    "a heat map of no known kind": ("track", "a.avi", "--heat-map", "x.abc"),
    "events as text": ("track", "a.avi", "--line", "a:0,0,9,9", "--events", "x.txt"),
    "boxes of standard input": ("track", "-", "--mot", "x.csv"),
    "a state as CSV": ("live", "a.avi", "--state", "x.csv"),
    "results that are no file": ("track", "--dataset", "data", "--out", "x.txt"),
    "CVAT as CSV": ("export-tracks", "r/s.txt", "--format", "cvat", "--out", "x.csv"),
    "CSV as MOT text": ("export-tracks", "r/s.txt", "--format", "csv", "--out", "x.txt"),
    "MOT text as JSON": ("export-tracks", "r/s.txt", "--format", "mot", "--out", "x.json"),
    "a data set as a file": ("export-tracks", "r/s.txt", "--format", "fiftyone", "--out", "x.zip"),
    "scores as JSON": (*SCORES, "--csv", "x.json"),
    "curves as CSV": (*SCORES, "--json", "x.csv"),
    "a report as text": (*SCORES, "--report", "x.pdf"),
    "switches as text": (*SCORES, "--switches", "x.txt"),
    "plots as a picture": (*SCORES, "--plots", "x.png"),
    "transforms as an array": ("camera", "a.avi", "--out", "x.npy"),
    "an archive of another kind": (
        "submit", "--server", "dancetrack", "--results", "r", "--out", "x.tar.gz",
    ),
    "a network of torch": ("export", "--predictor", "mamba", "--out", "x.pt"),
    "times as JSON": ("bench", "--objects", "1", "--out", "x.json"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """With a video, a model that finds two classes, and results."""
    monkeypatch.chdir(tmp_path)
    write_avi(tmp_path / "a.avi")
    head = heads([[8, 8, 24, 40], [30, 10, 50, 60]], 3, [0.9, 0.5], [0, 2])[0]
    write_onnx(tmp_path / "a.onnx", {"output": head[None]})
    (tmp_path / "data/s/gt").mkdir(parents=True)
    (tmp_path / "r").mkdir()
    for path in ("data/s/gt/gt.txt", "r/s.txt"):
        (tmp_path / path).write_text("1,1,2,3,20,40,1,1,1\n")
    return tmp_path


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_that_says_something_else_is_refused(folder, capsys, case):
    assert main(list(REFUSED[case])) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: x.") and "name it " in said and said.count("\n") == 1, said
    assert not list(folder.glob("x.*"))


def test_every_option_that_writes_says_what():
    (choices,) = (
        each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)
    )
    for name, parser in choices.choices.items():
        for action in parser._actions:
            writes = isinstance(action.type, type) and issubclass(
                action.type, (WrittenFile, WrittenFolder)
            )
            assert writes == (action.dest in parser.forms), f"{name} {action.dest}"


@pytest.mark.parametrize("name", ["x", "x.out", "/dev/stdout", "a.b/x", "X.TXT", "x.2026-01"])
def test_names_that_say_nothing_or_the_same_are_taken(name):
    assert check_form(name, "--mot", (MOT,)) is None


def test_the_message_says_how_to_name_it():
    with pytest.raises(MambatrackError) as raised:
        check_form("x.csv.json", "--out", (CSV, ZIP))
    assert str(raised.value) == (
        "x.csv.json is named as JSON, but --out writes CSV or a zip archive; name it x.csv or x.zip"
    )
    assert all(ending.startswith(".") and ending == ending.lower() for ending in FORM_OF)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "X.CSV", "x.txt", "x"])
def test_detected_boxes_are_read_again_in_each_form(folder, name):
    detect = ["detect", "a.avi", "--weights", "a.onnx", "--class-names", "man,dog,#cat"]
    assert main([*detect, "--out", name]) == 0
    found, text = read_box_file(name), (folder / name).read_text()
    assert len(found.frames) == 2 * COUNT and found.frames.tolist() == sorted([*range(COUNT)] * 2)
    np.testing.assert_allclose(found.boxes[:2], [[8, 8, 24, 40], [30, 10, 50, 60]])
    np.testing.assert_allclose(found.scores[:2], [0.9, 0.5])
    if name in ("x", "x.txt"):
        assert text.startswith("1,-1,8.00,8.00,16.00,32.00,0.9000")
        return
    assert found.labels[:2].tolist() == [0, 2]
    assert [found.names[label] for label in found.labels[:2]] == ["man", "#cat"]
    assert text.startswith("x_min," if name.lower() == "x.csv" else '{"format"')


def test_a_frame_without_boxes_is_a_line_of_json_lines(folder):
    assert (
        main(["detect", "a.avi", "--weights", "a.onnx", "--conf", "0.99", "--out", "x.jsonl"]) == 0
    )
    lines = [json.loads(line) for line in (folder / "x.jsonl").read_text().splitlines()]
    assert [line["boxes"] for line in lines[1:]] == [[]] * COUNT
    assert main(["detect", "a.avi", "--weights", "a.onnx", "--conf", "0.99", "--out", "x.csv"]) == 0
    assert len((folder / "x.csv").read_text().splitlines()) == 1


@pytest.mark.parametrize("name", ["x.pgm", "x.abc", "x.svg"])
def test_a_heat_map_of_a_kind_that_cannot_be_written_is_refused_at_the_start(name, tmp_path):
    with pytest.raises(MambatrackError, match="is written; name it .png"):
        HeatMap(tmp_path / name, (64, 48))


def test_a_heat_map_without_an_ending_is_a_png(tmp_path):
    HeatMap(tmp_path / "where", (64, 48)).save()
    assert cv2.imread(str(tmp_path / "where")).shape == (48, 64, 3)
