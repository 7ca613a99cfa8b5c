"""Video files: right number and size of frames, playable whatever happens."""

import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.outputs.fitting import fit, size_within
from mambatrack.outputs.video import open_video_writer

try:
    import av
except ImportError:
    av = None

needs_av = pytest.mark.skipif(av is None, reason="PyAV is not installed")


def picture(level, size=(64, 48)):
    return np.full((size[1], size[0], 3), level, np.uint8)


def read(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(frame)


def write(path, levels=range(0, 240, 10), size=(64, 48), fps=25.0):
    with open_video_writer(path, fps, size) as writer:
        for level in levels:
            writer.write(picture(level, size))
    return path


@needs_av
def test_h264_holds_every_frame_for_browsers(tmp_path):
    path = write(tmp_path / "out.mp4", fps=29.97)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264" and stream.pix_fmt == "yuv420p"
        assert stream.frames == 24 and stream.average_rate == pytest.approx(29.97, rel=1e-4)
    frames = read(path)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 24
    np.testing.assert_allclose([f.mean() for f in frames], range(0, 240, 10), atol=4)
    head = path.read_bytes()
    assert 0 < head.find(b"moov") < head.find(b"mdat"), "the index is not in front"
    assert {item.name for item in tmp_path.iterdir()} <= {"out.mp4"}


@needs_av
def test_colours_survive(tmp_path):
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32], image[:, 32:] = (200, 60, 30), (30, 60, 200)
    with open_video_writer(tmp_path / "out.mp4", 10, (64, 48)) as writer:
        for _ in range(5):
            writer.write(image)
    last = read(tmp_path / "out.mp4")[-1]
    np.testing.assert_allclose(last[24, 8], (200, 60, 30), atol=12)
    np.testing.assert_allclose(last[24, 56], (30, 60, 200), atol=12)


def test_odd_sizes_are_padded(tmp_path):
    path = write(tmp_path / "out.mp4", size=(63, 47))
    assert {frame.shape for frame in read(path)} == {(48, 64, 3)}


def test_a_frame_of_another_size_is_letterboxed(tmp_path):
    with open_video_writer(tmp_path / "out.mp4", 25, (64, 48)) as writer:
        for size in ((64, 48), (200, 50), (10, 100)):
            writer.write(picture(200, size))
    frames = read(tmp_path / "out.mp4")
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 3
    assert frames[0][2, 32].mean() > 180
    assert frames[1][2, 32].mean() < 30 and frames[1][24, 32].mean() > 180
    assert frames[2][24, 4].mean() < 30 and frames[2][24, 32].mean() > 180


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1, 1), (1000, 1), (32, 24), (640, 480)])
def test_fit_always_gives_the_size(size):
    image = picture(7, size)
    assert fit(image, (64, 48)).shape == (48, 64, 3)
    assert (image == 7).all()


def test_without_pyav_a_hint_names_the_extra(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "av", None)
    path = write(tmp_path / "out.mp4")
    assert "pip install 'mambatrack[video]'" in capsys.readouterr().err
    assert len(read(path)) == 24


def test_an_exception_leaves_a_playable_file(tmp_path):
    writer = open_video_writer(tmp_path / "out.mp4", 25, (64, 48))
    with pytest.raises(KeyboardInterrupt), writer:
        for level in range(10):
            writer.write(picture(level))
        raise KeyboardInterrupt
    writer.close()
    assert len(read(tmp_path / "out.mp4")) == 10


@needs_av
def test_a_video_without_frames_can_be_closed(tmp_path):
    open_video_writer(tmp_path / "out.mp4", 25, (64, 48)).close()
    assert {item.name for item in tmp_path.iterdir()} <= {"out.mp4"}


ENDLESS = """
import sys, numpy as np
from mambatrack.outputs.video import open_video_writer
writer = open_video_writer({path!r}, 25, (320, 240))
picture = np.full((240, 320, 3), 60, np.uint8)
for frame in range(500):
    picture[100:140, frame % 280 : frame % 280 + 40] = 200
    writer.write(picture)
print("written", flush=True)
sys.stdin.read()
"""


@needs_av
@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_9_leaves_all_but_the_last_second(tmp_path):
    path = tmp_path / "out.mp4"
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS.format(path=str(path))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "written\n"
        process.send_signal(signal.SIGKILL)
    frames = read(path)
    assert 500 - 50 <= len(frames) <= 500 and frames[0].shape == (240, 320, 3)


def shown_at(path):
    """The times of a video's pictures in seconds, as players see them, and how long it lasts."""
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        times = [float(frame.pts * video.time_base) for frame in file.decode(video)]
        return times, float(video.duration * video.time_base)


VARYING = [0, 0.04, 0.08, 0.3, 0.31, 1.0, 1.04, 3.5, 3.54, 6.0]


