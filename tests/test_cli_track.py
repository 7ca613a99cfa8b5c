"""`mambatrack track` as a user meets it: results, messages and exit codes."""

import json
import os
import signal
import sys
import time

import cv2
import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.outputs.video import open_video_writer
from mambatrack.simulation.world import make_world
from split_processes import end_split, run_command, start_split
from tiny_onnx import write_onnx
from worlds import write_clip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("world"))


@pytest.fixture
def track(world, tmp_path, monkeypatch):
    """Runs ``mambatrack track`` on the clip, with its detections, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    detections = world / "set" / "walk" / "det" / "det.txt"

    def run(*options, source=world / "clip.mp4"):
        given = ["--detector", "file", "--weights", str(detections), "--predictor", "kalman"]
        return main(["track", str(source), *given, *map(str, options)])

    return run


def rows(path):
    return [line.split(",") for line in path.read_text().splitlines()]


def test_every_output_is_written_and_named(track, tmp_path, capsys):
    assert track("--output", "a.mp4", "--mot", "a.txt", "--jsonl", "a.jsonl", "--csv", "a.csv") == 0
    printed = capsys.readouterr()
    assert "30 frames" in printed.out and "wrote a.mp4, a.txt, a.jsonl, a.csv" in printed.out
    for step in ("decode", "detect", "predict", "associate", "write"):
        assert f"{step} " in printed.out
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines[0]["classes"] == ["object"] and len(lines) == 31
    seen = sum(track["state"] == "observed" for line in lines[1:] for track in line["tracks"])
    assert len(rows(tmp_path / "a.txt")) == seen > 30
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 30


def test_without_outputs_a_video_named_after_the_source(track, tmp_path):
    assert track() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["clip-tracked.mp4"]


def test_quiet_prints_nothing(track, capsys):
    assert track("--mot", "a.txt", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_frame_numbers_are_those_of_the_source(track, tmp_path):
    assert track("--mot", "a.txt", "--start", 10, "--stop", 20, "--stride", 3) == 0
    assert {int(row[0]) for row in rows(tmp_path / "a.txt")} == {11, 14, 17, 20}


def test_a_crop_is_cut_out(track, tmp_path):
    assert track("--output", "a.mp4", "--crop", "10:20:210:140", "--stop", 3) == 0
    video = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == 200
    assert video.get(cv2.CAP_PROP_FRAME_HEIGHT) == 120


def test_predicted_boxes_enter_the_mot_file_only_when_asked(track, tmp_path):
    assert track("--mot", "seen.txt") == 0
    assert track("--mot", "all.txt", "--mot-predicted") == 0
    seen, everything = rows(tmp_path / "seen.txt"), rows(tmp_path / "all.txt")
    assert len(everything) > len(seen)
    assert {tuple(row) for row in seen} <= {tuple(row) for row in everything}


def test_settings_by_dotted_name_and_file(track, tmp_path):
    (tmp_path / "c.yaml").write_text("tracker: {birth_score: 1.0}\n")
    assert track("--mot", "none.txt", "--config", "c.yaml") == 0
    assert (tmp_path / "none.txt").read_text() == ""
    assert track("--mot", "a.txt", "--config", "c.yaml", "--tracker.birth_score", "0.5") == 0
    assert track("--tracker.birth_score=0.5", "--mot", "b.txt", "--config", "c.yaml") == 0
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text() != ""


def test_offline_reads_a_video_twice_and_a_stream_not_at_all(track, tmp_path, capsys):
    assert track("--offline", "--jsonl", "a.jsonl", "--output", "a.mp4") == 0
    frames = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()[1:]]
    assert [each["frame"] for each in frames] == list(range(30))
    for command in (["track", "-"], ["live", "clip.mp4"]):
        assert main([*command, "--tracker.offline", "true"]) == 1
        assert "decides after the last frame" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--mot", "taken.txt"], 1, "taken.txt exists; use --overwrite"),
        (["--mot", "nowhere/a.txt"], 1, "folder nowhere does not exist"),
        (["--mot", "a.txt", "--csv", "./a.txt"], 1, "a.txt is named for two outputs"),
        (["--output", "a.avi"], 1, "name the file .mp4"),
        (["--crop", "1:2:3"], 1, "expected x0:y0:x1:y1"),
        (["--crop", "0:0:999:9"], 1, "does not fit the frame of 320x240"),
        (["--start", "99"], 1, "the source has 30 frames"),
        (["--conf", "2"], 2, "detector.conf: 2.0 is not allowed (0.0 to 1.0)"),
        (["--detector", "yolo"], 1, "unknown detector 'yolo'; known: motion, onnx, own, yolox"),
        (["--classes", "car"], 1, "unknown class 'car'"),
        (
            ["--predictor", "lstm"],
            2,
            "tracker.predictor: 'lstm' is not allowed (one of mamba-window, m",
        ),
        (["--tracker.predictor", "lstm"], 2, "or the path of a trained .safetensors file)"),
        (["--predictor", "my.safetensors"], 1, "my.safetensors not found"),
        (["--association", "iou"], 2, "not allowed (one of learned, light, overlap, or the path"),
        (["--tracker.max_agee", "3"], 2, "did you mean 'tracker.max_age'?"),
        (["--tracker.max_age"], 2, "--tracker.max_age needs a value"),
        (["--tracker.max_age", "x"], 2, "tracker.max_age: expected int"),
        (["--ouput", "a.mp4"], 2, "did you mean --output?"),
        (["--config", "absent"], 2, "configuration absent not found"),
        (["--dataset", "x", "--out", "y"], 2, "give a SOURCE, or a folder"),
        (["--out", "y"], 2, "--out has no effect without a folder of videos or --dataset"),
        (["--workers", "2"], 2, "--workers has no effect with a video as SOURCE"),
        (["--revise"], 2, "--revise has no effect without --jsonl"),
        (["--offline", "--forecast"], 2, "--forecast has no effect with --offline"),
    ],
)
def test_a_mistake_is_one_clear_line(track, tmp_path, capsys, options, code, message):
    (tmp_path / "taken.txt").write_text("kept")
    try:
        result = track(*options)
    except SystemExit as stop:
        result = stop.code
    printed = capsys.readouterr()
    assert result == code and message in printed.err and "Traceback" not in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["taken.txt"]
    assert (tmp_path / "taken.txt").read_text() == "kept"


def test_the_source_is_never_written_over(world, track, capsys):
    before = (world / "clip.mp4").read_bytes()
    assert track("--output", world / "clip.mp4", "--overwrite") == 1
    assert "is the source itself" in capsys.readouterr().err
    assert (world / "clip.mp4").read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"no video"])
def test_an_unusable_source(track, tmp_path, capfd, content):
    if content is not None:
        (tmp_path / "bad.mp4").write_bytes(content)
    assert track("--mot", "a.txt", source="bad.mp4") == 1
    assert "error: bad.mp4" in capfd.readouterr().err
    assert not (tmp_path / "a.txt").exists()


def test_a_truncated_video_is_tracked_up_to_the_damage(track, tmp_path, capfd):
    frames = np.random.default_rng(0).integers(0, 255, (60, 240, 320, 3), dtype=np.uint8)
    writer = cv2.VideoWriter("whole.avi", cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for frame in frames:
        writer.write(frame)
    writer.release()
    data = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "half.avi").write_bytes(data[: len(data) // 2])
    assert track("--mot", "a.txt", source="half.avi") == 1
    printed = capfd.readouterr()
    assert "truncated or damaged" in printed.err
    assert max(int(row[0]) for row in rows(tmp_path / "a.txt")) >= 20


def test_a_new_frame_size_is_taken_over(world, track, tmp_path, capsys):
    for index, side in enumerate([240, 240, 480, 480]):
        cv2.imwrite(f"{index}.png", np.zeros((side, side, 3), np.uint8))
    (tmp_path / "2.jpg").write_bytes(b"no picture")
    assert track("--output", "a.mp4", source=tmp_path) == 0
    printed = capsys.readouterr().out
    assert "4 frames" in printed and "changes of the frame size: 1" in printed
    assert "1 frame came empty: skipped" in printed
    video = cv2.VideoCapture("a.mp4")
    assert video.get(cv2.CAP_PROP_FRAME_HEIGHT) == 240


def test_unusable_detections_are_counted_once_in_a_warning(world, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    detections = "1,-1,10,10,50,90,1\n1,-1,10,10,0,90,1\n2,-1,nan,10,9,9,1\n2,-1,900,10,9,9,1\n"
    (tmp_path / "det.txt").write_text(detections)
    command = ["track", str(world / "clip.mp4"), "--detector", "file", "--weights", "det.txt"]
    assert main([*command, "--predictor", "still", "--mot", "a.txt"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("warning:") == 1
    assert "dropped: 3 unusable detections" in printed.out


def test_no_window_without_a_display(track, monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(cv2, "imshow", lambda *_: pytest.fail("imshow was called"))
    for display in ("", ":987", "nonsense"):
        monkeypatch.setenv("DISPLAY", display)
        assert track("--show", "--stop", 2, "--overwrite") == 0
        assert "--show is left out" in capsys.readouterr().err
    assert (tmp_path / "clip-tracked.mp4").exists()


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    """The path of a video of 2000 frames, in which people walk the same way again and again."""
    path = tmp_path_factory.mktemp("long") / "long.mp4"
    world = make_world(seed=1, people=3, frames=40, size=(160, 120))
    with open_video_writer(path, 25, (160, 120)) as video:
        pictures = [world.render(index) for index in range(40)]
        for index in range(2000):
            video.write(pictures[index % 40])
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_whole_files(tmp_path, long_video, number, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["track", long_video, "--predictor", "still", "--detector", "motion"]
    words += ["--output", "out.mp4", "--mot", "out.txt", "--jsonl", "out.jsonl"]
    (said := tmp_path / "said").mkdir()
    process = start_split(said, run_command, *words)
    lines = tmp_path / "out.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.is_alive():
        if lines.exists() and lines.read_text().count("\n") > 30:
            break
        time.sleep(0.02)
    os.kill(process.pid, number)
    ended = end_split(said, process)
    assert ended.returncode == 130, ended.stderr
    done = [json.loads(line) for line in lines.read_text().splitlines()]
    assert 30 < len(done) < 2000
    video = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    frames = 0
    while video.read()[0]:
        frames += 1
    assert frames == len(done) - 1
    assert f"{frames} frames, " in ended.stdout


def test_a_run_without_a_track_says_what_helps(world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = ["track", str(world / "clip.mp4"), "--predictor", "kalman"]
    arguments += ["--stop", "2", "--mot", "a.txt"]
    assert main([*arguments, "--detector", "motion"]) == 0
    assert "no track: detector motion finds who walks" in capsys.readouterr().out
    assert main([*arguments, "--overwrite", "--detector", "own", "--conf", "1"]) == 0
    assert "no track: own finds people" in capsys.readouterr().out
    boxes = np.zeros((1, 84, 84), np.float32)
    weights = write_onnx(tmp_path / "blind.onnx", {"output0": boxes}, metadata={"task": "detect"})
    assert main([*arguments, "--overwrite", "--weights", weights]) == 0
    assert "no track: a larger model may find more" in capsys.readouterr().out


@pytest.mark.parametrize("words", [("track",), ("detect", "--out", "d.txt")])
def test_a_source_that_is_not_there_is_told_before_a_detector_is_chosen(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main([words[0], "no.mp4", *words[1:]]) == 1
    said = capsys.readouterr()
    assert "no.mp4 does not exist; expected a video" in said.err and said.out == ""
