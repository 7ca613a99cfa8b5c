"""Folders of videos: every kind that is read is found, and what is left out is told."""

import pytest

from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import VIDEO_TYPES
from mambatrack.sources.frames import open_frames
from mambatrack.sources.video_folders import find_videos, is_video_folder, left_out
from videos import write_avi

WRITTEN = (  # by cameras, recorders and phones
    "mp4", "m4v", "mov", "3gp", "avi", "mkv", "webm", "flv", "wmv", "ts", "mts", "m2ts", "mpg",
    "mpeg", "vob", "mxf", "gif", "mjpeg", "h264", "264", "h265", "hevc", "dav", "ogv",
)  # fmt: skip


@pytest.mark.parametrize("kind", WRITTEN)
def test_every_kind_is_a_video(kind, tmp_path):
    (tmp_path / f"a.{kind.upper()}").touch()
    assert is_video_folder(tmp_path) and f".{kind}" in VIDEO_TYPES
    assert [path.name for path in find_videos(tmp_path)] == [f"a.{kind.upper()}"]


def test_what_is_left_out_is_told_and_what_is_hidden_is_not(tmp_path):
    for name in ("a.mp4", "._a.mp4", ".DS_Store", "notes.txt", "a.srt"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "folder.mp4").mkdir()
    assert [path.name for path in find_videos(tmp_path)] == ["a.mp4"]
    assert left_out(tmp_path) == "a.srt, folder.mp4/, more/, notes.txt"
    for number in range(4):
        (tmp_path / f"b{number}.txt").touch()
    assert left_out(tmp_path) == "a.srt, b0.txt, b1.txt, b2.txt, b3.txt and 3 more"


def test_nothing_else_is_nothing_to_tell(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert left_out(tmp_path) == ""


def test_twins_of_a_mac_make_no_folder_of_pictures(tmp_path):
    (tmp_path / "a.mp4").touch()
    (tmp_path / "._cover.jpg").touch()
    assert is_video_folder(tmp_path)
    (tmp_path / "cover.jpg").touch()
    assert not is_video_folder(tmp_path)


def test_a_sequence_whose_pictures_are_a_video_is_read(tmp_path):
    folder = tmp_path / "street"
    (folder / "gt").mkdir(parents=True)
    (folder / "gt/gt.txt").touch()
    write_avi(folder / "street.avi", 3)
    with open_frames(folder) as frames:
        assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 3
    write_avi(folder / "other.avi", 3)
    with pytest.raises(MambatrackError, match="no images there"):
        open_frames(folder)
