"""Motion JPEG over HTTP, as most webcams on a network send it.

Read here and not by FFmpeg, which takes a damaged picture for the end of the stream, keeps the
first size whatever comes, and holds frames back.
"""

import time
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError, counted
from mambatrack.sources.opencv import quiet
from mambatrack.sources.reasons import READ_ERRORS, reason_of
from mambatrack.sources.sound import Sound
from mambatrack.sources.timing import DEFAULT_FPS

END = b"\xff\xd9"  # of a whole JPEG
MOST_BYTES = 1 << 25  # of a picture, and in front of the first
MOST_LINE = 1 << 16
MOST_HEADERS = 1 << 16  # bytes in front of one picture
CHUNK = 1 << 16
TRIES = 50  # parts in which the first picture must be


class Answer(Protocol):
    """An answer over HTTP: read1 gives what has come, and waits for the first byte."""

    def read1(self, count: int) -> bytes: ...
    def close(self) -> None: ...


class MjpegReader:
    """Parts of a multipart answer, one picture each; see readers.Reader.

    place: what an error begins with; timeout_s: in which a picture must be whole, and the first one
    here. Raises MambatrackError where no picture comes.
    """

    live: bool = True
    length: int | None = None
    size: tuple[int, int]
    sound: Sound | None = None

    def __init__(self, answer: Answer, boundary: bytes, place: str, timeout_s: float):
        self._input, self._boundary = _Input(answer), b"--" + boundary
        self._timeout_s, self._opened = timeout_s, time.monotonic()
        self._part: bytes | None = None
        self._problem = ""
        self._at_boundary = self._held = False
        self.fps, self.time_s = DEFAULT_FPS, 0.0
        self._input.limit(timeout_s)
        for _ in range(TRIES):
            if not self._next():
                break
            image = self.image()
            if image is not None:
                self.size = image.shape[1], image.shape[0]
                self._held = True
                return
        self.close()
        raise MambatrackError(f"{place} and gave no picture: {self._problem or 'none is whole'}")

    def advance(self) -> bool:
        self._input.limit(self._timeout_s)
        if self._held:
            self._held = False
        elif not self._next():
            return False
        self.time_s = time.monotonic() - self._opened
        return True

    def image(self) -> NDArray[Any] | None:
        """None for a picture that is damaged or not all there."""
        if self._part is None or END not in self._part[-64:]:
            return None
        try:
            with quiet():
                image = cv2.imdecode(np.frombuffer(self._part, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # it says that it has more pixels than OpenCV decodes
            return None
        return cast("NDArray[Any] | None", image)

    def problem(self, frames: int) -> str | None:
        reason = f": {self._problem}" if self._problem else ""
        return f"the stream ended after {counted(frames, 'frame')}{reason}"

    def close(self) -> None:
        self._input.close()

    def _next(self) -> bool:
        """Reads the next part; False at the end of the stream."""
        try:
            self._part = self._read_part()
        except READ_ERRORS as error:
            self._part, self._problem = None, reason_of(error)
        return self._part is not None

    def _read_part(self) -> bytes | None:
        if not self._at_boundary:
            self._up_to_boundary("no boundary")
        if not self._at_boundary:
            return None
        length = self._read_headers()
        if length > MOST_BYTES:
            raise MambatrackError(f"a picture of {length} bytes")
        self._at_boundary = False
        return self._input.read(length) if length >= 0 else self._up_to_boundary("no end")

    def _read_headers(self) -> int:
        """Content-Length, -1 where there is none."""
        length, size = -1, 0
        while line := self._input.line():
            size += len(line)
            if size > MOST_HEADERS:
                raise MambatrackError(f"headers of more than {MOST_HEADERS} bytes")
            if not line.strip():
                break
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        return length

    def _up_to_boundary(self, missing: str) -> bytes:
        """What comes in front of the next boundary, which is passed, or of the end."""
        before, self._at_boundary = self._input.up_to_line(self._boundary, missing)
        if self._at_boundary:
            self._input.line()
        return before


class _Input:
    """Lines and bytes of an answer, in the time that limit() gives."""

    def __init__(self, answer: Answer):
        self._answer, self._held, self._until = answer, bytearray(), 0.0

    def limit(self, seconds: float) -> None:
        """Gives so many seconds from now on to what is read next."""
        self._until = time.monotonic() + seconds

    def line(self) -> bytes:
        """With its end; at most MOST_LINE bytes, nothing at the end of the answer."""
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0 and len(self._held) < MOST_LINE:
            searched = len(self._held)
            if not self._receive():
                break
        return self._take(end + 1 if end >= 0 else MOST_LINE)

    def up_to_line(self, start: bytes, missing: str) -> tuple[bytes, bool]:
        """(what comes in front of the next line that begins with ``start``, True), or all up to the
        end of the answer and False. missing: of an error where more than MOST_BYTES come"""
        searched = 0
        while not self._held.startswith(start):
            if (end := self._held.find(b"\n" + start, searched)) >= 0:
                return self._take(end + 1), True
            searched = max(len(self._held) - len(start), 0)
            if searched > MOST_BYTES:
                raise MambatrackError(f"{missing} in {MOST_BYTES} bytes")
            if not self._receive():
                return self._take(len(self._held)), False
        return b"", True

    def read(self, count: int) -> bytes:
        """So many bytes, fewer only at the end of the answer."""
        while len(self._held) < count and self._receive():
            pass
        return self._take(count)

    def close(self) -> None:
        self._answer.close()

    def _receive(self) -> bool:
        if time.monotonic() > self._until:
            raise TimeoutError
        content = self._answer.read1(CHUNK)
        self._held += content
        return bool(content)

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken
