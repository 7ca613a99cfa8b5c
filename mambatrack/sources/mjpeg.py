"""Motion JPEG over HTTP, as most webcams on a network send it.

Read here and not by FFmpeg, which takes a damaged picture for the end of the stream, keeps the
first size whatever comes, and holds frames back.
"""

import http.client
import time
import urllib.error
import urllib.request
from typing import IO, Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.sources.opencv import quiet

END = b"\xff\xd9"  # of a whole JPEG
MOST_BYTES = 1 << 25  # of a picture
MOST_LINE = 1 << 16
TRIES = 50  # parts in which the first picture must be
FPS = 30.0  # where the source does not say


def open_mjpeg(address: str, place: str, timeout_s: float) -> "MjpegReader | None":
    """A reader where the address answers with motion JPEG, None where with anything else.

    place: what an error begins with. Raises MambatrackError where nothing answers or no picture
    comes.
    """
    try:
        response = _get(address, timeout_s)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise MambatrackError(f"{place}: {_reason(error)}") from None
    if response.headers.get_content_type() != "multipart/x-mixed-replace":
        response.close()
        return None
    boundary = str(response.headers.get_param("boundary", "")).strip('"').removeprefix("--")
    return MjpegReader(response, boundary.encode(), place)


class MjpegReader:
    """Parts of a multipart answer, one picture each; see readers.Reader."""

    live: bool = True
    length: int | None = None
    size: tuple[int, int]

    def __init__(self, response: IO[bytes], boundary: bytes, place: str):
        self._response, self._boundary = response, b"--" + boundary
        self._opened = time.monotonic()
        self._part: bytes | None = None
        self._problem = ""
        self._at_boundary = self._held = False
        self.fps, self.time_s = FPS, 0.0
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
        return f"the stream ended after {frames} frames{reason}"

    def close(self) -> None:
        self._response.close()

    def _next(self) -> bool:
        """Reads the next part; False at the end of the stream."""
        try:
            self._part = self._read_part()
        except (OSError, ValueError, http.client.HTTPException) as error:
            self._part, self._problem = None, _reason(error)
        return self._part is not None

    def _read_part(self) -> bytes | None:
        while not self._at_boundary:
            line = self._line()
            if not line:
                return None
            self._at_boundary = line.startswith(self._boundary)
        self._at_boundary = False
        length = -1
        while line := self._line().strip():
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        if length > MOST_BYTES:
            raise MambatrackError(f"a picture of {length} bytes")
        return self._up_to_boundary() if length < 0 else self._response.read(length)

    def _up_to_boundary(self) -> bytes:
        lines, size = [], 0
        while line := self._line():
            self._at_boundary = line.startswith(self._boundary)
            if self._at_boundary:
                break
            lines.append(line)
            size += len(line)
            if size > MOST_BYTES:
                raise MambatrackError("a picture without an end")
        return b"".join(lines)

    def _line(self) -> bytes:
        return self._response.readline(MOST_LINE)


def _get(address: str, timeout_s: float) -> Any:
    """The answer; user and password of the address go into the header, basic or digest."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit(parts._replace(netloc=host))
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
        passwords.add_password(None, bare, user, password)
    opener = urllib.request.build_opener(
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    return opener.open(bare, timeout=timeout_s)


def _reason(error: Exception) -> str:
    """In a few words, and without the address."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, OSError):
        error = error.reason
    if isinstance(error, MambatrackError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__
