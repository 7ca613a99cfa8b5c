"""The programs in demo/ run as their first lines say, and the examples in the documents work."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mambatrack import Tracker, load_config, mot_writer
from mambatrack.datasets import open_sequence, read_trajectories
from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.detectors.from_file import FileDetector
from mambatrack.evaluation import match_events, score, summary
from mambatrack.simulation.world import make_world, write_sequence

ROOT = Path(__file__).parents[1]


def program(name):
    """The module demo/<name>.py."""
    spec = importlib.util.spec_from_file_location(f"demo_{name}", ROOT / "demo" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The output folder of ``make demo``, shortened to two seconds, after another run."""
    folder = tmp_path_factory.mktemp("demo")
    module = program("demo")
    for seconds in (0.4, 2.0):
        module.main(seconds, folder)
    return folder


def test_the_demo_tracks_everyone_and_its_files_are_whole(demo):
    video = cv2.VideoCapture(str(demo / "demo.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 50
    lines = (demo / "demo.jsonl").read_text().splitlines()
    assert len(lines) == 51 and json.loads(lines[-1])["tracks"]
    assert (demo / "demo.csv").read_text().startswith("x_min,")


def test_nobody_swaps_ids_in_the_demo(tmp_path):
    module = program("demo")
    folder = write_sequence(tmp_path / "demo", module.SEED, module.PEOPLE, 250, fps=module.FPS)
    sequence = open_sequence(folder)
    detector = FileDetector(folder / "det" / "det.txt")
    tracker = Tracker(image_size=(960, 540))
    with mot_writer(tmp_path / "tracks.txt") as writer:
        for index in range(sequence.frames):
            writer.write(tracker.update(detector(None, index), index / module.FPS))
    truth, tracks = read_ground_truth(sequence), read_trajectories(tmp_path / "tracks.txt")
    result = summary(match_events(truth, tracks))
    assert result.IDF1 >= 92 and result.IDSW == 0


def test_trackeval_accepts_the_demos_results(demo):
    pytest.importorskip("trackeval", reason="needs the extra eval")
    scores = score(find_sequences(demo / "truth"), demo / "demo.txt").combined
    assert scores.HOTA > 60 and scores.MOTA > 60 and scores.IDF1 > 60


def test_a_video_of_the_users_choice(demo, tmp_path, capsys):
    config = load_config(overrides={"tracker.predictor": "kalman"})
    count = program("track_video").main(str(demo / "clip.mp4"), str(tmp_path / "out.mp4"), config)
    assert count >= 3 and (tmp_path / "out.mp4").stat().st_size > 10_000


def test_a_detector_of_the_users_own(demo, capsys):
    assert program("own_detector").main(str(demo / "clip.mp4")) >= 2
    assert "track 1 appeared" in capsys.readouterr().out


def test_the_picture_shows_an_occlusion_that_is_bridged(tmp_path):
    gap = program("picture").main(tmp_path / "picture.png")
    assert gap.last - gap.first > 6
    picture = cv2.imread(str(tmp_path / "picture.png"))
    assert picture.shape[1] > 1200 and picture.std() > 20


def test_the_picture_of_what_is_drawn(tmp_path):
    program("picture").drawing(tmp_path / "drawing.jpg", moment=12)
    assert cv2.imread(str(tmp_path / "drawing.jpg")).shape == (540, 960, 3)


def test_the_endurance_run_reports_memory():
    command = [sys.executable, str(ROOT / "demo" / "endurance.py"), "--frames", "50"]
    done = subprocess.run(
        [*command, "--predictor", "kalman"], capture_output=True, text=True, check=True
    )
    assert len(re.findall(r"memory +\d+\.\d MiB", done.stdout)) == 10


def blocks(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def test_the_readmes_example(capsys):
    world = make_world(seed=0, people=3, frames=5)
    rows = [np.column_stack([d.boxes, d.scores]) for d in map(world.detections, range(5))]
    (example,) = blocks("README.md")
    exec(compile(example, "README.md", "exec"), {"detections": rows})
    assert capsys.readouterr().out.count("[[") == 5


def test_the_designs_examples():
    from mambatrack import Frame, Tracker
    from mambatrack.runs.run import Run

    detector, predictor, association, output = blocks("docs/design.md")
    names = {}
    exec(compile(detector, "detector", "exec"), names)
    found = names["Everything"]()(np.zeros((48, 64, 3), np.uint8))
    assert found.boxes.tolist() == [[0, 0, 64, 48]]
    exec(compile(predictor, "predictor", "exec"), names)
    tracker = Tracker(image_size=(640, 480), predictor=names["LastStep"]())
    for step in range(3):
        tracker.update([[10 + 5 * step, 10, 60 + 5 * step, 110]])
    assert tracker.update([]).boxes.round().tolist() == [[25, 10, 75, 110]]
    exec(compile(association, "association", "exec"), names)
    tracker = Tracker(association=names["ByDistance"]())
    for step in range(3):
        ids = tracker.update([[10 + 5 * step, 10, 60, 110, 0.9], [300, 10, 360, 110, 0.9]]).ids
    assert ids.tolist() == [1, 2]
    exec(compile(output, "output", "exec"), names)
    census = names["Census"]()
    frames = [Frame(index, None, np.zeros((48, 64, 3), np.uint8)) for index in range(2)]
    Run(frames, names["Everything"](), Tracker(), [census]).go()
    assert census.counts == [1, 1]


def test_the_outputs_example(tmp_path, monkeypatch):
    from mambatrack import Tracker

    monkeypatch.chdir(tmp_path)
    names = {"tracker": Tracker(), "detections": [[[0, 0, 9, 9]], [], [[1, 0, 10, 9]]]}
    texts, video = blocks("docs/outputs.md")
    exec(compile(texts, "outputs", "exec"), names)
    assert (tmp_path / "tracks.txt").read_text().count("\n") == 2
    assert (tmp_path / "tracks.jsonl").read_text().count("\n") == 4
    write_sequence(
        tmp_path / "walk", seed=3, people=1, frames=5, size=(64, 48), video=tmp_path / "clip.mp4"
    )
    exec(compile(video, "outputs", "exec"), names)
    assert cv2.VideoCapture("tracked.mp4").get(cv2.CAP_PROP_FRAME_COUNT) == 5
