"""The encoders of video files: H.264 through PyAV, else OpenCV's MPEG-4."""

import errno
import os
import shutil
import sys
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2

from mambatrack.errors import MambatrackError, counted
from mambatrack.outputs.fitting import Image, Size, size_within
from mambatrack.outputs.seekable import make_seekable
from mambatrack.sources.containers import look_into
from mambatrack.sources.opencv import quiet
from mambatrack.sources.sound import Sound

# parts of half a second, each on the disk at once
_FRAGMENTED = {
    "movflags": "empty_moov+default_base_moof", "frag_duration": "500000", "flush_packets": "1",
}  # fmt: skip
_BT601, _LIMITED = 6, 1  # how OpenCV turns BGR into YUV, in FFmpeg's numbers
_TICKS = 90_000  # a second
_H264_SIDE, _H264_AREA = 16384, 139264 * 16**2  # pixels, of level 6.2, the highest
_MPEG4_SIDE = 8190
_INDEX, _INDEX_OF_FRAME = 65536, 32  # bytes that closing an MPEG-4 file takes, at most
_COMPRESSION = 16  # of the least compressible picture


class Encoder(Protocol):
    """Takes frames of one even size and leaves a playable file when closed.

    size: (width, height) of the video; time_s: of a frame since the first, growing
    sound: begins with the first frame; left out where the encoder has no place for it
    """

    size: Size

    def encode(self, image: Image, time_s: float) -> None: ...

    def close(self, sound: Sound | None) -> None: ...


def open_encoder(path: Path, fps: float, size: Size) -> Encoder:
    """H.264 where it can be had, else MPEG-4 with a line on stderr. Raises OSError where the file
    cannot be written."""
    try:
        import av
    except ImportError:
        hint = "pip install 'mambatrack[video]'"
    else:
        if "libx264" in av.codecs_available:
            return _H264(path, fps, _fitting(path, size, _H264_SIDE, _H264_AREA))
        hint = "install a PyAV with libx264"
    print(
        f"{path.name} is written as MPEG-4, silent, which browsers do not play; {hint}",
        file=sys.stderr,
    )
    return _Mpeg4(path, fps, _fitting(path, size, _MPEG4_SIDE))


def _fitting(path: Path, size: Size, side: int, area: float = float("inf")) -> Size:
    """The size of the video; warns where pictures are scaled down to it."""
    within = size_within(size, side, area)
    if within[0] < size[0] or within[1] < size[1]:
        warnings.warn(
            f"{path.name} is scaled from {size[0]}x{size[1]} to {within[0]}x{within[1]}, the most "
            "that its codec takes; boxes in other files are those of the full picture",
            stacklevel=2,
        )
    return within


class _H264:
    """Through PyAV. Written in fragments, so that a killed run leaves a playable file; a closed
    one is rearranged at the end, without encoding again, so that players know its length."""

    def __init__(self, path: Path, fps: float, size: Size):
        import av

        self._path, self.size = path, size
        self._frame_ticks = round(_TICKS / fps)
        self._container = av.open(str(path), "w", format="mp4", options=_FRAGMENTED)
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = self._container.add_stream(
            "libx264", rate=rate, options={"preset": "veryfast", "crf": "23"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.gop_size = max(round(2 * fps), 1)
        stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
        self._stream, self._failed, self._end = stream, False, 0

    def encode(self, image: Image, time_s: float) -> None:
        import av

        planes: Any = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)  # a third of swscale's time
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = round(time_s * _TICKS), Fraction(1, _TICKS)
        frame.duration = self._frame_ticks
        self._end = frame.pts + self._frame_ticks
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError:
            self._failed = True
            raise

    def close(self, sound: Sound | None) -> None:
        try:
            if not self._failed:  # to write on after a failure would crash the process
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
        shown_s = Fraction(self._frame_ticks, _TICKS)
        make_seekable(self._path, shown_s, sound if self._end else None, self._end / _TICKS)


class _Mpeg4:
    """Through OpenCV; a picture is repeated until the next one is due. OpenCV keeps silent where it
    cannot write, so there is room for the end of the file, and a closed one is looked at."""

    def __init__(self, path: Path, fps: float, size: Size):
        self.size, self._path, self._fps, self._written = size, path, fps, 0
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise MambatrackError(
                f"OpenCV cannot write {path}; pip install 'mambatrack[video]' for H.264"
            )
        self._last: Image | None = None

    def encode(self, image: Image, time_s: float) -> None:
        while self._last is not None and self._written < round(time_s * self._fps):
            self._append(self._last)
        self._append(image)
        self._last = image.copy()

    def close(self, sound: Sound | None) -> None:
        with quiet():
            self._writer.release()
        found = look_into(self._path).frames or 0
        if found < self._written:
            reason = (
                f"OpenCV left {found} of {counted(self._written, 'frame')}; is there room for it?"
            )
            raise OSError(errno.EIO, reason)

    def _append(self, image: Image) -> None:
        room = _INDEX + _INDEX_OF_FRAME * self._written + image.nbytes // _COMPRESSION
        if shutil.disk_usage(self._path.parent).free < room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        with quiet():
            self._writer.write(image)
        self._written += 1
