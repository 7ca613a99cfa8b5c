"""Times of frames: of the container where they make sense; else it is told."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mambatrack.sources import opencv_reader, readers
from mambatrack.sources.containers import Container
from mambatrack.sources.frames import open_frames
from videos import SIZE, picture


class FakeCapture:
    """Frames with given time stamps in ms; None in ``images`` is a frame that comes back empty."""

    def __init__(self, stamps, images=None, length=None):
        self.stamps, self.at = stamps, -1
        self.images = images or [picture(20 * k) for k in range(len(stamps))]
        self.facts = {cv2.CAP_PROP_FPS: 10.0, cv2.CAP_PROP_FRAME_COUNT: length or len(stamps)}

    def isOpened(self):
        return True

    def grab(self):
        self.at += 1
        return self.at < len(self.stamps)

    def retrieve(self):
        return self.images[self.at] is not None, self.images[self.at]

    def get(self, key):
        return self.stamps[self.at] if key == cv2.CAP_PROP_POS_MSEC else self.facts[key]

    def release(self):
        pass


def played(monkeypatch, tmp_path, *arguments, source="clip.mp4", **options):
    """What OpenCV gives of a file whose container states as many frames as it says."""
    capture = FakeCapture(*arguments, **options)
    stated = Container(frames=int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    monkeypatch.setattr(opencv_reader, "_open_capture", lambda *_: capture)
    monkeypatch.setattr(readers, "has_pyav", lambda: False)
    monkeypatch.setattr(readers, "look_into", lambda _: stated)
    (tmp_path / "clip.mp4").touch()
    opened = open_frames(tmp_path / source if source == "clip.mp4" else source)
    return opened, list(opened)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0, 40, 200, 210], [0, 0.04, 0.2, 0.21]),
        ([0, 0, 0, 0], [0, 0.1, 0.2, 0.3]),
        ([np.nan] * 3, [0, 0.1, 0.2]),
        ([0, 100, 50, 400], [0, 0.1, 0.2, 0.4]),
        ([-80, -40, 30], [0, 0.1, 0.2]),
        ([500, 600], [0.5, 0.6]),
    ],
)
def test_time_stamps_grow_whatever_the_container_says(monkeypatch, tmp_path, stamps, times):
    _, frames = played(monkeypatch, tmp_path, stamps)
    np.testing.assert_allclose([frame.time_s for frame in frames], times)


def test_a_video_of_varying_frame_rate_keeps_its_times(tmp_path):
    av = pytest.importorskip("av", reason="needs the extra video")
    times_ms = [0, 40, 80, 300, 310, 1000, 1040]
    with av.open(str(tmp_path / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        (stream.width, stream.height), stream.time_base = SIZE, Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        for k, stamp in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(20 * k), format="bgr24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = open_frames(tmp_path / "clip.mp4")
    np.testing.assert_allclose([f.time_s for f in source], np.array(times_ms) / 1000, atol=1e-3)
    assert source.problem is None


def test_an_empty_frame_of_a_video_is_skipped_and_counted(monkeypatch, tmp_path):
    images = [picture(1), None, picture(2), np.zeros((0, 0, 3), np.uint8), picture(3)]
    source, frames = played(monkeypatch, tmp_path, [0, 100, 200, 300, 400], images)
    assert [frame.index for frame in frames] == [0, 2, 4]
    assert (source.skipped, source.problem) == (2, None)


@pytest.mark.parametrize(
    ("stamps", "length", "damaged"),
    [
        (range(0, 500, 100), 20, True),
        (range(0, 500, 100), 7, False),  # within two frames: containers miscount
        (range(0, 2000, 400), 20, False),  # frames far apart: the number was a guess from the rate
    ],
)
def test_missing_frames_are_a_problem_only_when_time_is_missing_too(
    monkeypatch, tmp_path, stamps, length, damaged
):
    source, _ = played(monkeypatch, tmp_path, list(stamps), length=length)
    assert (source.problem is not None) == damaged


@pytest.mark.parametrize(("name", "length"), [("0", -1), ("rtsp://camera/1", 500)])
def test_a_live_source_has_no_count_and_its_own_clock(monkeypatch, tmp_path, name, length):
    clock = iter([100.0, 100.5, 101.5, 102.0])
    monkeypatch.setattr(opencv_reader.time, "monotonic", lambda: next(clock))
    source, frames = played(monkeypatch, tmp_path, [0, 0, 0], length=length, source=name)
    assert (source.live, source.count) == (True, None)
    assert [frame.time_s for frame in frames] == [0.5, 1.5, 2.0]
    assert source.problem == "the stream ended after 3 frames"
