"""Boxes from another program, line by line, and tracks back to it."""

import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from mambatrack.cli import main, pipe
from mambatrack.config import load_config
from mambatrack.datasets.sequences import find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.runs.dataset_jobs import plan, track_sequence
from mambatrack.simulation.world import write_sequence
from mambatrack.sources.box_stream import fill_missing, open_stream
from mambatrack.tracking.tracker import Tracker

KALMAN = load_config(
    overrides={"tracker.predictor": "kalman", "tracker.association": "overlap"}
).tracker
MODELS = ["--predictor", "kalman", "--association", "overlap"]
PROGRAM = f"""
import sys
from mambatrack.cli import main
sys.exit(main(["track", "-", *sys.argv[1:], *{MODELS}]))
"""


def frames_of(text, form=None):
    data = text if isinstance(text, bytes) else text.encode()
    return list(open_stream(io.BytesIO(data), form))


def walk(frames, gap=()):
    """JSON Lines of one object that goes right, unseen in the frames of ``gap``."""
    return "".join(
        json.dumps({"frame": i, "time_s": i / 10, "boxes": [] if i in gap else
                    [[10 + 4 * i, 20, 40 + 4 * i, 90, 0.9, 1]]}) + "\n"
        for i in range(frames)
    )  # fmt: skip


