"""Frames of a video file, a folder or glob of images, a webcam or a network stream.

>>> with open_frames("clip.mp4", crop=(0, 0, 640, 480)) as frames:
...     for frame in frames:
...         frame.index, frame.time_s, frame.image
"""

import itertools
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mambatrack.errors import MambatrackError, counted, shown
from mambatrack.sources.readers import Image, Reader, open_reader

Crop = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    index:  0-based in the source, whatever range and stride were chosen
    time_s: seconds since the source began
    image:  [H, W, 3] uint8, BGR, contiguous
    """

    index: int
    time_s: float
    image: Image


def open_frames(
    source: str | int | Path,
    crop: Crop | None = None,
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
) -> "FrameSource":
    """The frames ``start, start + stride, ...`` below ``stop``, cut to ``crop`` (x0, y0, x1, y1).

    source: a video file; a folder of images, in natural order; a MOT sequence (its img1, at the
        frame rate of seqinfo.ini); a glob such as "shots/*.png"; a webcam index; an RTSP or HTTP
        address. An existing path goes before a webcam of the same name.
    Frames in front of ``start`` are decoded and dropped at once, as seeking is inexact in many
    files. Pictures of a MOT sequence are the frames that their names say.
    Raises MambatrackError where nothing can be read.
    """
    if start < 0 or stride < 1 or (stop is not None and stop <= start):
        raise MambatrackError(
            f"frame range {start}:{stop}:{stride} is empty; expected 0 <= start < stop, stride >= 1"
        )
    try:
        reader = open_reader(source)
    except OSError as error:
        raise MambatrackError(f"{source} cannot be read: {error.strerror or error}") from None
    try:
        return FrameSource(reader, crop, start, stop, stride)
    except BaseException:
        reader.close()
        raise


def count_frames(source: str | Path) -> int:
    """Frames of a file or folder, read to its end where it does not state them."""
    reader = open_reader(source)
    try:
        if reader.length is not None:
            return reader.length
        return sum(1 for _ in iter(reader.advance, False))
    finally:
        reader.close()


def as_bgr(image: Any) -> Image | None:
    """What a camera or file gave as [H, W, 3] uint8 BGR, contiguous; None where it is no picture.

    image: grey [H, W] or [H, W, 1], BGR or BGRA, of 8 or 16 bit; of 16 bit the upper 8 are kept
    """
    if not isinstance(image, np.ndarray) or not image.size or image.ndim not in (2, 3):
        return None
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    channels = 1 if image.ndim == 2 else image.shape[2]
    if image.dtype != np.uint8 or channels not in (1, 3, 4):
        return None
    if channels == 1:
        image = np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(image[:, :, :3])


def parse_crop(text: str) -> Crop:
    """(x0, y0, x1, y1) from "x0:y0:x1:y1" in pixels, x1 and y1 exclusive."""
    match = re.fullmatch(r"\s*(\d{1,9}):(\d{1,9}):(\d{1,9}):(\d{1,9})\s*", text)
    if match is None:
        raise MambatrackError(
            f"crop {shown(text)}: expected x0:y0:x1:y1 in pixels, as 100:0:740:480"
        )
    x0, y0, x1, y1 = map(int, match.groups())
    if x1 <= x0 or y1 <= y0:
        raise MambatrackError(f"crop {text!r} is empty; expected x0 < x1 and y0 < y1")
    return x0, y0, x1, y1


class FrameSource:
    """Iterator of Frame, and a context manager that closes the source.

    fps:     of the source, 30 where it states none
    size:    (width, height) after the crop, of the latest frame
    count:   frames it expects to yield; None where the source does not state how many it has
    live:    frames come at their own pace and carry the time of their arrival
    skipped: frames that are damaged, or have no picture
    resized: changes of the frame size
    problem: why it ended before its time, None while all is well
    sound:   of the file, None where there is none, or it cannot be read again
    """

    def __init__(
        self, reader: Reader, crop: Crop | None, start: int, stop: int | None, stride: int
    ):
        self.fps, self.live = reader.fps, reader.live
        self.size = size_after(crop, reader.size)
        self.count = _expected(reader.length, start, stop, stride)
        self.skipped = 0
        self.resized = 0
        self.problem: str | None = None
        self.sound = reader.sound
        self._reader, self._crop = reader, crop
        self._held = start > 0
        for passed in range(start + 1 if start else 0):
            if not reader.advance():
                raise _too_late(passed, start)
        self._frames = self._read(start, stop, stride)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> "FrameSource":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._frames.close()
        self._reader.close()

    def _read(self, start: int, stop: int | None, stride: int) -> Generator[Frame, None, None]:
        size = self._reader.size
        for index in itertools.count(start) if stop is None else range(start, stop):
            if not (self._held or self._reader.advance()):
                self.problem = self._reader.problem(index)
                return
            self._held = False
            if (index - start) % stride:
                continue
            image = as_bgr(self._reader.image())
            if image is None:
                self.skipped += 1
                continue
            if (image.shape[1], image.shape[0]) != size:
                size = (image.shape[1], image.shape[0])
                self.resized += 1
            image = cut(image, self._crop)
            self.size = (image.shape[1], image.shape[0])
            if image.size:
                yield Frame(index, self._reader.time_s, image)
            else:
                self.skipped += 1


def _expected(length: int | None, start: int, stop: int | None, stride: int) -> int | None:
    """Frames that a source of ``length`` frames gives for this range."""
    if length is None:
        return None
    if length <= start:
        raise _too_late(length, start)
    return len(range(start, length if stop is None else min(stop, length), stride))


def _too_late(frames: int, start: int) -> MambatrackError:
    return MambatrackError(
        f"the source has {counted(frames, 'frame')}; frame {start} (from 0) is none"
    )


def size_after(crop: Crop | None, size: tuple[int, int]) -> tuple[int, int]:
    """Of a picture that is cut. Raises MambatrackError where the crop goes beyond it."""
    if crop is None:
        return size
    x0, y0, x1, y1 = crop
    if not (0 <= x0 < x1 <= size[0] and 0 <= y0 < y1 <= size[1]):
        raise MambatrackError(
            f"crop {x0}:{y0}:{x1}:{y1} does not fit the frame of {size[0]}x{size[1]} pixels"
        )
    return x1 - x0, y1 - y0


def cut(image: Image, crop: Crop | None) -> Image:
    """The part of ``image`` in ``crop``; less, or nothing, where the image has become smaller."""
    if crop is None:
        return image
    x0, y0, x1, y1 = crop
    return np.ascontiguousarray(image[y0:y1, x0:x1])
