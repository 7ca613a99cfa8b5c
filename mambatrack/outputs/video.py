"""Video files out: H.264 that plays in browsers through PyAV, else OpenCV's MPEG-4.

Frames are spaced evenly, whatever their time stamps: a viewer's clock is frame / fps.
"""

import os
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.files import check_output

Image = NDArray[np.uint8]
Size = tuple[int, int]

_FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
_SEEKABLE = {"movflags": "faststart"}
_BT601, _LIMITED = 6, 1  # how OpenCV turns BGR into YUV, in FFmpeg's numbers


class Encoder(Protocol):
    """Takes frames of one even size and leaves a playable file when closed."""

    def encode(self, image: Image) -> None: ...

    def close(self) -> None: ...


class VideoWriter:
    """Fits frames to the size of the video and hands them to an encoder.

    size: (width, height) of the video, even; a frame of another size is scaled and letterboxed
    """

    def __init__(self, encoder: Encoder, size: Size, path: Path):
        self.size, self.path = size, path
        self._encoder, self._closed = encoder, False

    def write(self, image: Image) -> None:
        """Appends ``image [H, W, 3]`` BGR uint8."""
        try:
            self._encoder.encode(fit(image, self.size))
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
    """An MP4 file for frames of ``size`` (width, height), padded to even numbers.

    H.264 when the extra ``video`` is installed; else MPEG-4, with a hint on stderr, because
    browsers do not play it. Raises MambatrackError where the file may not or cannot be written.
    """
    path = check_video(path, overwrite)
    if not 0 < fps <= 1000 or min(size) < 1:
        raise MambatrackError(
            f"no video of {size[0]}x{size[1]} pixels at {fps} frames a second; "
            "expected a positive size and 0 < fps <= 1000"
        )
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    try:
        return VideoWriter(_open_encoder(path, fps, even), even, path)
    except OSError as error:
        raise MambatrackError(f"cannot write {path}: {error.strerror}") from None


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
            return _H264(path, fps, size)
        hint = "install a PyAV with libx264"
    print(f"{path.name} is written as MPEG-4, which browsers do not play; {hint}", file=sys.stderr)
    return _Mpeg4(path, fps, size)


class _H264:
    """Through PyAV. Written in fragments, so that a killed run leaves a playable file; a closed
    one is rearranged at the end, without encoding again, so that players know its length."""

    def __init__(self, path: Path, fps: float, size: Size):
        import av

        self._path = path
        self._container = av.open(str(path), "w", format="mp4", options=_FRAGMENTED)
        rate = Fraction(fps).limit_denominator(1001)
        stream: Any = self._container.add_stream(
            "libx264", rate=rate, options={"preset": "veryfast", "crf": "23"}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
        stream.codec_context.gop_size = max(round(2 * fps), 1)
        stream.codec_context.thread_count = min(4, os.cpu_count() or 1)
        self._stream, self._failed = stream, False

    def encode(self, image: Image) -> None:
        import av

        planes: Any = cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420)  # a third of swscale's time
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
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
        _make_seekable(self._path)


def _make_seekable(path: Path) -> None:
    """Copies the packets into an MP4 with its index in front and puts that in the file's place."""
    import av

    draft = path.with_name(f".{path.name}.part")
    try:
        with (
            av.open(str(path)) as old,
            av.open(str(draft), "w", format="mp4", options=_SEEKABLE) as new,
        ):
            source = old.streams.video[0]
            target = new.add_stream_from_template(source)
            for packet in old.demux(source):
                if packet.dts is not None:
                    packet.stream = target
                    new.mux(packet)
        os.replace(draft, path)
    except (OSError, ValueError, IndexError):
        pass  # no room or no frames: the fragments play as they are
    finally:
        draft.unlink(missing_ok=True)


class _Mpeg4:
    """Through OpenCV."""

    def __init__(self, path: Path, fps: float, size: Size):
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise MambatrackError(
                f"OpenCV cannot write {path}; pip install 'mambatrack[video]' for H.264"
            )

    def encode(self, image: Image) -> None:
        self._writer.write(image)

    def close(self) -> None:
        self._writer.release()
