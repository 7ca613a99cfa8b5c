"""`mambatrack track` of many sequences or videos in one command."""

import json
import shutil

import pytest

from mambatrack.cli import main
from worlds import write_clip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("world"))


def test_a_dataset_in_one_command(world, tmp_path, capsys):
    out = tmp_path / "results"
    command = ["track", "--dataset", str(world / "set"), "--out", str(out)]
    assert main([*command, "--predictor", "kalman"]) == 0
    assert sorted(path.name for path in out.glob("*.txt")) == ["run.txt", "walk.txt"]
    assert all(path.read_text() for path in out.glob("*.txt"))
    assert main(command) == 1
    assert (
        "other settings (tracker.predictor was 'kalman', is 'mamba-window')"
        in capsys.readouterr().err
    )
    assert main([*command, "--predictor", "kalman"]) == 0
    assert "there already: 2 of 2 sequences" in capsys.readouterr().out
    assert main([*command, "--predictor", "still", "--overwrite", "--workers", "2"]) == 0


def test_offline_is_a_result_of_its_own(world, tmp_path, capsys):
    out = tmp_path / "results"
    command = ["track", "--dataset", str(world / "set"), "--out", str(out)]
    assert main([*command, "--offline"]) == 0
    assert json.loads((out / "run.json").read_text())["tracker"]["offline"] is True
    assert (out / "walk.txt").read_text()
    assert main(command) == 1
    assert "tracker.offline was True, is False" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--show", "--output=a.mp4", "--mot=a.txt", "--stride=2"])
def test_what_a_dataset_would_ignore_is_refused(world, tmp_path, capsys, option):
    with pytest.raises(SystemExit) as stop:
        main(["track", "--dataset", str(world / "set"), "--out", str(tmp_path / "r"), option])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and f"{option.split('=')[0]} has no effect without a video" in said
    assert not (tmp_path / "r").exists()


def test_a_folder_of_videos_is_tracked_with_a_detector(world, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MAMBATRACK_CACHE", str(tmp_path / "cache"))
    (tmp_path / "videos").mkdir()
    for name in ("one", "two"):
        shutil.copy(world / "clip.mp4", tmp_path / "videos" / f"{name}.mp4")
    command = ["track", "--dataset", str(tmp_path / "videos"), "--out", str(tmp_path / "out")]
    command += ["--predictor", "still"]
    assert main(command) == 1
    assert "one in" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main([*command, "--detector", "motion"]) == 0
    assert (tmp_path / "out/one.txt").read_text() == (tmp_path / "out/two.txt").read_text() != ""
