"""Files and windows of live sources: names, clocks, pictures of their own; the status line."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.config import TrackerConfig
from mambatrack.live.outputs import (
    LONGEST_S,
    Delayed,
    LiveVideo,
    OnACopy,
    SourceOutputs,
)
from mambatrack.live.updates import LiveUpdate, SourceStatus
from mambatrack.runs.output_files import numbered
from mambatrack.sources.frames import Frame
from mambatrack.tracking.tracker import Tracker


def picture(shade):
    return np.full((48, 64, 3), shade, np.uint8)


def play(path, times, fps=10.0):
    """Pictures of shade 10, 20, ... at these times -> the shades of the video's frames."""
    video = LiveVideo(path, lambda: fps)
    for number, time_s in enumerate(times, start=1):
        video.write(picture(10 * number), time_s)
    video.close()
    capture = cv2.VideoCapture(str(path))
    shades = []
    while (read := capture.read())[0]:
        shades.append(round(read[1].mean() / 10))
    return shades


@pytest.mark.parametrize(
    ("times", "shades"),
    [
        ([5.0, 5.1, 5.2], [1, 2, 3]),
        ([0, 0.3, 0.4], [1, 1, 1, 2, 3]),
        ([0, 0.02, 0.1, 0.11, 0.2], [2, 4, 5]),
        ([0, 100, 100.1], [1] * round(10 * LONGEST_S) + [2, 3]),
        ([7], [1]),
    ],
)
def test_a_video_plays_as_fast_as_it_happened(tmp_path, times, shades):
    played = play(tmp_path / "a.mp4", times)
    assert len(played) == len(shades)
    if times[1:2] != [0.02]:
        assert played == shades


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0.001, 0.5), max_size=12))
def test_a_video_is_as_long_as_it_took(tmp_path_factory, steps):
    times = np.cumsum([0, *steps])
    played = play(tmp_path_factory.mktemp("video") / "a.mp4", times.tolist())
    assert abs(len(played) - 1 - 10 * times[-1]) <= 1


def test_a_video_without_pictures_is_no_file(tmp_path):
    LiveVideo(tmp_path / "a.mp4", lambda: 25.0).close()
    assert not list(tmp_path.iterdir())


def test_what_is_drawn_into_is_a_copy():
    frame = Frame(0, 7.0, picture(9))

    class Drawing:
        def write(self, frame, tracks):
            frame.image[:] = 0
            self.tracks = tracks

    drawing = Drawing()
    OnACopy(drawing).write(frame, "tracks")
    assert frame.image.min() == 9 and drawing.tracks == "tracks"


def test_each_source_has_its_own_outputs():
    class Noting(list):
        def write(self, frame, tracks):
            self.append((frame, tracks))

    outputs = [[Noting(), Noting()], [Noting()]]
    observer = SourceOutputs(outputs)
    observer.update(LiveUpdate(1, "frame", "tracks", SourceStatus("b")))
    assert outputs == [[[], []], [[("frame", "tracks")]]]


@pytest.mark.parametrize("pictures", [False, True])
def test_delayed_frames_come_in_order_once_and_with_their_own_number(pictures):
    """Every other frame is dropped, which is no gap to whoever revises."""

    class ThreeLate(list):
        def update(self, tracks):
            assert tracks.frame == len(sent) - 1
            self.append(tracks)
            return [self.pop(0)] if len(self) > 3 else []

        def finish(self):
            return list(self)

    class Noting:
        def write(self, frame, tracks):
            noted.append((frame, tracks, len(sent)))

    noted, sent, delayed = [], [], Delayed([Noting()], ThreeLate(), pictures)
    tracks = Tracker(TrackerConfig("still", association="overlap")).update()
    for number in range(8):
        sent.append(Frame(2 * number, number / 5, picture(number)))
        delayed.write(sent[-1], replace(tracks, frame=2 * number, time_s=number / 5))
    assert [late for _, _, late in noted] == [4, 5, 6, 7, 8]
    delayed.close()
    assert [frame.index for frame, _, _ in noted] == [2 * number for number in range(8)]
    assert all(frame.index == tracks.frame for frame, tracks, _ in noted)
    assert all(tracks.time_s == frame.time_s for frame, tracks, _ in noted)
    assert [frame.image.size > 0 for frame, _, _ in noted] == [pictures] * 8


def test_files_of_several_sources_are_numbered_and_stay_in_their_folder():
    assert numbered("out/a.b.txt", 0, 1) == "out/a.b.txt" and numbered(None, 3, 9) is None
    assert numbered("out/a.b.txt", 3, 9) == "out/a.b-3.txt"
    assert numbered("a", 0, 2) == "a-0"
