"""Videos for tests: every container and codec that PyAV can write here, frame k of shade 20 * k."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from mambatrack.sources import readers

try:
    import av
except ImportError:
    av = None

needs_av = pytest.mark.skipif(av is None, reason="PyAV is not installed")
COUNT, FPS, SIZE = 12, 10, (64, 48)
CODECS = {
    ".webm": "libvpx", ".ogv": "libvpx", ".flv": "flv", ".wmv": "wmv2", ".asf": "wmv2",
    ".mpg": "mpeg2video", ".vob": "mpeg2video", ".mxf": "mpeg2video", ".gif": "gif",
    ".mjpeg": "mjpeg", ".h264": "libx264", ".h265": "libx265", ".ivf": "libvpx",
    ".y4m": "wrapped_avframe", ".3gp": "mpeg4", ".m2v": "mpeg2video",
}  # fmt: skip
FORMATS = {".gif": "rgb8", ".mjpeg": "yuvj420p"}
SOUND = {".webm": "libopus", ".mpg": "mp2", ".vob": "mp2", ".wmv": "mp2", ".asf": "mp2",
         ".flv": "aac"}  # fmt: skip


def picture(shade, width=SIZE[0], height=SIZE[1]):
    """Dark on the left half, ``shade`` on the right."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, width // 2 :] = shade
    return image


def write_avi(path, count=COUNT):
    """Motion JPEG by OpenCV, which is always there."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for k in range(count):
        writer.write(picture(20 * k))
    writer.release()
    return path


def write_video(
    path, codec=None, stamps=None, sound_s=0.0, cover=None, options=None, first_shown=0,
    size=SIZE, pixels=None, turn=0, rate=FPS, count=COUNT, interlaced=False,
):  # fmt: skip
    """A video by PyAV.

    stamps: in ms, of each frame; cover: codec of a track of one picture in front of the video;
    sound_s: seconds of sound; first_shown: frames before it are hidden by an edit list
    """
    ending = path.suffix
    codec = codec or CODECS.get(ending, "mpeg4")
    base = Fraction(1, rate) if stamps is None else Fraction(1, 1000)
    stamps = [Fraction(1000 * k, rate) for k in range(count)] if stamps is None else stamps
    with av.open(str(path), "w", options=options or {}) as file:
        front = _add_video(file, cover, (32, 32), rate, base) if cover else None
        video = _add_video(file, codec, size, rate, base, pixels or FORMATS.get(ending))
        if interlaced:
            video.codec_context.options = {"flags": "+ilme+ildct"}
        if turn and not hasattr(video, "set_display_rotation"):
            pytest.skip("this PyAV writes no turned videos")
        if turn:
            video.set_display_rotation(turn)
        sound = file.add_stream(SOUND.get(ending, "aac"), rate=48000) if sound_s else None
        if front is not None:
            _encode(file, front, picture(0, 32, 32), 0)
        for k, stamp in enumerate(stamps):
            _encode(
                file,
                video,
                picture(20 * k % 250, *size),
                stamp - Fraction(1000 * first_shown, rate),
            )
        file.mux(video.encode(None))
        if front is not None:
            file.mux(front.encode(None))
        if sound is not None:
            _add_silence(file, sound, sound_s)
    return path


def _add_video(file, codec, size, rate, base, pixels=None):
    video = file.add_stream(codec, rate=rate)
    video.width, video.height = size
    video.pix_fmt = pixels or {"png": "rgb24", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    if base.denominator != rate:
        video.time_base = video.codec_context.time_base = base
    return video


def _encode(file, video, image, stamp_ms):
    frame = av.VideoFrame.from_ndarray(image, format="bgr24")
    base = video.codec_context.time_base or 1 / video.codec_context.framerate
    frame.pts, frame.time_base = round(Fraction(stamp_ms) / 1000 / base), base
    file.mux(video.encode(frame))


def _add_silence(file, sound, seconds):
    rate = sound.codec_context.sample_rate
    samples = sound.codec_context.frame_size or 960
    for at in range(0, round(seconds * rate), samples):
        shape = (sound.codec_context.channels, samples)
        kind = sound.codec_context.format.name
        dtype = np.float32 if "flt" in kind else np.int16
        if not kind.endswith("p"):
            shape = (1, shape[0] * samples)
        frame = av.AudioFrame.from_ndarray(
            np.zeros(shape, dtype), format=kind, layout=sound.codec_context.layout.name
        )
        frame.pts, frame.sample_rate = at, rate
        file.mux(sound.encode(frame))
    file.mux(sound.encode(None))


def read(path, pyav, monkeypatch):
    """[(time, picture)] of every frame, and the reader, which is closed."""
    monkeypatch.setattr(readers, "has_pyav", lambda: pyav)
    reader = readers.open_reader(path)
    frames = []
    while reader.advance():
        frames.append((reader.time_s, reader.image()))
    reader.close()
    return frames, reader
