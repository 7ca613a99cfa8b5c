"""What the picture shows, as asked for by --draw and the configuration."""

import cv2
import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.simulation.world import write_sequence

FRAMES = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_sequence(folder / "walk", seed=3, people=3, frames=FRAMES, size=(320, 240),
                   video=folder / "clip.mp4")  # fmt: skip
    return folder


@pytest.fixture
def track(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    detections = world / "walk" / "det" / "det.txt"

    def run(*options):
        given = ["--detector", "file", "--weights", str(detections), "--predictor", "kalman"]
        return main(["track", str(world / "clip.mp4"), *given, "--quiet", *map(str, options)])

    return run


def last_picture(path):
    video = cv2.VideoCapture(str(path))
    for _ in range(FRAMES):
        _, image = video.read()
    return image.astype(int)


@pytest.fixture
def marks(track, world, tmp_path):
    """Pixels of the last picture that the given options change."""

    def changed(*options):
        path = tmp_path / "out.mp4"
        assert track("--output", path, "--overwrite", *options) == 0
        return int(
            (np.abs(last_picture(path) - last_picture(world / "clip.mp4")) > 60).any(2).sum()
        )

    return changed


def test_only_the_layers_that_are_asked_for_are_drawn(marks):
    nothing, boxes, plain = marks("--draw", "none"), marks("--draw", "boxes"), marks()
    assert nothing < 60 and nothing + 200 < boxes < plain


def test_layers_come_from_the_configuration_too(marks, tmp_path):
    settings = tmp_path / "quiet.yaml"
    settings.write_text("drawing:\n  layers: []\n")
    assert marks("--config", settings) < 60
    assert marks("--config", settings, "--draw", "boxes") > 260


def test_the_forecast_is_a_layer_too(marks):
    layers = "--draw", "forecast"
    assert marks(*layers) > marks("--draw", "none")


def test_zones_are_a_layer(marks):
    zone = "--zone", "all:10,10;300,10;300,230;10,230"
    assert marks(*zone, "--draw", "zones") > marks(*zone, "--draw", "none") + 500


@pytest.mark.parametrize("layers", ["boxes,halo", "none,boxes", "Boxes"])
def test_an_unknown_layer_is_refused_with_the_names_of_all(track, capsys, layers):
    with pytest.raises(SystemExit) as stop:
        track("--output", "a.mp4", "--draw", layers)
    assert stop.value.code == 2
    assert "one of boxes, ids, labels, scores, trails" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["track", "clip.mp4", "--mot", "a.txt"], "without --output, --show or --output-video"),
        (["live", "clip.mp4", "--mot", "a.txt"], "without --output, --show or --serve"),
        (["track", "--dataset", ".", "--out", "out"], "without --output, --show or --output-video"),
        (["track", ".", "--out", "out"], "without --output, --show or --output-video"),
        (["track", "-", "--mot", "a.txt"], "without --output, --show or --output-video"),
    ],
)
def test_draw_is_refused_where_there_is_no_picture(
    world, monkeypatch, capsys, command, expected
):  # fmt: skip
    monkeypatch.chdir(world)
    with pytest.raises(SystemExit) as stop:
        main([*command, "--draw", "boxes"])
    assert stop.value.code == 2 and expected in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["track", "clip.mp4", "--offline", "--draw", "forecast"])
    assert "--draw forecast has no effect with --offline" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--mot", "--jsonl", "--csv"])
@pytest.mark.parametrize("name", ["clip.mp4", "frame.PNG"])
def test_text_does_not_replace_what_is_named_as_a_video_or_picture(
    track, tmp_path, capsys, option, name
):
    (tmp_path / name).write_bytes(b"mine")
    assert track(option, name, "--overwrite") == 1
    assert f"{name} is named as a " in capsys.readouterr().err
    assert (tmp_path / name).read_bytes() == b"mine"


@pytest.mark.parametrize(("first", "warned"), [("1000,0", True), ("319,0", False)])
def test_a_line_outside_the_picture_is_told(track, capsys, first, warned):
    assert track("--mot", "a.txt", "--line", f"door:{first},1000,200") == 0
    assert ("door lies outside the picture of 320x240" in capsys.readouterr().err) == warned
