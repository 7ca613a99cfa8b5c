"""Video files out: H.264 that plays in browsers through PyAV, else OpenCV's MPEG-4.

Pictures are shown when their time stamps say; MPEG-4 by OpenCV has one rate, and repeats them.
"""

import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import check_output
from mambatrack.sources.timing import Stamps

Image = NDArray[np.uint8]
Size = tuple[int, int]

# parts of half a second, each on the disk at once
_FRAGMENTED = {
    "movflags": "empty_moov+default_base_moof", "frag_duration": "500000", "flush_packets": "1",
}  # fmt: skip
_SEEKABLE = {"movflags": "faststart"}
_BT601, _LIMITED = 6, 1  # how OpenCV turns BGR into YUV, in FFmpeg's numbers
_TICKS = 90_000  # a second
_H264_SIDE, _H264_AREA = 16384, 139264 * 16**2  # pixels, of level 6.2, the highest
_MPEG4_SIDE = 8190


class Encoder(Protocol):
    """Takes frames of one even size and leaves a playable file when closed.

    size: (width, height) of the video; time_s: of a frame since the first, growing
    """

    size: Size

    def encode(self, image: Image, time_s: float) -> None: ...

    def close(self) -> None: ...


class VideoWriter:
    """Fits frames to the size of the video and hands them to an encoder.

    size: (width, height) of the video, even; a frame of another size is scaled and letterboxed
    """

    def __init__(self, encoder: Encoder, fps: float, path: Path):
        self.size, self.path = encoder.size, path
        self._encoder, self._closed = encoder, False
        self._stamps = Stamps(fps)
        self._first_s: float | None = None

    def write(self, image: Image, time_s: float | None = None) -> None:
        """Appends ``image [H, W, 3]`` BGR uint8. time_s: when it is shown, by any clock; 1 / fps
        after the one before where there is no time, or it does not grow"""
        if self._first_s is None:
            self._first_s = time_s
        stamp = None if time_s is None or self._first_s is None else time_s - self._first_s
        try:
            self._encoder.encode(fit(image, self.size), self._stamps.step(stamp))
        except OSError as error:
            raise MambatrackError(
                f"cannot write {self.path}: {error.strerror}; the frames written so far are kept"
            ) from error

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._encoder.close()
        except OSError as error:
            raise MambatrackError(f"cannot finish {self.path}: {error.strerror}") from error

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_video(path: str | Path, overwrite: bool = False) -> Path:
    """The path, if a video can be written there; else MambatrackError before any work is done."""
    if Path(path).suffix.lower() != ".mp4":
        raise MambatrackError(f"{path}: videos are written as MP4; name the file .mp4")
    return check_output(path, overwrite)


def open_video_writer(
    path: str | Path, fps: float, size: Size, overwrite: bool = False
) -> VideoWriter:
    """An MP4 file for frames of ``size`` (width, height), padded to even numbers, or scaled down
    with a warning to what the codec takes.

    H.264 when the extra ``video`` is installed; else MPEG-4, with a hint on stderr, because
    browsers do not play it. Raises MambatrackError where the file may not or cannot be written.
    """
    path = check_video(path, overwrite)
    if not 0 < fps <= 1000 or min(size) < 1:
        raise MambatrackError(
            f"no video of {size[0]}x{size[1]} pixels at {fps} frames a second; "
            "expected a positive size and 0 < fps <= 1000"
        )
    try:
        return VideoWriter(_open_encoder(path, fps, size), fps, path)
    except OSError as error:
        raise MambatrackError(f"cannot write {path}: {error.strerror}") from None


def size_within(size: Size, side: int, area: float = float("inf")) -> Size:
    """The even size of a video for pictures of ``size``, smaller where a side or the area would be
    larger than the codec takes."""
    scale = min(1.0, side / max(size), (area / (size[0] * size[1])) ** 0.5)
    if scale == 1.0:
        return size[0] + size[0] % 2, size[1] + size[1] % 2
    width, height = (max(2 * int(length * scale / 2), 2) for length in size)
    return width, height


def fit(image: Image, size: Size) -> Image:
    """The image at ``size`` (width, height): padded where a pixel is missing, else letterboxed."""
    width, height = size
    missing = height - image.shape[0], width - image.shape[1]
    if missing == (0, 0):
        return image
    if missing in ((0, 1), (1, 0), (1, 1)):
        return np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = [max(round(length * scale), 1) for length in image.shape[:2]]
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[top : top + inner[0], left : left + inner[1]] = cv2.resize(
        image, (inner[1], inner[0]), interpolation=cv2.INTER_AREA
    )
    return canvas


def _open_encoder(path: Path, fps: float, size: Size) -> Encoder:
    try:
        import av
    except ImportError:
        hint = "pip install 'mambatrack[video]'"
    else:
        if "libx264" in av.codecs_available:
            return _H264(path, fps, _fitting(path, size, _H264_SIDE, _H264_AREA))
        hint = "install a PyAV with libx264"
    print(f"{path.name} is written as MPEG-4, which browsers do not play; {hint}", file=sys.stderr)
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
        self._stream, self._failed = stream, False

    def encode(self, image: Image, time_s: float) -> None:
        import av

        planes: Any = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)  # a third of swscale's time
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = round(time_s * _TICKS), Fraction(1, _TICKS)
        frame.duration = self._frame_ticks
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError:
            self._failed = True
            raise

    def close(self) -> None:
        try:
            if not self._failed:  # to write on after a failure would crash the process
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
        _make_seekable(self._path, Fraction(self._frame_ticks, _TICKS))


def _make_seekable(path: Path, shown_s: Fraction) -> None:
    """Copies the packets into an MP4 that has its index in front and starts at time 0, and puts
    that in the file's place. shown_s: how long a picture is that does not say it"""
    import av

    draft = path.with_name(f".{path.name}.part")
    try:
        with (
            av.open(str(path)) as old,
            av.open(str(draft), "w", format="mp4", options=_SEEKABLE) as new,
        ):
            source = old.streams.video[0]
            target = new.add_stream_from_template(source)
            shown = round(shown_s / (source.time_base or 1))
            for packet in _from_zero(old.demux(source), source.start_time or 0, shown):
                packet.stream = target
                new.mux(packet)
        os.replace(draft, path)
    except (OSError, ValueError, IndexError):
        pass  # no room or no frames: the fragments play as they are
    finally:
        draft.unlink(missing_ok=True)


def _from_zero(packets: Iterable[Any], start: int, shown: int) -> Iterator[Any]:
    """The packets, their times counted from ``start``; the last one lasts to the end of what is
    shown, as a file lasts to the end of what is decoded, where pictures come in another order."""
    begin, end, last = 0, 0, None
    for packet in packets:
        if packet.dts is None or packet.pts is None:
            continue
        if last is not None:
            yield last
        packet.pts, packet.dts, last = packet.pts - start, packet.dts - start, packet
        begin = min(begin, packet.dts)
        packet.duration = packet.duration or shown
        end = max(end, packet.pts + packet.duration)
    if last is not None:
        last.duration = max(end - (last.dts - begin), 1)
        yield last


class _Mpeg4:
    """Through OpenCV; a picture is repeated until the next one is due."""

    def __init__(self, path: Path, fps: float, size: Size):
        self.size, self._fps, self._written = size, fps, 0
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

    def close(self) -> None:
        self._writer.release()

    def _append(self, image: Image) -> None:
        self._writer.write(image)
        self._written += 1
