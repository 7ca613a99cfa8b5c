"""Counting in a run: events in files, counts in pictures and in the summary, a heat map."""

import csv
import json

import cv2
import numpy as np
import pytest

from mambatrack.cli.program import main
from mambatrack.counting.counter import Counter
from mambatrack.counting.counts import place_count, told
from mambatrack.counting.heat import HeatMap
from mambatrack.counting.output import CountingOutput, summary
from mambatrack.counting.places import parse_places
from mambatrack.simulation.world import write_sequence
from mambatrack.sources.frames import Frame
from test_counting_counter import LINE, ZONE, frame_of, run, walk

SIZE = (320, 180)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    write_sequence(folder / "walk", seed=3, people=4, frames=60, size=SIZE, video=folder / "a.mp4")
    return folder / "a.mp4"


def track(clip, *options):
    given = ["track", str(clip), "--detector", "file", "--weights",
             str(clip.parent / "walk/det/det.txt"), "--predictor", "still"]  # fmt: skip
    return main([*given, *map(str, options)])


def test_events_are_the_same_in_both_kinds_of_file(clip, tmp_path, capsys):
    zone = "all:0,0;320,0;320,180;0,180"
    for name in ("e.jsonl", "e.csv"):
        assert track(clip, "--zone", zone, "--line", "mid:160,0,160,180", "--events",
                     tmp_path / name) == 0  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "e.jsonl").read_text().splitlines()]
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(lines) == len(rows) > 4
    assert [each["event"] for each in lines] == [row["event"] for row in rows]
    assert {each["place"] for each in lines} >= {"all"}
    said = capsys.readouterr().out
    assert "mid: " in said and " in, " in said and " in all, 0 entered" in said


def test_places_come_from_the_configuration_too(clip, tmp_path, capsys):
    config = tmp_path / "c.yaml"
    config.write_text('counting:\n  lines:\n    - "door:160,0,160,180"\n  anchor: centre\n')
    assert track(clip, "--config", config, "--events", tmp_path / "e.csv") == 0
    assert "door: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--line", "a:1,2,3"), "line 'a:1,2,3': expected x and y"),
        (("--zone", "a:0,0;9,9;9,0;0,9"), "its edges cross"),
        (("--line", "a:0,0,9,9", "--zone", "a:0,0;9,0;9,9"), "named 'a'"),
    ],
)
def test_what_cannot_be_counted_is_said_before_any_work(
    clip, tmp_path, monkeypatch, capsys, options, message
):
    monkeypatch.chdir(tmp_path)
    assert track(clip, "--output", "v.mp4", *options) == 1
    assert message in capsys.readouterr().err and not any(tmp_path.iterdir())


def test_counts_are_drawn_and_told():
    counter, _ = run({1: walk(50, 250, 41), 2: walk(250, 50, 41, y=80)}, LINE, ZONE)
    door, yard = counter.places
    assert told(place_count(counter, door)) == "door: 1 in, 1 out"
    assert told(place_count(counter, yard)) == "yard: 0 inside, 2 entered"
    ended = ["door: 1 in, 1 out", "yard: 2 in all, 2 entered, 2.0 s each in the mean"]
    assert summary(counter) == ended
    image = np.zeros((200, 300, 3), np.uint8)
    CountingOutput(counter, None).draw(image)
    assert image[20:190, 95:106].any() and image[48:53, 120:180].any()


def test_a_heat_map_adds_up_the_seconds(tmp_path):
    heat = HeatMap(tmp_path / "h.npy", (300, 200))
    for index, foot in enumerate(walk(50, 50, 21)):
        heat.add(frame_of(index, {1: foot}))
    heat.save()
    seconds = np.load(tmp_path / "h.npy")
    assert seconds.shape == (200, 300) and seconds[100, 50] == pytest.approx(2.0)
    assert seconds.sum() == pytest.approx(2.0)


def test_a_heat_map_is_a_picture_of_the_size_of_the_frames(clip, tmp_path):
    assert track(clip, "--heat-map", tmp_path / "h.png") == 0
    picture = cv2.imread(str(tmp_path / "h.png"))
    assert picture.shape == (180, 320, 3) and picture.max() > 200


def test_an_empty_run_has_an_empty_map(tmp_path):
    heat = HeatMap(tmp_path / "h.png")
    heat.save()
    assert not (tmp_path / "h.png").exists()
    output = CountingOutput(Counter(parse_places(LINE, [])), None)
    output.close()
    assert summary(output.counter) == ["door: 0 in, 0 out"]


def test_the_size_of_the_picture_is_known_from_its_first_frame_and_when_it_changes(recwarn):
    """As of a camera, which comes back with another resolution."""
    output = CountingOutput(Counter(parse_places(["door:0,400,9,400"], ()), ()), None)

    def told(width, height):
        recwarn.clear()
        output.write(Frame(0, 0.0, np.zeros((height, width, 3), np.uint8)), frame_of(0, []))
        return [str(each.message) for each in recwarn.list]

    assert told(640, 480) == [] and told(640, 480) == []
    changed, outside = told(640, 360)
    assert changed.startswith("the picture has 640x360 pixels now, and had 640x480; lines and")
    assert outside.startswith("door lies outside the picture of 640x360 pixels")
