"""An embedder in the commands: what it looks at is said, and where there are no pictures too."""

import io
import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.config import load_config
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.result_files.read_results import read_recording
from mambatrack.runs import embedding_cache
from painted import SIZE, meeting


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """clip.avi of two people who meet; the same as the sequence set/meet, with pictures in img1/,
    detections and truth, and without pictures as set/blind."""
    folder = tmp_path_factory.mktemp("place")
    frames = list(meeting(walk=12, still=4))
    writer = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, SIZE)
    sequence = folder / "set" / "meet"
    for part in (sequence / "img1", sequence / "det", sequence / "gt"):
        part.mkdir(parents=True)
    for number, (picture, _, _) in enumerate(frames, start=1):
        writer.write(picture)
        cv2.imwrite(str(sequence / "img1" / f"{number:06}.jpg"), picture)
    writer.release()
    rows = [
        f"{number},{{}},{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f},1,1,1\n"
        for number, (_, boxes, _) in enumerate(frames, start=1)
        for left, top, right, bottom in boxes
    ]
    (sequence / "det" / "det.txt").write_text("".join(row.format(-1) for row in rows))
    who = [int(each) + 1 for _, _, seen in frames for each in seen]
    (sequence / "gt" / "gt.txt").write_text("".join(map(str.format, rows, who)))
    (sequence / "seqinfo.ini").write_text(
        f"[Sequence]\nseqLength={len(frames)}\nimWidth={SIZE[0]}\nimHeight={SIZE[1]}\n"
    )
    blind = folder / "blind" / "meet"
    blind.mkdir(parents=True)
    for part in ("det", "gt", "seqinfo.ini"):
        (blind / part).symlink_to(sequence / part)
    return folder


def track(place, folder, *options):
    weights = place / "set" / "meet" / "det" / "det.txt"
    given = ["--detector", "file", "--weights", str(weights), "--mot", str(folder / "out.txt")]
    return main(["track", str(place / "clip.avi"), *given, *options])


def test_track_says_what_was_looked_at(place, tmp_path, capsys):
    assert track(place, tmp_path, "--appearance", "colour") == 0
    said = capsys.readouterr().out
    assert "colour looked at" in said and ", look " in said


def moving(place, folder, *options):
    given = ["--detector", "motion", "--mot", str(folder / "out.txt"), "--overwrite"]
    assert main(["track", str(place / "clip.avi"), *given, *options]) == 0


@pytest.mark.parametrize(
    ("options", "looks"),
    [((), True), (("--appearance", "auto"), True), (("--appearance", "off"), False),
     (("--association", "overlap", "--predictor", "kalman"), False)],
)  # fmt: skip
def test_colours_are_looked_at_where_boxes_are_found_in_pictures(
    place, tmp_path, capsys, options, looks
):
    moving(place, tmp_path, *options)
    said = capsys.readouterr().out
    assert ("colour looked at" in said) == looks and (", look " in said) == looks


def test_so_they_are_in_a_folder_of_videos_and_offline(place, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "clip.avi").symlink_to(place / "clip.avi")
    given = ["--detector", "motion", "--offline", "--association", "light"]
    out = tmp_path / "o"
    assert main(["track", str(tmp_path / "videos"), "--out", str(out), *given]) == 0
    assert "colour looked at" in capsys.readouterr().out
    assert json.loads((out / "run.json").read_text())["appearance"]["embedder"] == "colour"


def test_of_a_data_set_colours_are_looked_at_where_a_detector_is_named(place, tmp_path, capsys):
    data = ["--dataset", str(place / "set")]
    assert main(["track", *data, "--out", str(tmp_path / "a"), "--detector", "motion"]) == 0
    assert "colour looked at" in capsys.readouterr().out
    for command, detector in (("track", ()), ("eval", ()), ("eval", ("--detector", "motion"))):
        out = tmp_path / f"{command}-{len(detector)}"
        assert main([command, *data, "--out", str(out), *detector]) == 0
        assert "looked at" not in capsys.readouterr().out
        assert "appearance" not in json.loads(next(out.rglob("run.json")).read_text())


def test_they_need_no_network_nor_torch(place, tmp_path):
    program = (
        "import sys; from mambatrack.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print([each for each in ('torch', 'onnxruntime') if each in sys.modules])"
    )
    given = ["track", place / "clip.avi", "--detector", "motion", "--mot", tmp_path / "out.txt"]
    command = [sys.executable, "-c", program, *map(str, given)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "colour looked at" in said and said.splitlines()[-1] == "[]"


def test_a_memory_and_codes_need_no_embedder_by_name(place, tmp_path):
    states = tmp_path / "out.jsonl"
    moving(place, tmp_path, "--jsonl", str(states), "--embeddings", "--memory.seconds", "60")
    assert {each.embedder for each in read_recording(states).codes} == {"colour"}


def test_boxes_of_a_file_are_tracked_by_themselves(place, tmp_path, capsys):
    results = []
    for options in ((), ("--appearance", "off")):
        assert track(place, tmp_path, "--overwrite", *options) == 0
        results.append((tmp_path / "out.txt").read_bytes())
    assert results[0] == results[1] and "looked at" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [("color", "unknown embedder 'color'"), ("net.onnx", "the embedder net.onnx is not there")],
)
def test_an_embedder_that_is_not_there(place, tmp_path, capsys, name, message):
    assert track(place, tmp_path, "--appearance", name) == 1
    assert message in capsys.readouterr().err


