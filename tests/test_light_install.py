"""What runs without torch, triton, motmetrics, scipy and networkx, as docs/index.md says."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mambatrack.cli.program import LEFT_OUT
from mambatrack.kernels.cpu.library import why_not

ROOT = Path(__file__).parents[1]
BLOCKED = f"import sys; sys.modules.update(dict.fromkeys({LEFT_OUT!r})); "
PROGRAM = BLOCKED + "from mambatrack.cli import main; sys.exit(main(sys.argv[1:]))"
needs_library = pytest.mark.skipif(bool(why_not()), reason="the C library is not built")


def run(folder, *arguments, code=PROGRAM):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@needs_library
@pytest.mark.parametrize("command", ["track", "live"])
def test_tracks_and_writes(command, clip, tmp_path):
    outputs = ("--mot", "a.txt", "--jsonl", "a.jsonl", "--csv", "a.csv", "--output", "a.mp4")
    boxes = clip.parent / "walk" / "det" / "det.txt"  # in every frame, however few are in time
    done = run(tmp_path, command, clip, *outputs, "--detector", "file", "--weights", boxes)
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / name).stat().st_size for name in outputs[1::2])
    _, *frames = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert frames and any(frame["tracks"] for frame in frames)


@needs_library
def test_a_crowd_of_more_boxes_than_one_table_holds(tmp_path):
    code = BLOCKED + (
        "import numpy as np, mambatrack; from mambatrack.association.crowds import TILE; "
        "at = np.arange(TILE + 100)[:, None] * [12, 0] + [0, 9]; "
        "boxes = np.concatenate([at, at + [20, 50]], axis=1); "
        "tracker = mambatrack.Tracker(birth_iou=1.0); "
        "print([len(tracker.update(boxes + step)) for step in (0, 6)])"
    )
    done = run(tmp_path, code=code)
    assert done.returncode == 0, done.stderr
    assert min(json.loads(done.stdout)) > 0


@needs_library
def test_every_name_at_the_top_is_there_and_a_tracker_goes_from_pictures_to_pictures(tmp_path):
    code = BLOCKED + (
        "import mambatrack as m; names = set(m.__all__) - {'track_offline'}; "
        "every = [getattr(m, name) for name in names]; "
        "world = m.make_world(seed=1, people=3, frames=6, size=(160, 120)); "
        "detect = m.open_detector('motion'); tracker = m.Tracker(class_names=['person']); "
        "[detect(world.render(frame), frame) for frame in range(3)]; "
        "tracks = [tracker.update(each.detections, each.time_s) for each in world.frames][-1]; "
        "picture = m.draw(world.render(5), tracks); "
        "print(len(every), picture.shape, {track.class_name for track in tracks})"
    )
    done = run(tmp_path, code=code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" ", 1)[1] == "(120, 160, 3) {'person'}\n"


@needs_library
def test_info_says_what_networks_run_in(tmp_path):
    found = json.loads(run(tmp_path, "info", "--json").stdout)
    assert found["Devices"][0]["what"].startswith("C library: ")
    assert found["Devices"][1]["what"] == "none; torch is not installed"
    (row,) = found["Backends"]
    assert row["backend"] == "cpu" and row["why"].startswith("torch is not installed; C library: ")


@needs_library
def test_what_needs_more_names_the_package(clip, tmp_path):
    done = run(tmp_path, "track", clip, "--offline", "--mot", "a.txt")
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)
    assert re.search(r"error: .*needs the package scipy: pip install scipy$", done.stderr, re.M)


def test_the_documented_lines_install_everything_else():
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    needed = {
        line.partition(";")[0].strip()
        for line in settings["options"]["install_requires"].splitlines()
        if line and not line.startswith(LEFT_OUT)
    }
    page = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^    pip install ('numpy.*)$", page, re.M)
    assert set(re.findall(r"'([^']+)'", line)) == needed
    assert "    pip install --no-deps mambatrack" in page.splitlines()
