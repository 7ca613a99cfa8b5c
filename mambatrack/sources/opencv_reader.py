"""Video through OpenCV: webcams, streams, and files where PyAV is not installed."""

import os
import time
import warnings
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.addresses import without_secrets
from mambatrack.sources.containers import MISCOUNT, Container
from mambatrack.sources.opencv import quiet
from mambatrack.sources.sound import Sound
from mambatrack.sources.timing import Stamps, plausible_fps

Image = NDArray[Any]
ALIKE = 10  # pictures like the first, after which it is told
COVER_S = 1.0  # that a file lasts, of which one picture can be no more than the cover


class OpenCvReader:
    """See readers.Reader; the first frame is read at once and kept.

    place: what an error begins with; container: what the file says about itself
    live: None where OpenCV tells, by having no length; timeout_s: to open, and for each frame
    """

    sound: Sound | None = None  # is read through PyAV alone

    def __init__(
        self, source: str | int, place: str, container: Container | None = None,
        live: bool | None = False, timeout_s: float | None = None,
    ):  # fmt: skip
        self._capture = _open_capture(source, timeout_s)
        self._place, self._said = place, container or Container()
        self._opened = time.monotonic()
        guess = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)  # from how long the sound lasts, too
        self.live = not 0 < guess < 1e9 if live is None else live
        self.length = None if self.live else self._said.frames
        self.fps = plausible_fps(self._capture.get(cv2.CAP_PROP_FPS))
        self._lasts_s = guess / self.fps if 0 < guess < 1e9 else 0.0
        self._stamps, self.time_s = Stamps(self.fps), 0.0
        first = self._first_image()
        self.size = (first.shape[1], first.shape[0])
        self._first: Image | None = first
        self._held = True
        self._name, self._alike = without_secrets(str(source)), 0
        self._unlike: Image | None = first  # what another picture has not differed from yet

    def advance(self) -> bool:
        if not self._held:
            self._first = None
            if not self._capture.grab():
                return False
        self._held = False
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        now = self._stamps.step(stamp)
        self.time_s = time.monotonic() - self._opened if self.live else now
        return True

    def image(self) -> Image | None:
        if self._first is not None:
            return self._first
        image = self._retrieve()
        if self._unlike is not None and image is not None:
            self._compare(image, self._unlike)
        return image

    def _compare(self, image: Image, first: Image) -> None:
        """Warns where the first pictures are all the same: OpenCV 5.0 cannot convert interlaced
        video, and gives what was in memory instead."""
        if not np.array_equal(image, first):
            self._unlike = None
            return
        self._alike += 1
        if self._alike == ALIKE:
            self._unlike = None
            warnings.warn(
                f"{self._name} gives the same picture over and over, as OpenCV "
                f"{cv2.__version__} does of interlaced video; if it should move, pip install "
                "'mambatrack[video]'",
                stacklevel=2,
            )

    def problem(self, frames: int) -> str | None:
        """Frames and time must both be missing: a frame that repeats the one before is in the
        container's count, and decoders leave it out."""
        if self.live:
            return f"the stream ended after {counted(frames, 'frame')}"
        more = self._lasts_s > COVER_S or (self._said.frames or 1) > 1
        if frames == 1 and more and self.length != 1 and not self._said.cut:
            return (
                "one picture was read of a file that lasts longer, perhaps a cover in front of the "
                "video; pip install 'mambatrack[video]' to read what is behind it"
            )
        end_s = self._stamps.time_s + self._stamps.gap_s
        missing_s = (self._said.frames or 0) / self.fps - end_s
        return self._said.shortfall(frames, missing_s * self.fps > MISCOUNT)

    def close(self) -> None:
        self._capture.release()

    def _first_image(self) -> Image:
        image = None
        if self._capture.isOpened() and self._capture.grab():
            image = self._retrieve()
        if image is None:
            codec = _codec(self._capture)
            self.close()
            raise MambatrackError(f"{self._place} and gave no frame{codec}")
        return image

    def _retrieve(self) -> Image | None:
        try:
            ok, image = self._capture.retrieve()
        except cv2.error:
            return None
        return image if ok and image is not None and image.size else None


def _codec(capture: cv2.VideoCapture) -> str:
    """What a file that was opened is coded in, for an error about it."""
    if not capture.isOpened():
        return ""
    code = max(int(capture.get(cv2.CAP_PROP_FOURCC)), 0).to_bytes(4, "little")
    if not (code.isascii() and code.decode("ascii").strip().isprintable() and code.strip(b"\0 ")):
        return ""
    return f" (codec {code.decode('ascii').strip()})"


def _open_capture(source: str | int, timeout_s: float | None) -> cv2.VideoCapture:
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    with quiet():
        if timeout_s is None:
            return cv2.VideoCapture(source)
        limit = round(1000 * timeout_s)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
        return cv2.VideoCapture(str(source), cv2.CAP_ANY, limits)