@pytest.fixture
def piped(monkeypatch, capfd):
    """Runs ``track -`` in this process, with a text on its standard input."""

    def run(*options, text=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main(["track", "-", *map(str, options), *MODELS])
        return subprocess.CompletedProcess(options, code, *capfd.readouterr())

    return run


def records(text):
    return [json.loads(line) for line in text.splitlines()]


def test_both_formats_give_the_same_tracks():
    def ids(text):
        tracker, seen = Tracker(KALMAN), []
        for frame in fill_missing(frames_of(text)):
            seen.append(tracker.update(frame.detections).to_array())
        return seen

    rows = "".join(f"{i + 1},-1,{10 + 4 * i},20,30,70,0.9\n" for i in range(12) if i not in (5, 6))
    lines = walk(12, gap=(5, 6)).replace("0.9, 1]", "0.9, 0]")
    for one, two in zip(ids(lines), ids(rows), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


def test_a_pipe_gives_what_the_file_gives(piped, tmp_path):
    write_sequence(tmp_path / "walk", seed=4, people=5, frames=40, size=(320, 240))
    overrides = {"tracker.predictor": "kalman", "tracker.association": "overlap"}
    [job] = plan(
        find_sequences(tmp_path / "walk"), load_config(overrides=overrides), tmp_path / "out"
    )
    track_sequence(job)
    done = piped("--size=320x240", text=(tmp_path / "walk/det/det.txt").read_text())
    assert done.stdout == job.result.read_text() != ""


def test_tracks_leave_on_standard_output_with_their_states(piped):
    done = piped(text=walk(8, gap=(4,)))
    header, *lines = records(done.stdout)
    assert done.returncode == 0 and header["format"] == "mambatrack-tracks"
    assert [line["frame"] for line in lines] == list(range(8))
    assert [line["tracks"][0]["state"] for line in lines][3:6] == [
        "observed", "predicted", "observed",
    ]  # fmt: skip
    assert lines[3]["time_s"] == 0.3 and "8 frames, 1 track" in done.stderr


def test_files_take_the_place_of_standard_output(piped, tmp_path):
    files = [f"--{kind}={tmp_path / kind}" for kind in ("mot", "jsonl", "csv")]
    done = piped(*files, "--quiet", text=walk(5))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len((tmp_path / "mot").read_text().splitlines()) == 5
    assert len(records((tmp_path / "jsonl").read_text())) == 6
    both = piped("--overwrite", "--emit", "mot", *files, text=walk(5))
    assert both.stdout == (tmp_path / "mot").read_text()
    twice = piped("--mot", tmp_path / "a", "--jsonl", tmp_path / "a", text=walk(1))
    assert twice.returncode == 1 and "is named for two outputs" in twice.stderr


def test_what_came_before_a_bad_line_is_there(piped):
    done = piped("--emit", "mot", text=walk(4) + "oops\n")
    assert done.returncode == 1 and done.stderr.startswith("error: line 5 is not JSON")
    assert len(done.stdout.splitlines()) == 4


def test_a_file_behind_standard_output_keeps_what_it_had(tmp_path):
    target = tmp_path / "log"
    target.write_text("before\n")
    with target.open("a") as file:
        subprocess.run(
            [sys.executable, "-c", PROGRAM, "--emit=mot"], input=walk(3), stdout=file, text=True,
            check=True, timeout=60,
        )  # fmt: skip
    assert target.read_text().startswith("before\n1,1,")


@pytest.fixture
def program():
    """The program with open pipes."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_every_line_is_answered_at_once(program):
    lines = walk(3).splitlines(keepends=True)
    program.stdin.write(lines[0])
    assert json.loads(program.stdout.readline())["version"] == 1
    assert json.loads(program.stdout.readline())["frame"] == 0
    for number in (1, 2):
        program.stdin.write(lines[number])
        assert json.loads(program.stdout.readline())["frame"] == number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_line(program, number):
    program.stdin.write(walk(1))
    program.stdout.readline()
    program.stdout.readline()
    program.send_signal(number)
    assert program.wait(30) == 130
    assert program.stderr.read() == "1 frame, 1 track\n"


def test_a_reader_that_leaves_ends_it_quietly(program):
    program.stdin.write(walk(1))
    program.stdout.readline()
    program.stdout.close()
    try:
        program.stdin.write(walk(500).split("\n", 1)[1])
        program.stdin.close()
    except BrokenPipeError:
        pass
    assert program.wait(30) == 1 and program.stderr.read() == ""


def test_weak_detections_and_other_classes_are_left_out():
    config = load_config(overrides={"detector.conf": 0.5, "detector.classes": "b"})
    text = (
        '{"format": "mambatrack-detections", "classes": ["a", "b"]}\n'
        '{"boxes": [[0,0,9,9,0.5,1],[20,0,29,9,0.9,0],[40,0,49,9,0.4,1]]}'
    )
    [frame] = pipe._wanted(open_stream(io.BytesIO(text.encode())), config.detector)
    assert frame.detections.boxes.tolist() == [[0, 0, 9, 9]]
    unknown = load_config(overrides={"detector.classes": "c"})
    with pytest.raises(MambatrackError, match="unknown class 'c'"):
        list(pipe._wanted(open_stream(io.BytesIO(text.encode())), unknown.detector))


def test_options_that_would_be_ignored_are_refused():
    for wrong in (["-", "--output", "b"], ["a.mp4", "--emit", "mot"], ["-", "--max-missing", "-1"]):
        with pytest.raises(SystemExit) as stop:
            main(["track", *wrong])
        assert stop.value.code == 2


def test_a_size_is_read():
    assert pipe.parse_size("1920x1080") == (1920, 1080)
    for wrong in ("", "1920", "0x5", "a x b", "-1x5"):
        with pytest.raises(MambatrackError, match="expected WIDTHxHEIGHT"):
            pipe.parse_size(wrong)


def test_no_descriptor_stays_open():
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    if before:
        stdout, sys.stdout = sys.stdout, sys.__stdout__
        try:
            pipe.StandardOutput().close()
        finally:
            sys.stdout = stdout
        assert len(os.listdir("/proc/self/fd")) == before


def test_fields_of_boxes_come_back_with_their_tracks(piped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = []
    for at in range(4):
        boxes = [
            {"box": [10 + 4 * at, 20, 40 + 4 * at, 90], "score": 0.9, "label": 1, "pose": [at]},
            {"box": [200, 20, 240, 90], "camera": "left", "pose": [at, {"x": None}]},
        ]
        lines.append({"frame": at, "boxes": boxes[: 1 if at == 3 else 2]})
    lines.append({"boxes": [[26, 20, 56, 90], [200, 20, 240, 90]], "data": {"pose": ["a", "b"]}})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = piped("--emit", "jsonl", "--jsonl", "tracks.jsonl", text=text)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "tracks.jsonl").read_text()
    frames = [each["tracks"] for each in records(done.stdout)[1:]]
    assert [[each.get("pose") for each in tracks] for tracks in frames] == [
        *([[at], [at, {"x": None}]] for at in range(3)), [[3], None], ["a", "b"]
    ]  # fmt: skip
    assert frames[3][1]["state"] == "predicted" and "camera" not in frames[3][1]
    assert [each.get("camera") for each in frames[0]] == [None, "left"]
    assert [each["label"] for each in frames[0]] == [1, 0]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"boxes": [{"score": 1}]}', "line 1: a box is {'score': 1}; where one is an object"),
        ('{"boxes": [{"box": [1, 2, 3, 4]}, [1, 2, 3, 4]]}', "a box is [1, 2, 3, 4]; where one"),
        ('{"boxes": [{"box": [1, 2, 3, "x"]}]}', "line 1: detections are not a table of numbers"),
        ('{"boxes": [[1, 2, 3, 4]], "data": {"pose": []}}', "line 1: data 'pose' has 0 values"),
        ('{"boxes": [[1, 2, 3, 4]], "data": [1]}', "line 1: the data of detections is [1]"),
        ('{"boxes": [{"box": [1, 2, 30, 40], "id": 3}]}', "called 'id', as a track has of its own"),
    ],
)
def test_fields_that_cannot_be_taken_are_said(piped, line, message):
    done = piped(text=line + "\n")
    assert done.returncode == 1 and message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("head", "first", "frames"),
    [("frame", 1, [0, 1, 2]), ("frame", 0, [0, 1, 2]), ("frame_index", 1, [1, 2, 3])],
)
def test_csv_comes_in_and_goes_out(piped, head, first, frames):
    rows = [f"{first + i},{10 + i},20,40,90,0.9\n" for i in range(3)]
    done = piped(text=f"{head},x1,y1,x2,y2,score\n" + "".join(rows))
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0].startswith("x_min,y_min,x_max,y_max,class_id")
    assert [int(line.split(",")[7]) for line in lines[1:]] == frames
    assert "mot" not in piped("--emit", "mot", text=done.stdout).stderr


def test_classes_of_csv_keep_their_names_and_are_chosen_by_them(piped):
    text = "frame,x1,y1,x2,y2,class\n" + "".join(
        f"{frame},{left},20,{left + 30},90,{name}\n"
        for frame in range(3) for left, name in ((10, "person"), (90, "dog"))
    )  # fmt: skip
    for options, names in (((), {"person", "dog"}), (("--classes", "Dog"), {"dog"})):
        lines = piped(*options, text=text).stdout.splitlines()
        assert lines[0].endswith("class_name")
        assert {line.split(",")[-1] for line in lines[1:]} == names
    told = [json.loads(line) for line in piped("--emit", "jsonl", text=text).stdout.splitlines()]
    assert [track["class"] for track in told[1]["tracks"]] == ["person", "dog"]


def test_no_csv_is_no_frame(piped):
    assert piped("--format", "csv", text="").returncode == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,x,y\n1,2,3\n", "line 1: no columns of boxes"),
        ("frame,x1,y1,x2,y2\n1,1,2,30,40\n2,1,2,30\n", "line 3: 4 cells below 5 names"),
        ("frame,x1,y1,x2,y2\n2,1,2,30,40\n1,1,2,30,40\n", "line 3: frame 0 is there already"),
    ],
)
def test_csv_that_is_wrong_is_named_with_its_line(piped, text, message):
    done = piped(text=text)
    assert done.returncode == 1 and message in done.stderr
