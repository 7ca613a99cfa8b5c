"""Videos that are cut, damaged or of a codec that nobody knows: read so far, or refused."""

import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.sources import readers
from mambatrack.sources.frames import open_frames
from videos import COUNT, av, needs_av, read, write_video


@needs_av
@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.wmv", "a.avi"])
def test_a_truncated_file_is_called_so(name, pyav, tmp_path, monkeypatch):
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    path = write_video(tmp_path / name, count=100, options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    frames, reader = read(path, pyav, monkeypatch)
    assert 5 < len(frames) < 97
    last = sum(image is not None for _, image in frames)  # what is cut in two may be none
    said = reader.problem(len(frames))
    assert said.startswith(f"the file ends at frame {last}")
    assert said.endswith("it is truncated or damaged")


def blank_pictures(path, numbers):
    """Overwrites the coded pictures of these numbers with zeros."""
    with av.open(str(path)) as file:
        packets = [(each.pos, each.size) for each in file.demux(video=0) if each.size]
    content = bytearray(path.read_bytes())
    for place, size in (packets[number] for number in numbers):
        content[place : place + size] = bytes(size)
    path.write_bytes(content)


@needs_av
def test_what_is_damaged_inside_keeps_the_numbers_of_what_follows(tmp_path):
    path = write_video(tmp_path / "a.mp4", "mjpeg", pixels="yuvj420p")
    blank_pictures(path, [4, 7])
    with open_frames(path) as source:
        assert [frame.index for frame in source] == [k for k in range(COUNT) if k not in (4, 7)]
        assert source.skipped == 2 and source.problem is None


@needs_av
@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("codec", ["mjpeg", "libx264", "mpeg4"])
def test_what_is_damaged_up_to_the_end_is_missing(codec, pyav, tmp_path, monkeypatch):
    pixels = "yuvj420p" if codec == "mjpeg" else None
    path = write_video(tmp_path / "a.mp4", codec, pixels=pixels, count=50)
    blank_pictures(path, range(25, 50))
    monkeypatch.setattr(readers, "has_pyav", lambda: pyav)
    with open_frames(path) as source:
        count = len(list(source))
    assert 20 <= count <= 26
    assert source.problem.endswith("of 50: it is truncated or damaged")


@needs_av
def test_what_cannot_be_decoded_names_its_codec_and_what_to_do(tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mp4", "libsvtav1")
    monkeypatch.setattr(readers, "has_pyav", lambda: False)
    with pytest.raises(MambatrackError) as error:
        open_frames(path)
    assert "codec AV01" in str(error.value) and "mambatrack[video]" in str(error.value)
    assert "ffmpeg -i a.mp4 -c:v libx264" in str(error.value)


@needs_av
def test_a_codec_that_nobody_knows_is_named(tmp_path):
    path = write_video(tmp_path / "a.mp4", "libx264")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"xyz1"))
    with pytest.raises(MambatrackError, match=r"gave no frame \(codec xyz1: .*convert it"):
        open_frames(path)


@needs_av
def test_a_file_without_frames_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        video = file.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        file.start_encoding()
    with pytest.raises(MambatrackError, match="gave no frame"):
        open_frames(tmp_path / "a.mp4")


DAMAGED = ("a.mp4", "a.mkv", "a.webm", "a.ts", "a.flv", "a.avi", "a.wmv", "a.gif", "a.h264")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a video of each kind, by its ending."""
    folder = tmp_path_factory.mktemp("whole")
    return {name[1:]: write_video(folder / name, rate=25).read_bytes() for name in DAMAGED}


@needs_av
@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("name", DAMAGED)
def test_damage_of_any_kind_is_read_or_refused(name, pyav, whole, tmp_path, monkeypatch):
    rng = np.random.default_rng(len(name))
    for number in range(8):
        content = bytearray(whole[name[1:]])
        for place in rng.integers(0, len(content), 2 ** rng.integers(0, 8)):
            content[place] = rng.integers(256)
        path = tmp_path / f"{number}{name[1:]}"
        path.write_bytes(content[: rng.integers(1, len(content)) if number % 2 else None])
        try:
            frames, reader = read(path, pyav, monkeypatch)
        except MambatrackError as error:
            assert "\n" not in str(error)
        else:
            assert len(frames) <= 3 * COUNT and isinstance(reader.problem(len(frames)), str | None)
