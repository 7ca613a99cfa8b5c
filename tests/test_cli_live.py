"""``mambatrack live`` as a user meets it: files, messages, exit codes, signals."""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import live_program
from mambatrack.cli import main
from mambatrack.cli.live import _open_sources
from mambatrack.outputs.video import open_video_writer
from mjpeg_server import MjpegServer, jpeg, until
from split_processes import end_split, start_split


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_every_source_has_its_own_files(clip, tmp_path, capsys):
    code = live_program.main(
        clip, clip, "--mot", "a.txt", "--jsonl", "b.jsonl", "--csv", "c.csv", "--output", "d.mp4"
    )
    printed = capsys.readouterr()
    assert code == 0, printed.err
    kinds = [("a", "txt"), ("b", "jsonl"), ("c", "csv"), ("d", "mp4")]
    expected = {f"{name}-{number}.{kind}" for name, kind in kinds for number in (0, 1)}
    assert {path.name for path in tmp_path.iterdir()} == expected
    for text in ("clip: ", "clip #2: ", "wrote d-0.mp4"):
        assert text in printed.out
    for number in (0, 1):
        header, *frames = lines(f"b-{number}.jsonl")
        assert header["format"] == "mambatrack-tracks" and frames
        indices = [each["frame"] for each in frames]
        assert indices == sorted(set(indices)) and indices[-1] <= 39
        video = cv2.VideoCapture(f"d-{number}.mp4")
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) > 0


def test_a_service_starts_again_with_the_same_command(clip, tmp_path, capsys):
    for _ in range(2):
        words = ["--jsonl", "a-%Y.jsonl", "--state", "tracks.state", "--frames", "3"]
        assert live_program.main(clip, *words) == 0, capsys.readouterr().err
    assert len(list(tmp_path.glob("a-20*.jsonl"))) == 2
    assert live_program.main(clip, "--jsonl", "a.jsonl", "--renew", "1") == 1
    assert "of --jsonl would be written over; put the time into" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["track", "live"])