@needs_av
@pytest.mark.parametrize("start_s", [0.0, 7.25])
def test_pictures_are_shown_when_their_time_stamps_say(tmp_path, start_s):
    with open_video_writer(tmp_path / "out.mp4", 25 / 3, (64, 48)) as writer:
        for number, time_s in enumerate(VARYING):
            writer.write(picture(20 * number), start_s + time_s)
    times, lasts_s = shown_at(tmp_path / "out.mp4")
    np.testing.assert_allclose(times, VARYING, atol=1e-3)
    assert lasts_s == pytest.approx(6.0 + 3 / 25, abs=0.01)
    np.testing.assert_allclose(
        [image.mean() for image in read(tmp_path / "out.mp4")], range(0, 200, 20), atol=4
    )


def test_without_pyav_pictures_are_repeated_and_none_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with open_video_writer(tmp_path / "out.mp4", 10, (64, 48)) as writer:
        for number, time_s in enumerate(VARYING):
            writer.write(picture(20 * number), time_s)
    levels = [round(image.mean() / 20) for image in read(tmp_path / "out.mp4")]
    assert sorted(set(levels)) == list(range(10)) and levels == sorted(levels)
    assert levels.index(9) == 60 and len(levels) == 61, "6.0 s do not play as 6.0 s"


@pytest.mark.parametrize("times", [[None] * 5, [0] * 5, [3, 2, 1, 0, -1], [0, *[None] * 4]])
@needs_av
def test_times_that_do_not_grow_are_a_frame_apart(tmp_path, times):
    with open_video_writer(tmp_path / "out.mp4", 10, (64, 48)) as writer:
        for time_s in times:
            writer.write(picture(100), time_s)
    np.testing.assert_allclose(shown_at(tmp_path / "out.mp4")[0], np.arange(5) / 10, atol=1e-3)


@pytest.mark.parametrize(
    ("size", "side", "area", "expected"),
    [
        ((64, 48), 100, 1e9, (64, 48)),
        ((63, 47), 100, 1e9, (64, 48)),
        ((200, 50), 100, 1e9, (100, 24)),
        ((50, 200), 100, 1e9, (24, 100)),
        ((100_000, 3), 100, 1e9, (100, 2)),
        ((90, 90), 100, 900, (30, 30)),
    ],
)
def test_what_is_too_large_for_a_codec_is_scaled_down(size, side, area, expected):
    assert size_within(size, side, area) == expected


@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("size", [(16400, 20), (20, 16400), (40_000, 20), (6100, 6100)])
def test_pictures_larger_than_the_codec_takes_are_written_smaller_and_that_is_said(
    tmp_path, monkeypatch, size, pyav
):
    if not pyav:
        monkeypatch.setitem(sys.modules, "av", None)
    elif av is None:
        pytest.skip("PyAV is not installed")
    if size == (6100, 6100) and not pyav:
        pytest.skip("MPEG-4 takes it as it is")
    image = picture(200, size)
    with pytest.warns(UserWarning, match=f"out.mp4 is scaled from {size[0]}x{size[1]} to"):
        writer = open_video_writer(tmp_path / "out.mp4", 25, size)
    with writer:
        writer.write(image)
    assert image.shape == (size[1], size[0], 3)
    [shown] = read(tmp_path / "out.mp4")
    assert shown.shape == (writer.size[1], writer.size[0], 3) and shown.mean() > 100


def test_an_existing_file_is_refused_unless_overwritten(tmp_path):
    path = write(tmp_path / "out.mp4", [1])
    before = path.read_bytes()
    with pytest.raises(MambatrackError, match="--overwrite"):
        open_video_writer(path, 25, (64, 48))
    assert path.read_bytes() == before
    with open_video_writer(path, 25, (64, 48), overwrite=True) as writer:
        writer.write(picture(3))
        writer.write(picture(3))
    assert len(read(path)) == 2


@pytest.mark.parametrize(
    ("name", "fps", "size", "words"),
    [
        ("out.avi", 25, (64, 48), "name the file .mp4"),
        ("out.mp4", 0, (64, 48), "0 < fps"),
        ("out.mp4", float("nan"), (64, 48), "0 < fps"),
        ("out.mp4", 25, (0, 48), "positive size"),
        ("nowhere/out.mp4", 25, (64, 48), "does not exist"),
    ],
)
def test_impossible_videos_are_refused_before_the_work(tmp_path, name, fps, size, words):
    with pytest.raises(MambatrackError, match=words):
        open_video_writer(tmp_path / name, fps, size)
    assert not list(tmp_path.iterdir())


@needs_av
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_a_plain_message(tmp_path):
    path = tmp_path / "out.mp4"
    path.symlink_to("/dev/full")
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    writer = open_video_writer(path, 25, (64, 48), overwrite=True)
    with pytest.raises(MambatrackError, match="No space left"), writer:
        for _ in range(300):
            writer.write(noise)


def test_a_closed_video_takes_nothing_more(tmp_path):
    picture = np.zeros((36, 64, 3), np.uint8)
    with open_video_writer(tmp_path / "x.mp4", 25, (64, 36)) as writer:
        writer.write(picture)
    with pytest.raises(MambatrackError, match="x.mp4 is closed; write to it inside of its with"):
        writer.write(picture)
