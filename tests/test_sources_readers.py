"""Files as they exist in the wild, through both readers of files: PyAV, and OpenCV without it.

Every frame of each kind is read, with the time it is shown at, and no whole file is called damaged.
What of the wild is not written here, as PyAV cannot (QuickTime edits of an editor, AVI of more than
1 GB, RealMedia, DivX with packed frames), was tried by hand where there was a file; see
docs/reliability.md.
"""

import os
import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.live.source import LiveSource
from mambatrack.sources.frames import count_frames, open_frames
from mambatrack.sources.timing import plausible_fps
from mjpeg_server import until
from videos import COUNT, FPS, av, needs_av, picture, read, write_avi, write_video

VARYING = [0, 40, 80, 300, 310, 1000, 1040]
STARTS_LATE = [500 + 100 * k for k in range(COUNT)]
LONGER = {"sound_s": 2.5}
# name -> how it is written
WILD = {
    "MP4": ("a.mp4", {}),
    "MP4, sound lasts longer": ("a.mp4", LONGER),
    "MP4, H.264 with B-frames": ("a.mp4", {"codec": "libx264"}),
    "MP4, index in front": ("a.mp4", {"options": {"movflags": "faststart"}}),
    "MP4 in fragments": ("a.mp4", {"options": {"movflags": "frag_keyframe+empty_moov"}}),
    "MP4 in fragments, sound": (
        "a.mp4",
        {"options": {"movflags": "frag_keyframe+empty_moov"}, **LONGER},
    ),
    "MP4, varying rate": ("a.mp4", {"stamps": VARYING}),
    "MP4, starts late": ("a.mp4", {"stamps": STARTS_LATE}),
    "MP4, 10 bit": ("a.mp4", {"codec": "libx264", "pixels": "yuv420p10le"}),
    "MP4, HEVC": ("a.mp4", {"codec": "libx265"}),
    "MP4, AV1": ("a.mp4", {"codec": "libsvtav1"}),
    "MP4, odd size": ("a.mp4", {"codec": "libx264", "pixels": "yuv444p", "size": (63, 47)}),
    "MP4, turned left": ("a.mp4", {"turn": 90}),
    "MP4, turned right": ("a.mp4", {"turn": -90}),
    "MP4, upside down": ("a.mp4", {"turn": 180}),
    "MP4, one frame": ("a.mp4", {"stamps": [0]}),
    "MP4, sound and one frame": ("a.mp4", {"stamps": [0], **LONGER}),
    "QuickTime": ("a.mov", {}),
    "QuickTime, ProRes": ("a.mov", {"codec": "prores_ks", "pixels": "yuv422p10le"}),
    "QuickTime, sound lasts longer": ("a.mov", LONGER),
    "M4V": ("a.m4v", {}),
    "3GP": ("a.3gp", {}),
    "Matroska": ("a.mkv", {}),
    "Matroska, sound lasts longer": ("a.mkv", LONGER),
    "Matroska, varying rate": ("a.mkv", {"stamps": VARYING}),
    "Matroska, FFV1": ("a.mkv", {"codec": "ffv1"}),
    "Matroska, one frame": ("a.mkv", {"stamps": [0]}),
    "WebM": ("a.webm", {}),
    "WebM, sound lasts longer": ("a.webm", LONGER),
    "WebM, VP9": ("a.webm", {"codec": "libvpx-vp9"}),
    "MPEG transport stream": ("a.ts", {"codec": "libx264"}),
    "MPEG transport stream, sound lasts longer": (
        "a.ts",
        {"codec": "mpeg2video", "rate": 25, **LONGER},
    ),
    "MPEG transport stream, interlaced": (
        "a.ts",
        {"codec": "mpeg2video", "rate": 25, "interlaced": True},
    ),
    "MP4, interlaced": ("a.mp4", {"codec": "libx264", "interlaced": True}),
    "MTS": ("a.mts", {"codec": "libx264"}),
    "MPEG program stream": ("a.mpg", {"rate": 25}),
    "MPEG program stream, sound lasts longer": ("a.mpg", {"rate": 25, **LONGER}),
    "VOB": ("a.vob", {"rate": 25}),
    "MXF": ("a.mxf", {"rate": 25}),
    "Flash": ("a.flv", {}),
    "Flash, sound lasts longer": ("a.flv", LONGER),
    "Windows Media": ("a.wmv", {}),
    "Windows Media, sound lasts longer": ("a.wmv", LONGER),
    "AVI": ("a.avi", {}),
    "AVI, sound lasts longer": ("a.avi", LONGER),
    "AVI, varying rate": ("a.avi", {"stamps": VARYING}),
    "Ogg": ("a.ogv", {}),
    "GIF": ("a.gif", {}),
    "motion JPEG": ("a.mjpeg", {"rate": 25}),
    "raw H.264": ("a.h264", {"rate": 25}),
    "raw HEVC": ("a.h265", {"rate": 25}),
    "IVF": ("a.ivf", {}),
    "Y4M": ("a.y4m", {}),
    "NUT": ("a.nut", {}),
    "a name without ending": ("clip", {"options": {}}),
}
FIRST_IS_REPEATED = ("AVI, sound lasts longer",)  # by FFmpeg's muxer, which waits for the sound
ONLY_PYAV = ("MP4, AV1",)
COVERS = ("mjpeg", "libx264")


