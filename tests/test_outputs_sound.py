"""The sound of a source in the annotated video: with its pictures, from the first to the last."""

import sys

import numpy as np
import pytest

from mambatrack.cli import main
from mambatrack.config import load_config
from mambatrack.outputs.video import open_video_writer
from mambatrack.runs.video_jobs import plan_videos, track_video
from mambatrack.sources.frames import open_frames
from videos import needs_av

try:
    import av
    from av.stream import Disposition
except ImportError:
    av = None

FPS, COUNT, SIZE, RATE = 25, 75, (64, 48), 48000
EVERY = 20  # frames from one flash to the next, each with a beep of one frame
FRAME_S = 1 / FPS
CODECS = {"mp4": "aac", "mkv": "libopus", "mov": "pcm_s16le", "avi": "libmp3lame", "ts": "aac",
          "wmv": "wmav2", "mpg": "mp2"}  # fmt: skip
VIDEO = {"wmv": "wmv2", "mpg": "mpeg2video"}

pytestmark = needs_av


def beeps(seconds, tone=1000):
    """Sound [n] float32: a tone while each flash is shown."""
    time_s = np.arange(round(seconds * RATE)) / RATE
    heard = np.floor(time_s * FPS + 1e-6) % EVERY == 0
    return (0.5 * heard * np.sin(2 * np.pi * tone * time_s)).astype(np.float32)


def write_source(
    path, codec=None, tracks=(1000,), sound_s=COUNT / FPS, stamps=range(COUNT), default=None
):
    """A video that flashes and beeps.

    tracks: tones of its tracks of sound; default: number of the one that is marked so
    """
    kind = path.suffix[1:]
    with av.open(str(path), "w") as file:
        video = file.add_stream(VIDEO.get(kind, "mpeg4"), rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.codec_context.max_b_frames = 0
        sounds = [
            file.add_stream(codec or CODECS[kind], rate=RATE, layout="mono", bit_rate=64000)
            for _ in tracks
        ]
        for number, sound in enumerate(sounds):
            sound.disposition = (Disposition.default if number == default else Disposition(0)).value
        for stamp in stamps:
            shade = 230 if stamp % EVERY == 0 else 20
            frame = av.VideoFrame.from_ndarray(
                np.full((SIZE[1], SIZE[0], 3), shade, np.uint8), format="bgr24"
            )
            frame.pts = stamp
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        for sound, tone in zip(sounds, tracks, strict=True):
            _encode(file, sound, beeps(sound_s, tone))
    return path


def _encode(file, sound, samples):
    context = sound.codec_context
    resampler = av.AudioResampler(context.format, context.layout, RATE)
    for at in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], "fltp", "mono")
        frame.pts, frame.sample_rate = at, RATE
        for part in resampler.resample(frame):
            file.mux(sound.encode(part))
    file.mux(sound.encode(None))


def write(source, path, **chosen):
    """The frames of a source into a video, as ``mambatrack track`` does."""
    with open_frames(source, **chosen) as frames:
        fps = frames.fps / chosen.get("stride", 1)
        with open_video_writer(path, fps, frames.size, sound=frames.sound) as out:
            for frame in frames:
                out.write(frame.image, frame.time_s)
    return path


def heard(path):
    """(times of the beeps' beginnings, when the sound ends, codec) in seconds"""
    with av.open(str(path)) as file:
        [track] = file.streams.audio
        rate, parts, begin = track.codec_context.sample_rate, [], None
        mono = av.AudioResampler("flt", "mono", rate)
        for frame in file.decode(track):
            begin = float(frame.pts * frame.time_base) if begin is None else begin
            parts += [part.to_ndarray()[0] for part in mono.resample(frame)]
        ends = float(track.duration * track.time_base)
        codec = track.codec_context.codec.canonical_name
    loud = np.flatnonzero(np.abs(np.concatenate(parts)) > 0.2)
    first = np.diff(loud, prepend=-rate) > 0.2 * rate
    return begin + loud[first] / rate, ends, codec


