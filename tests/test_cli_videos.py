"""A folder of videos, tracked several at a time, of which some are bad."""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mambatrack.cli import videos as command
from mambatrack.cli.program import main
from mambatrack.config import load_config
from mambatrack.datasets.mot_text import read_mot
from mambatrack.errors import MambatrackError
from mambatrack.runs.video_jobs import VideoJob, plan_videos, track_video, track_videos
from videos import needs_av
from videos import write_video as write_any

SIZE = (160, 120)
CONFIG = {"tracker.predictor": "kalman", "tracker.association": "overlap"}
MODELS = ("--predictor", "kalman", "--association", "overlap")
FINDER = ("--detector", "motion")


def write_video(path, frames=25, kind="mp4v"):
    """A bright bar, upright as a person, that goes right on dark ground."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*kind), 25, SIZE)
    assert writer.isOpened()
    for number in range(frames):
        image = np.full((SIZE[1], SIZE[0], 3), 30, np.uint8)
        image[40:80, 10 + 4 * number : 28 + 4 * number] = 220
        writer.write(image)
    writer.release()
    return path


@pytest.fixture
def videos(tmp_path):
    """a.mp4, a.avi, b.mp4, one that is none, and a file that is not looked at."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_video(folder / "a.mp4")
    write_video(folder / "a.avi", kind="MJPG")
    write_video(folder / "b.mp4", frames=12)
    (folder / "bad.mp4").write_bytes(b"no video")
    (folder / "._b.mp4").write_bytes(b"of another system")
    (folder / "notes.txt").write_text("")
    return folder


def track(videos, out, *options, quiet=True):
    """As ``mambatrack track VIDEOS --out OUT`` does."""
    given = [str(videos), "--out", str(out), *map(str, options)] + (["--quiet"] if quiet else [])
    return main(["track", *given, *FINDER, *MODELS])


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_bad_video_never_stops_the_others(videos, tmp_path, capsys):
    out = tmp_path / "out"
    assert track(videos, out, "--workers", 2, "--output-video", quiet=False) == 1
    said = capsys.readouterr()
    kinds = ("jsonl", "mp4", "txt")
    results = [f"{name}.{kind}" for name in ("a.avi", "a.mp4", "b") for kind in kinds]
    assert names(out) == sorted([*results, "run.json"])
    assert all(path.is_file() for path in out.iterdir())
    assert "error: 1 of 4 videos failed" in said.err
    assert "error: bad: " in said.err and "is not a video" in said.err
    assert "] b: 12 frames, " in said.out and "] bad: failed: " in said.out
    frames = [json.loads(line)["frame"] for line in (out / "b.jsonl").read_text().splitlines()[1:]]
    assert frames == list(range(12)) and len(read_mot(out / "a.avi.txt")) > 2
    capture = cv2.VideoCapture(str(out / "b.mp4"))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == 12


def test_the_same_command_goes_on_from_what_is_finished(videos, tmp_path, capsys):
    (videos / "bad.mp4").unlink()
    (videos / "a.avi").unlink()
    out = tmp_path / "out"
    assert track(videos, out) == 0
    before = (out / "a.txt").stat().st_mtime_ns
    assert track(videos, out, quiet=False) == 0
    assert "there already: 2 of 2 videos" in capsys.readouterr().out
    assert (out / "a.txt").stat().st_mtime_ns == before
    later = (out / "b.txt").stat().st_mtime + 5
    os.utime(videos / "b.mp4", (later, later))
    assert [job.name for job in plan_videos(videos, motion(), out)[0]] == ["b"]
    drawn, finished = plan_videos(videos, motion(), out, draw=True)
    assert [job.name for job in drawn] == ["a", "b"] and finished == 0
    assert len(plan_videos(videos, motion(), out, overwrite=True)[0]) == 2


def motion(**more):
    return load_config(overrides=CONFIG | {"detector.name": "motion"} | more)


def test_results_of_other_settings_are_never_mixed(videos, tmp_path):
    out = tmp_path / "out"
    [job, *_], _ = plan_videos(videos, motion(), out)
    track_video(job)
    with pytest.raises(MambatrackError, match=r"tracker\.max_age was 15, is 90"):
        plan_videos(videos, motion(**{"tracker.max_age": 90}), out)
    with pytest.raises(MambatrackError, match="is the folder of the videos"):
        plan_videos(videos, motion(), videos / ".." / "videos")