def written(kind, tmp_path):
    name, how = WILD[kind]
    if name != "clip":
        return write_video(tmp_path / name, **how), how
    path = write_video(tmp_path / "clip.mp4", **how)
    return path.rename(tmp_path / "clip"), how


@needs_av
@pytest.mark.parametrize("kind", WILD)
def test_every_kind_is_read_whole_with_its_times_by_both_readers(kind, tmp_path, monkeypatch):
    path, how = written(kind, tmp_path)
    stamps = how.get("stamps", [1000 * k / how.get("rate", FPS) for k in range(COUNT)])
    expected = np.array(stamps) / 1000
    frames, reader = read(path, True, monkeypatch)
    times = np.array([time_s for time_s, _ in frames])
    assert len(frames) == len(stamps)
    assert reader.problem(len(frames)) is None
    assert reader.length in (None, len(stamps))
    allowed = 0.11 if kind in FIRST_IS_REPEATED else 0.025
    np.testing.assert_allclose(times - times[0], expected - expected[0], atol=allowed)
    shades = [image[:, image.shape[1] * 3 // 4].mean() for _, image in frames]
    if not how.get("turn"):
        np.testing.assert_allclose(shades, [20 * k for k in range(len(stamps))], atol=25)
    if kind in ONLY_PYAV:
        return
    if how.get("interlaced") and cv2.__version__.startswith("5.0"):
        with pytest.warns(UserWarning, match="the same picture over and over"):
            read(path, False, monkeypatch)
        return
    others, other = read(path, False, monkeypatch)
    np.testing.assert_allclose([time_s for time_s, _ in others], times, atol=1e-9)
    for (_, one), (_, two) in zip(frames, others, strict=True):
        np.testing.assert_array_equal(one, two)
    assert (other.fps, other.size, other.length) == (reader.fps, reader.size, reader.length)
    if not (len(stamps) == 1 and how.get("sound_s") and reader.length is None):
        assert other.problem(len(others)) is None


@needs_av
def test_a_count_is_stated_where_nothing_hides_frames(tmp_path):
    assert open_frames(write_video(tmp_path / "a.mp4", **LONGER)).count == COUNT
    for name in ("a.mkv", "a.ts", "a.gif"):
        assert open_frames(write_video(tmp_path / name)).count is None
    hidden = write_video(tmp_path / "e.mp4", first_shown=5)
    with open_frames(hidden) as frames:
        assert (frames.count, len(list(frames)), frames.problem) == (None, COUNT - 5, None)
    assert count_frames(hidden) == COUNT - 5
    assert count_frames(tmp_path / "a.mkv") == COUNT == count_frames(tmp_path / "a.mp4")


@needs_av
@pytest.mark.parametrize("cover", COVERS)
def test_a_cover_in_front_of_the_video_is_not_the_video(cover, tmp_path, monkeypatch):
    path = write_video(tmp_path / "a.mkv", cover=cover)
    frames, reader = read(path, True, monkeypatch)
    assert (len(frames), reader.size, reader.problem(COUNT)) == (COUNT, (64, 48), None)
    frames, reader = read(path, False, monkeypatch)
    if len(frames) != COUNT:
        assert "mambatrack[video]" in reader.problem(len(frames))


@needs_av
def test_several_video_tracks_are_told(tmp_path, monkeypatch):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as file:
        tracks = [file.add_stream("mpeg4", rate=FPS) for _ in range(2)]
        for track, (width, height) in zip(tracks, [(64, 48), (32, 32)], strict=True):
            track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for k in range(COUNT):
            for track in tracks:
                image = np.full((track.height, track.width, 3), 20 * k, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="bgr24")
                frame.pts, frame.time_base = k, Fraction(1, FPS)
                file.mux(track.encode(frame))
        for track in tracks:
            file.mux(track.encode(None))
    with pytest.warns(UserWarning, match=r"2 video tracks \(64x48, 32x32\), of which only the f"):
        frames, reader = read(path, True, monkeypatch)
    assert (len(frames), reader.size) == (COUNT, (64, 48))


def test_the_first_rate_that_makes_sense_is_that_of_the_file():
    """FFmpeg's average of DV is 60000 frames a second, its guess 25."""
    assert plausible_fps(60000, 25) == 25 and plausible_fps(24, 25) == 24
    assert plausible_fps(None, 0) == plausible_fps(-1) == plausible_fps(float("nan")) == 30


@needs_av
def test_a_change_of_size_inside_a_file_is_taken_over(tmp_path):
    parts = [write_video(tmp_path / f"{size[0]}.ts", "libx264", size=size, rate=25).read_bytes()
             for size in ((64, 48), (128, 96))]  # fmt: skip
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    with open_frames(tmp_path / "a.ts") as source:
        sizes = [frame.image.shape[:2] for frame in source]
    assert sizes == [(48, 64)] * COUNT + [(96, 128)] * COUNT
    assert source.resized == 1 and source.problem is None


@needs_av
def test_sound_without_pictures_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.m4a"), "w") as file:
        sound = file.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp")
        frame.sample_rate = 48000
        file.mux(sound.encode(frame))
        file.mux(sound.encode(None))
    with pytest.raises(MambatrackError, match="it has no video track"):
        open_frames(tmp_path / "a.m4a")


@needs_av
def test_tags_in_another_encoding_are_no_hindrance(tmp_path):
    path = write_video(tmp_path / "a.mkv")
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"\xe4\xf6\xfcf"))
    assert len(list(open_frames(path))) == COUNT