def pitch(path):
    """The tone of the first beep in Hz."""
    with av.open(str(path)) as file:
        samples = next(file.decode(audio=0)).to_ndarray()[0].astype(float)[: RATE // FPS]
    return np.sum(np.diff(np.signbit(samples))) / 2 / (len(samples) / RATE)


def shown(path):
    """(times of the flashes, when the pictures end) in seconds"""
    with av.open(str(path)) as file:
        track = file.streams.video[0]
        flashes = [
            float(frame.pts * frame.time_base)
            for frame in file.decode(track)
            if frame.to_ndarray(format="gray").mean() > 120
        ]
        return np.array(flashes), float(track.duration * track.time_base)


def is_together(path, codec=None):
    flashes, pictures_end = shown(path)
    beginnings, sound_ends, found = heard(path)
    np.testing.assert_allclose(beginnings, flashes, atol=FRAME_S)
    assert len(flashes) > 1 and sound_ends == pytest.approx(pictures_end, abs=FRAME_S)
    assert codec in (None, found)


@pytest.mark.parametrize(
    ("kind", "codec", "written"),
    [
        ("mp4", None, "aac"), ("mkv", None, "opus"), ("mov", None, "aac"), ("avi", None, "mp3"),
        ("ts", None, "aac"), ("mpg", None, "aac"), ("mkv", "flac", "flac"),
        ("mkv", "ac3", "ac3"), ("mp4", "alac", "alac"),
    ],
)  # fmt: skip
def test_sound_is_copied_where_mp4_holds_it_and_else_encoded(tmp_path, kind, codec, written):
    source = write_source(tmp_path / f"a.{kind}", codec)
    is_together(write(source, tmp_path / "out.mp4"), written)
    assert {item.name for item in tmp_path.iterdir()} == {source.name, "out.mp4"}


def test_times_that_a_decoder_leaves_out_are_counted(tmp_path):
    path = write(write_source(tmp_path / "a.wmv"), tmp_path / "out.mp4")
    later = heard(path)[0][-3:]  # this decoder gives nothing of its first two packets
    np.testing.assert_allclose(later, [0.8, 1.6, 2.4], atol=FRAME_S)


@pytest.mark.parametrize("kind", ["mp4", "mkv", "mov", "ts"])
@pytest.mark.parametrize(
    "chosen", [{"start": 31}, {"stop": 42}, {"stride": 4}, {"start": 15, "stop": 66, "stride": 5}]
)
def test_a_part_of_the_source_keeps_the_sound_of_its_pictures(tmp_path, kind, chosen):
    source = write_source(tmp_path / f"a.{kind}")
    path = write(source, tmp_path / "out.mp4", **chosen)
    flashes, pictures_end = shown(path)
    beginnings, sound_ends, _ = heard(path)
    last = chosen.get("stride", 1) * FRAME_S  # is shown to the end of what it stands for
    assert sound_ends == pytest.approx(pictures_end, abs=last)
    start, stop = chosen.get("start", 0), chosen.get("stop", COUNT)
    expected = np.arange(0, COUNT, EVERY)
    expected = expected[(expected >= start) & (expected < stop)] - start
    np.testing.assert_allclose(beginnings, expected / FPS, atol=FRAME_S)
    assert set(np.round(flashes * FPS)) <= set(expected)


def test_a_varying_frame_rate_keeps_its_sound(tmp_path):
    stamps = [*range(10), 14, 20, 21, 22, 40, 41, 60, 61, 73, 74]
    source = write_source(tmp_path / "a.mkv", stamps=stamps)
    path = write(source, tmp_path / "out.mp4")
    np.testing.assert_allclose(shown(path)[0], [0, 0.8, 1.6, 2.4], atol=0.01)
    np.testing.assert_allclose(heard(path)[0], [0, 0.8, 1.6, 2.4], atol=FRAME_S)


@pytest.mark.parametrize("default", [None, 0, 1])
def test_of_several_tracks_the_default_one_is_kept_else_the_first(tmp_path, default):
    source = write_source(tmp_path / "a.mkv", "flac", tracks=(500, 2000), default=default)
    path = write(source, tmp_path / "out.mp4")
    is_together(path, "flac")
    assert pitch(path) == pytest.approx(2000 if default == 1 else 500, rel=0.1)


@pytest.mark.parametrize("sound_s", [1.0, 6.0])
def test_sound_of_another_length_ends_with_itself_or_with_the_pictures(tmp_path, sound_s):
    source = write_source(tmp_path / "a.mkv", sound_s=sound_s)
    path = write(source, tmp_path / "out.mp4")
    assert heard(path)[1] == pytest.approx(min(sound_s, COUNT / FPS), abs=FRAME_S)
    assert shown(path)[1] == pytest.approx(COUNT / FPS, abs=0.01)


def silent(path):
    with av.open(str(path)) as file:
        return not file.streams.audio and file.streams.video[0].frames > 0


def test_without_sound_in_the_pictures_time_there_is_no_track_of_it(tmp_path):
    assert silent(write(write_source(tmp_path / "a.mkv", tracks=()), tmp_path / "out.mp4"))
    short = write_source(tmp_path / "b.mkv", sound_s=0.5)
    assert silent(write(short, tmp_path / "part.mp4", start=40))


def test_sound_that_cannot_be_read_is_left_out_with_a_warning(tmp_path):
    source = write_source(tmp_path / "a.mp4")
    with open_frames(source) as frames:
        writer = open_video_writer(tmp_path / "out.mp4", FPS, frames.size, sound=frames.sound)
        for frame in frames:
            writer.write(frame.image, frame.time_s)
    source.unlink()
    with pytest.warns(UserWarning, match="out.mp4 has no sound: No such file"):
        writer.close()
    assert silent(tmp_path / "out.mp4")
    assert {item.name for item in tmp_path.iterdir()} == {"out.mp4"}


def track(source, folder, *options):
    detections = folder / "det.txt"
    detections.write_text("1,-1,5,5,20,20,0.9,-1,-1,-1\n")
    given = ["--detector", "file", "--weights", str(detections), "--predictor", "kalman"]
    return main(["track", str(source), *given, "--quiet", *options])


def test_the_annotated_video_has_the_sound_of_its_source(tmp_path):
    source = write_source(tmp_path / "a.mp4")
    out = tmp_path / "out.mp4"
    assert track(source, tmp_path, "--output", str(out), "--start", "11") == 0
    beginnings, _, codec = heard(out)
    np.testing.assert_allclose(beginnings, (np.array([20, 40, 60]) - 11) / FPS, atol=FRAME_S)
    assert codec == "aac"
    assert track(source, tmp_path, "--output", str(out), "--overwrite", "--no-sound") == 0
    assert silent(out)


@pytest.mark.parametrize("sound", [True, False])
def test_videos_of_a_folder_have_their_sound_unless_it_is_left_out(tmp_path, sound):
    folder, out = tmp_path / "videos", tmp_path / "out"
    folder.mkdir()
    write_source(folder / "a.mp4")
    config = load_config(overrides={"detector.name": "motion", "tracker.predictor": "kalman"})
    [job], _ = plan_videos(folder, config, out, draw=True, sound=sound)
    assert track_video(job).problem is None
    assert silent(out / "a.mp4") != sound


def test_no_sound_is_refused_where_no_video_is_written(tmp_path, capsys):
    source = write_source(tmp_path / "a.mp4")
    with pytest.raises(SystemExit) as ended:
        track(source, tmp_path, "--mot", str(tmp_path / "a.txt"), "--no-sound")
    assert ended.value.code == 2
    assert "--no-sound has no effect without --output or --output-video" in capsys.readouterr().err


def test_without_pyav_the_video_is_silent_and_a_line_names_the_extra(tmp_path, monkeypatch, capsys):
    source = write_source(tmp_path / "a.mp4")
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "av", None)
        assert track(source, tmp_path, "--output", str(tmp_path / "out.mp4")) == 0
    said = capsys.readouterr().err
    assert "silent" in said and "pip install 'mambatrack[video]'" in said
    assert silent(tmp_path / "out.mp4")
