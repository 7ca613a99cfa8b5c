"""Folders of videos, and what the results of each are called."""

from pathlib import Path

import pytest

from mambatrack.sources.video_folders import (
    find_videos,
    is_video_folder,
    left_out,
    result_names,
)


@pytest.fixture
def videos(tmp_path):
    """Four files called videos, one of them hidden, and one called otherwise."""
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("b.mkv", "A.MP4", "c.ts", "._b.mkv", "notes.txt"):
        (folder / name).touch()
    return folder


def test_a_folder_of_videos_is_one_that_is_nothing_else(videos, tmp_path):
    assert is_video_folder(videos) and not is_video_folder(None)
    assert not is_video_folder(videos / "b.mkv") and not is_video_folder(tmp_path)
    (videos / "frame.png").touch()
    assert not is_video_folder(videos)
    (videos / "frame.png").unlink()
    (videos / "img1").mkdir()
    assert not is_video_folder(videos)


def test_videos_come_by_name_and_hidden_ones_are_none(videos):
    (videos / "folder.mp4").mkdir()
    assert [path.name for path in find_videos(videos)] == ["A.MP4", "b.mkv", "c.ts"]


def test_what_is_left_out_is_named(videos):
    assert left_out(videos) == "notes.txt"
    (videos / "more").mkdir()
    assert left_out(videos) == "more/, notes.txt"
    for number in range(9):
        (videos / f"z{number}.txt").touch()
    assert left_out(videos) == "more/, notes.txt, z0.txt, z1.txt, z2.txt and 6 more"
    (videos / "only").mkdir()
    assert left_out(videos / "only") == ""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["a.mp4", "b.avi"], ["a", "b"]),
        (["a.mp4", "a.avi", "b.mov"], ["a.mp4", "a.avi", "b"]),
        (["A.mp4", "a.avi"], ["A.mp4", "a.avi"]),
        (["a.mp4", "a.mp4.mov"], ["a", "a.mp4.mov"]),
        (["a.mp4", "a.avi", "a.mp4.mov"], ["a.mp4", "a.avi", "a.mp4.mov"]),
    ],
)
def test_no_two_results_have_one_name(files, expected):
    assert result_names([Path(each) for each in files]) == expected
