"""What frames are read from: a list of image files, or a video, webcam or stream."""

import glob
import math
import os
import re
import time
from pathlib import Path
from typing import Any, Protocol

import cv2
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import IMAGE_TYPES
from mambatrack.sources.mjpeg import open_mjpeg
from mambatrack.sources.opencv import quiet
from mambatrack.sources.seqinfo import images_folder, number, read_seqinfo

Image = NDArray[Any]

STREAMS = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp", "srt")
DEFAULT_FPS = 30.0
STREAM_TIMEOUT_S = 10.0  # to open a stream, and for each of its frames


class Reader(Protocol):
    """Steps through a source; a frame that is passed over is never converted.

    fps, live; size: (width, height) of the first frame; length: frames in all, None if unknown;
    time_s: of the frame that advance() went to
    """

    fps: float
    live: bool
    size: tuple[int, int]
    length: int | None
    time_s: float

    def advance(self) -> bool: ...
    def image(self) -> Image | None: ...
    def problem(self, frames: int) -> str | None: ...
    def close(self) -> None: ...


def open_reader(source: str | int | Path, timeout_s: float = STREAM_TIMEOUT_S) -> Reader:
    """The reader for what ``source`` names; see ``open_frames``. timeout_s: after which a stream
    that says nothing counts as ended."""
    text = str(source)
    if is_stream(text):
        return _open_stream(text, timeout_s)
    path = Path(text)
    if path.is_dir():
        return _open_folder(path)
    if path.suffix.lower() in IMAGE_TYPES and path.is_file():
        return ImageReader([path], DEFAULT_FPS, text)
    if path.exists():
        place = f"{text} is not a video that OpenCV can read, or is damaged,"
        return VideoReader(text, place, path.is_char_device())
    if text.isdecimal():
        return VideoReader(int(text), f"webcam {text} is not there or is in use", True)
    if glob.has_magic(text):
        paths = [Path(name) for name in glob.glob(text, recursive=True)]
        return ImageReader(_only_images(paths, text), DEFAULT_FPS, text)
    raise MambatrackError(
        f"{text} does not exist; expected a video, a folder or glob of images, "
        "a webcam index or an RTSP or HTTP address"
    )


def without_secrets(address: str) -> str:
    """The address of a stream as it may be shown: without user, password and query."""
    return re.sub(r"\?.*", "?***", re.sub(r"//.*@", "//***@", address))


def is_stream(source: str) -> bool:
    """Whether it is an address; raises MambatrackError for one of an unknown scheme."""
    if "://" not in source:
        return False
    if source.split("://")[0].lower() not in STREAMS:
        shown = without_secrets(source)
        raise MambatrackError(f"{shown}: unknown scheme; expected one of {', '.join(STREAMS)}")
    return True


def _open_stream(address: str, timeout_s: float) -> Reader:
    place = f"{without_secrets(address)} cannot be reached or is no video stream"
    if not address.lower().startswith("http"):
        return VideoReader(address, place, True, timeout_s)
    return open_mjpeg(address, place, timeout_s) or VideoReader(address, place, None, timeout_s)


def _open_folder(folder: Path) -> Reader:
    root = folder.parent if folder.name == "img1" else folder
    if (root / "seqinfo.ini").is_file() or (root / "img1").is_dir():
        info = read_seqinfo(root)
        fps, images = number(root, info, "frameRate") or DEFAULT_FPS, images_folder(root, info)
        if not images.exists():
            raise MambatrackError(f"the sequence {folder} has no images; expected them in img1")
        folder = images
    else:
        fps = DEFAULT_FPS
    return ImageReader(_only_images(list(folder.iterdir()), str(folder)), fps, str(folder))


def _only_images(paths: list[Path], place: str) -> list[Path]:
    images = [path for path in paths if path.suffix.lower() in IMAGE_TYPES and path.is_file()]
    if not images:
        raise MambatrackError(f"{place}: no images there; expected {', '.join(IMAGE_TYPES)}")
    return sorted(images, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts shot2 before shot10."""
    parts = re.split(r"(\d+)", str(path))
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


class ImageReader:
    live = False

    def __init__(self, paths: list[Path], fps: float, place: str):
        self._paths, self._at = paths, -1
        self.fps = fps
        self.length: int | None = len(paths)
        self.time_s = 0.0
        first = next((image for image in map(_load_image, paths) if image is not None), None)
        if first is None:
            raise MambatrackError(f"{place}: none of its {len(paths)} images can be read")
        self.size = (first.shape[1], first.shape[0])

    def advance(self) -> bool:
        self._at += 1
        self.time_s = self._at / self.fps
        return self._at < len(self._paths)

    def image(self) -> Image | None:
        return _load_image(self._paths[self._at])

    def problem(self, frames: int) -> str | None:
        return None

    def close(self) -> None:
        self._paths = []


class VideoReader:
    """A file, webcam or stream through OpenCV; its first frame is read at once and kept."""

    def __init__(
        self, source: str | int, place: str, live: bool | None, timeout_s: float | None = None
    ):
        self._capture = _open_capture(source, timeout_s)
        self._place = place
        self._opened = time.monotonic()
        self._started = False
        self.time_s = self._gap = 0.0
        length = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.length = int(length) if 0 < length < 1e9 else None
        self.live = self.length is None if live is None else live
        if self.live:
            self.length = None
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= 1000 else DEFAULT_FPS
        first = self._first_image()
        self.size = (first.shape[1], first.shape[0])
        self._held: Image | None = first

    def advance(self) -> bool:
        if self._started:
            self._held = None
            if not self._capture.grab():
                return False
        now = self._now()
        self._gap = now - self.time_s if self._started else 1 / self.fps
        self.time_s, self._started = now, True
        return True

    def image(self) -> Image | None:
        return self._retrieve() if self._held is None else self._held

    def problem(self, frames: int) -> str | None:
        """Frames and time must both be missing: the number of frames is a guess in some files."""
        if self.live:
            return f"the stream ended after {frames} frames"
        if self.length is None:
            return None
        missing = self.length - frames
        missing_s = self.length / self.fps - (self.time_s + self._gap)
        if missing > 2 and missing_s * self.fps > 2:
            return f"the file ends at frame {frames} of {self.length}: it is truncated or damaged"
        return None

    def close(self) -> None:
        self._capture.release()

    def _first_image(self) -> Image:
        image = None
        if self._capture.isOpened() and self._capture.grab():
            image = self._retrieve()
        if image is None:
            self.close()
            raise MambatrackError(f"{self._place} and gave no frame")
        return image

    def _retrieve(self) -> Image | None:
        try:
            ok, image = self._capture.retrieve()
        except cv2.error:
            return None
        return image if ok and image is not None and image.size else None

    def _now(self) -> float:
        """The container's time stamp where it grows, else one frame after the last one."""
        if self.live:
            return time.monotonic() - self._opened
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        grows = math.isfinite(stamp) and stamp > self.time_s
        if not self._started:
            return stamp if grows else 0.0
        return stamp if grows else self.time_s + 1 / self.fps


def _load_image(path: Path) -> Image | None:
    with quiet():
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return image if image is not None and image.size else None


def _open_capture(source: str | int, timeout_s: float | None) -> cv2.VideoCapture:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with quiet():
        if timeout_s is None:
            return cv2.VideoCapture(source)
        limit = round(1000 * timeout_s)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
        return cv2.VideoCapture(str(source), cv2.CAP_ANY, limits)
