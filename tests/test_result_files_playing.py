"""Which videos the tools play, and the frame rate by which they count."""

import shutil

import numpy as np
import pytest

from mambatrack.result_files.footage import Footage
from mambatrack.result_files.playing import varying_rate, why_not_played
from mambatrack.result_files.read_results import Recording

av = pytest.importorskip("av")

PLAYED = {  # by the tools, in what is written here
    "h264.mp4": ("libx264", "label-studio fiftyone rerun"),
    "h264.mov": ("libx264", "label-studio fiftyone rerun"),
    "part2.mp4": ("mpeg4", ""),
    "h265.mp4": ("libx265", "rerun"),
    "av1.mp4": ("libsvtav1", "label-studio fiftyone rerun"),
    "vp9.webm": ("libvpx-vp9", "label-studio fiftyone"),
    "h264.mkv": ("libx264", ""),
    "part2.avi": ("mpeg4", ""),
    "mjpeg.avi": ("mjpeg", ""),
    "h264.ts": ("libx264", ""),
    "flash.flv": ("flv", ""),
    "windows.wmv": ("wmv2", ""),
}


def written(path, codec):
    try:
        file = av.open(str(path), "w")
        with file:
            stream = file.add_stream(codec, rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for shade in (0, 100, 200):
                picture = np.full((48, 64, 3), shade, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
            file.mux(stream.encode(None))
    except (av.FFmpegError, ValueError) as error:
        pytest.skip(f"PyAV has no {codec} here: {error}")
    return path


@pytest.mark.parametrize("name", PLAYED)
def test_a_tool_is_said_not_to_play_what_it_does_not(tmp_path, name):
    codec, tools = PLAYED[name]
    video = written(tmp_path / name, codec)
    for form in ("label-studio", "fiftyone", "rerun"):
        problem = why_not_played(video, form)
        assert (problem is None) == (form in tools.split()), (form, problem)
        if problem is not None:
            assert "convert it with: ffmpeg -i" in problem and name in problem


def test_the_content_decides_and_not_the_name(tmp_path):
    part2 = written(tmp_path / "a.avi", "mpeg4")
    shutil.copy(part2, tmp_path / "b.mp4")
    assert "is AVI" in why_not_played(tmp_path / "b.mp4", "rerun")


def recording(times):
    nothing = np.zeros(0, np.int64)
    return Recording(
        nothing, nothing, np.zeros((0, 4)), nothing, nothing, nothing, nothing, times=times
    )


def test_a_rate_that_varies_is_said_where_frames_are_counted_by_it():
    steady = recording({number: 5 + number / 25 for number in range(0, 100, 5)})
    varying = recording({number: number / (25 if number < 50 else 12) for number in range(100)})
    footage = Footage(fps=25.0)
    assert varying_rate(steady, footage, "label-studio") is None
    assert "constant 25 a second" in varying_rate(varying, footage, "label-studio")
    assert varying_rate(varying, footage, "rerun") is None  # is told the time of each frame