@pytest.mark.parametrize("start", [COUNT, COUNT + 1, 1000])
@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_a_start_behind_the_end_is_refused_whatever_the_container_states(name, start, tmp_path):
    if name == "a.avi":
        write_avi(tmp_path / name)
    elif av is None:
        pytest.skip("PyAV is not installed")
    else:
        write_video(tmp_path / name)
    with pytest.raises(MambatrackError, match=f"has 12 frames; frame {start} .from 0. is none"):
        open_frames(tmp_path / name, start=start)
    with open_frames(tmp_path / name, start=COUNT - 1) as source:
        assert [frame.index for frame in source] == [COUNT - 1]


@needs_av
def test_live_plays_a_file_to_the_end_of_its_pictures(tmp_path):
    source = LiveSource(write_video(tmp_path / "a.mkv", stamps=range(0, 240, 20), sound_s=1))
    source.start()
    until(lambda: source.status.state == "ended", "end")
    assert source.status.error is None
    assert source.take().frame.index == COUNT - 1


@pytest.mark.skipif(os.name != "posix", reason="named pipes")
def test_live_opens_a_pipe_once(tmp_path):
    content = write_avi(tmp_path / "a.avi").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,), daemon=True)
    writer.start()
    source = LiveSource(tmp_path / "pipe")
    source.start()
    until(lambda: source.status.state == "ended", "end")
    writer.join(5)
    assert source.status.error is None and source.take().frame.index == COUNT - 1


def test_a_source_that_is_never_started_is_closed(tmp_path):
    source = LiveSource(write_avi(tmp_path / "a.avi"))
    source.close()
    assert source.take() is None


def test_a_name_with_an_at_sign_is_a_file(tmp_path):
    cv2.imwrite(str(tmp_path / "me@home.png"), picture(40))
    assert len(list(open_frames(tmp_path / "me@home.png"))) == 1