def test_a_video_that_ends_too_early_is_kept_apart_and_tried_again(videos, tmp_path):
    video = write_video(videos / "long.avi", frames=60, kind="MJPG")
    whole = video.read_bytes()
    video.write_bytes(whole[: len(whole) // 2])
    jobs, _ = plan_videos(videos, motion(), tmp_path / "out", draw=True)
    [job] = [each for each in jobs if each.name == "long"]
    outcome = track_video(job)
    assert "ends at frame" in outcome.problem and not job.is_finished()
    assert names(tmp_path / "out") == [
        "partial/long.jsonl", "partial/long.mp4", "partial/long.txt", "run.json",
    ]  # fmt: skip
    video.write_bytes(whole)
    assert track_video(job).problem is None
    assert names(tmp_path / "out") == ["long.jsonl", "long.mp4", "long.txt", "run.json"]


def test_what_a_killed_attempt_left_is_cleared(videos, tmp_path):
    jobs, _ = plan_videos(videos, motion(), tmp_path / "out")
    [job] = [each for each in jobs if each.name == "b"]
    old = tmp_path / "out" / ".unfinished" / "b"
    old.mkdir(parents=True)
    (old / "result.txt").write_text("half a line")
    assert track_video(job).problem is None
    assert names(tmp_path / "out") == ["b.jsonl", "b.txt", "run.json"]


class Deadly(VideoJob):
    """Ends the process that it is sent to."""

    def __reduce__(self):
        return os._exit, (3,)


def test_a_process_that_dies_is_one_failure(videos, tmp_path):
    jobs, _ = plan_videos(videos, motion(), tmp_path / "out")
    good = [job for job in jobs if job.name == "b"]
    deadly = [Deadly(job.job) for job in jobs if job.name == "a.mp4"]
    counted = []
    outcomes = {each.name: each for each in track_videos(deadly + good, 1, counted.append)}
    assert "its process died" in outcomes["a.mp4"].problem
    assert outcomes["b"].problem is None and counted[-1] == 12


def test_what_is_wrong_for_every_video_is_told_once(videos, tmp_path):
    config = load_config(overrides=CONFIG | {"detector.name": "yolox"})
    options = argparse.Namespace(
        source=videos, out=tmp_path / "out", overwrite=False, output_video=False, quiet=True,
        workers=1, engine="processes", address=None, no_sound=False,
    )  # fmt: skip
    with pytest.raises(MambatrackError, match="the detector yolox needs an ONNX file"):
        command.run(options, config)
    config = load_config(overrides=CONFIG | {"detector.name": "file"})
    with pytest.raises(MambatrackError, match=r"one det\.txt cannot belong to every video"):
        command.run(options, config)


def test_options_of_one_video_are_refused(videos, tmp_path, capsys):
    for wrong in (["--mot", "x"], ["--stride", "2"], ["--show"]):
        with pytest.raises(SystemExit):
            track(videos, tmp_path / "out", *wrong)
        assert "has no effect without a video as SOURCE" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        track(videos / "a.mp4", tmp_path / "out", "--output-video")
    assert not (tmp_path / "out").exists()


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_cli_videos
try:
    sys.exit(test_cli_videos.track(Path({videos!r}), Path({out!r}), "--workers", "2", quiet=False))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_loses_nothing_finished(videos, tmp_path, number):
    """Ctrl-C and SIGHUP reach every process of the terminal, SIGTERM only the first."""
    for name in ("a.mp4", "a.avi", "bad.mp4"):
        (videos / name).unlink()
    write_video(videos / "z.mp4", frames=6000)
    out = tmp_path / "out"
    tests = str(Path(__file__).parent)
    script = tmp_path / "program.py"
    program = PROGRAM.format(tests=tests, videos=str(videos), out=str(out))
    script.write_text("if __name__ == '__main__':\n" + "".join(
        f"    {line}\n" for line in program.strip().splitlines()))  # fmt: skip
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}, start_new_session=True,
    ) as process:  # fmt: skip
        while process.poll() is None and not (out / "b.txt").exists():
            time.sleep(0.05)
        if number != signal.SIGTERM:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        said = process.stderr.read()
    assert process.returncode == 130
    assert "stopped; the same mambatrack track goes on from here" in said
    assert "Traceback" not in said
    assert (out / "b.txt").exists() and not (out / "z.txt").exists()


@needs_av
@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.ts", "a.wmv", "a.mp4"])
def test_a_video_whose_sound_lasts_longer_is_finished(name, tmp_path, capsys):
    folder = tmp_path / "videos"
    folder.mkdir()
    write_any(folder / name, rate=25, sound_s=2)
    (folder / "notes.txt").touch()
    assert track(folder, tmp_path / "out", quiet=False) == 0
    said = capsys.readouterr()
    assert "left out, as no video by its ending: notes.txt" in said.out and not said.err.strip()
    assert names(tmp_path / "out") == ["a.jsonl", "a.txt", "run.json"]
    assert plan_videos(folder, motion(), tmp_path / "out") == ([], 1)