def test_a_camera_that_moves_is_said_at_once_and_at_the_end(command, tmp_path, capsys):
    room = np.random.default_rng(3).integers(60, 200, (24, 64, 3), np.uint8)
    room = cv2.resize(room, (640, 240), interpolation=cv2.INTER_CUBIC)
    with open_video_writer(tmp_path / "turning.mp4", 20, (320, 240)) as writer:
        for step in range(30):
            writer.write(np.ascontiguousarray(room[:, 4 * step : 4 * step + 320]))
    assert main([command, "turning.mp4", "--detector", "motion", "--mot", "a.txt"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("warning: the camera moves, so the detector motion finds nothing") == 1
    said = r"the camera moved in \d+ frames, in which .* nothing; .*--detector own"
    assert re.search(said, printed.out)


@pytest.mark.parametrize("command", ["track", "live"])
def test_the_travel_of_the_camera_is_in_the_summary(command, clip, tmp_path, capsys):
    (tmp_path / "clip.txt").write_text("".join(f"{n} 1 0 3 0 1 4\n" for n in range(1, 40)))
    known = ("--camera", "clip.txt", "--mot", "a.txt", "--predictor", "kalman")
    assert main([command, str(clip), *known, "--association", "overlap"]) == 0
    printed = capsys.readouterr().out
    told = re.search(r"the camera moved (.*) pixels a frame in (\d+) frames", printed)
    moved, frames = float(told[1]), int(told[2])
    assert moved > 4.8 and frames > 1 and moved * frames < 5.2 * 39  # live drops frames under load


def test_no_two_sources_have_one_name(clip, tmp_path):
    files = [tmp_path / name for name in ("a/clip.mp4", "clip #2.mp4", "b/clip.mp4", "clip.mp4")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        shutil.copy(clip, file)
    options = argparse.Namespace(sources=[str(file) for file in files], loop=False, crop=None)
    names = [source.name for source in _open_sources(options)]
    assert names == ["clip", "clip #2", "clip #3", "clip #4"]


def test_one_source_keeps_the_name_and_stops_after_so_many_frames(clip, tmp_path, capsys):
    assert live_program.main(clip, "--loop", "--frames", 5, "--jsonl", "a.jsonl") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    assert len(lines("a.jsonl")) == 6


def test_it_stops_after_so_many_seconds(clip, capsys):
    began = time.monotonic()
    assert live_program.main(clip, "--loop", "--seconds", 0.5) == 0
    assert time.monotonic() - began >= 0.5


def test_a_source_that_never_came_is_an_error_and_the_other_is_tracked(clip, capsys):
    dead = "http://user:s3cret@127.0.0.1:9/x"
    assert live_program.main(dead, clip, "--jsonl", "a.jsonl", "--seconds", 3) == 1
    printed = capsys.readouterr()
    assert "error: 127.0.0.1:9/x: " in printed.err and "s3cret" not in printed.err + printed.out
    assert len(lines("a-1.jsonl")) > 1 and len(lines("a-0.jsonl")) == 1


def test_what_cannot_be_is_said_before_the_work_starts(clip, tmp_path, capsys):
    (tmp_path / "a-1.txt").write_text("mine")
    for arguments, said in (
        ((clip, clip, "--mot", "a.txt"), "a-1.txt exists"),
        ((clip, "--mot", "b.txt", "--csv", "b.txt"), "two outputs"),
        (("absent.mp4",), "does not exist"),
    ):
        assert live_program.main(*arguments) == 1
        assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.txt"]


@pytest.mark.parametrize(
    "options",
    [
        ["--port", "1"],
        ["--token", "x"],
        ["--frames", "0"],
        ["--seconds", "-1"],
        ["--serve", "--host", "0.0.0.0", "--port", "0", "--frames", "1", "--quiet"],
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(clip, options, capsys):
    with pytest.raises(SystemExit) as error:
        live_program.main(clip, *options)
    assert error.value.code == 2


@pytest.fixture
def stopped(tmp_path_factory):
    """Runs ``live`` in a process of its own and sends it a signal once a.jsonl has so many lines ->
    its code and what it said."""
    said = tmp_path_factory.mktemp("said")

    def run(*arguments, number, lines_before):
        process = start_split(said, live_program.run, *arguments)
        until(lambda: Path("a.jsonl").exists() and len(lines("a.jsonl")) >= lines_before)
        os.kill(process.pid, number)
        return end_split(said, process)

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_outputs(clip, number, stopped):
    files = ("--output", "a.mp4", "--jsonl", "a.jsonl", "--mot", "a.txt")
    done = stopped(clip, "--loop", *files, number=number, lines_before=6)
    assert done.returncode == 130 and "wrote a.mp4, a.txt, a.jsonl" in done.stdout
    frames = [each["frame"] for each in lines("a.jsonl")[1:]]
    assert frames == sorted(set(frames)) and len(frames) > 4
    video = cv2.VideoCapture("a.mp4")
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) > 0 and video.read()[0]


def test_a_camera_that_hangs_does_not_keep_it_from_ending(stopped):
    with MjpegServer(lambda k: jpeg(k) if k < 3 else None) as camera:
        done = stopped(camera.address, "--jsonl", "a.jsonl", number=signal.SIGTERM, lines_before=2)
    assert done.returncode == 130 and "wrote a.jsonl" in done.stdout


@pytest.mark.skipif(not shutil.which("xvfb-run"), reason="needs xvfb-run")
def test_a_window_is_shown_where_there_is_a_display(clip):
    command = [*program(clip, clip, "--show", "--seconds", "2")]
    environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
    run = subprocess.run(
        ["xvfb-run", "-a", *command], capture_output=True, text=True, timeout=120, env=environment
    )
    assert run.returncode == 0, run.stderr
    assert "--show is left out" not in run.stderr and " frames, " in run.stdout


@pytest.mark.skipif(
    not (shutil.which("xvfb-run") and shutil.which("xdotool")), reason="needs xvfb-run and xdotool"
)
def test_q_in_the_window_ends_it(clip):
    press = "xdotool search --name '^mambatrack: clip$' windowfocus key q"
    script = f"""
        {shlex.join(program(clip, "--loop", "--show", "--jsonl", "a.jsonl"))} & run=$!
        while kill -0 $run 2>/dev/null; do
            grep -q time_s a.jsonl 2>/dev/null && {press} >/dev/null 2>&1
            sleep 0.3
        done
        wait $run
    """
    command = ["xvfb-run", "-a", "bash", "-c", script]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0 and "wrote a.jsonl" in run.stdout, run.stderr


def test_no_window_is_touched_without_a_display(clip, capsys, monkeypatch):
    for name in [each for each in os.environ if "DISPLAY" in each]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(cv2, "imshow", lambda *_: pytest.fail("imshow was called"))
    assert live_program.main(clip, "--show", "--frames", "3") == 0
    assert "--show is left out: there is no display" in capsys.readouterr().err


def test_what_fails_later_leaves_no_files_behind(clip, tmp_path, capsys):
    (tmp_path / "state").write_text("no state")
    assert live_program.main(clip, "--jsonl", "a.jsonl", "--state", "state") == 1
    assert "state is no state of mambatrack" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def program(*arguments):
    return [sys.executable, live_program.__file__, *map(str, arguments)]


@pytest.mark.parametrize("words", [("a.mp4", "--loop"), ("a.mp4", "b.mp4"), ("rtsp://door/1",)])
def test_boxes_of_one_pass_through_a_video_are_refused_for_others(words, clip, tmp_path, capsys):
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(clip, name)
    Path("det.txt").write_text("1,-1,10,10,20,40,0.9\n")
    assert main(["live", *words, "--weights", "det.txt", "--quiet"]) == 1
    assert "det.txt has the boxes of one pass through one video" in capsys.readouterr().err