def test_offline_every_clean_box_is_looked_at(place, tmp_path, capsys):
    given = ["--association", "light", "--jsonl", str(tmp_path / "out.jsonl")]
    given += ["--memory.seconds", "9", "--offline", "--embeddings"]
    assert track(place, tmp_path, "--appearance", "colour", *given) == 0
    said = capsys.readouterr().out
    boxes = (place / "set" / "meet" / "det" / "det.txt").read_text().splitlines()
    looked_at, of = map(int, re.search(r"colour looked at (\d+) of (\d+) boxes", said).groups())
    assert of == len(boxes) and of / 2 < looked_at <= of and ", look " in said
    recording = read_recording(tmp_path / "out.jsonl")
    assert {each.id for each in recording.codes} == set(recording.id.tolist()) == {1, 2}
    assert all(each.looks > 5 for each in recording.codes)
    assert sum(each.looks for each in recording.codes) <= looked_at
    assert {each.frame for each in recording.codes} == {int(recording.frame.max())}


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        (["--appearance", "colour"], 2, "--appearance has no effect with boxes from -"),
        (["--config", "looks.yaml"], 1, "and standard input has none; leave out --appearance"),
    ],
)
def test_boxes_on_standard_input_have_no_pictures(
    tmp_path, monkeypatch, capsys, given, code, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "looks.yaml").write_text("appearance: {embedder: colour}\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1,-1,0,0,40,80,1\n")))
    try:
        status = main(["track", "-", *given])
    except SystemExit as error:  # of wrong usage
        status = error.code
    assert status == code and message in capsys.readouterr().err


def test_a_data_set_is_looked_at_too(place, tmp_path, capsys):
    given = ["--dataset", str(place / "set"), "--predictor", "mamba", "--out", str(tmp_path / "o")]
    assert main(["eval", *given, "--appearance", "colour"]) == 0
    made = json.loads(next((tmp_path / "o").rglob("run.json")).read_text())
    assert made["appearance"]["embedder"] == "colour" and made["embedder_sha256"] == ""


def test_a_sequence_without_pictures_is_named(place, tmp_path, capsys):
    given = ["--dataset", str(place / "blind"), "--out", str(tmp_path / "o")]
    assert main(["track", *given, "--appearance", "colour"]) == 1
    assert "meet has no pictures (img1/) for the embedder colour" in capsys.readouterr().err


def test_live_says_it_at_the_end(place, tmp_path, capsys):
    given = ["live", str(place / "clip.avi"), "--detector", "motion", "--jsonl"]
    assert main([*given, str(tmp_path / "a.jsonl"), "--appearance", "colour"]) == 0
    assert "colour looked at" in capsys.readouterr().out


def tune(place, folder, *options):
    given = ["--dataset", str(place / "set"), "--out", str(folder), "--trials", "1", "--quiet"]
    given += ["--param", "tracker.match_odds=-1:1", "--same-sequences", *options]
    return main(["tune", *given])


def test_trials_of_tune_look_at_the_pictures_once(place, tmp_path, monkeypatch):
    pytest.importorskip("optuna")
    seen = []

    def network(crops):
        seen.append(len(crops))
        return np.asarray(crops, np.float32).mean(axis=(1, 2))

    def opened(config):
        embedder = CropEmbedder("net", network, (8, 16))
        seen.pop()  # the crop of which it learns its size
        return embedder

    monkeypatch.setattr(embedding_cache, "configured_embedder", opened)
    assert tune(place, tmp_path / "one", "--appearance", "net.onnx") == 0
    assert load_config(tmp_path / "one" / "best.yaml").appearance.embedder == "net.onnx"
    looked_at = sum(seen)
    assert looked_at > 0
    assert tune(place, tmp_path / "two", "--appearance", "net.onnx") == 0
    assert sum(seen) == looked_at


def test_tune_says_where_there_are_no_pictures(place, tmp_path, capsys):
    pytest.importorskip("optuna")
    blind = place / "blind"
    given = ["tune", "--dataset", str(blind), "--out", str(tmp_path), "--trials", "1"]
    assert main([*given, "--same-sequences", "--appearance", "colour"]) == 1
    assert "meet has no pictures (img1/) for the embedder colour" in capsys.readouterr().err
