"""Video over HTTP: motion JPEG, files, and streams of which the server has one client at a time.

The answer to the first request says which it is, and is read on where that is possible: a server
that takes one client would not answer a second request.
"""

import os
import threading
import time
import urllib.request
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from mambatrack.errors import MambatrackError
from mambatrack.sources.addresses import without_secrets
from mambatrack.sources.mjpeg import MjpegReader
from mambatrack.sources.opencv_reader import OpenCvReader
from mambatrack.sources.pyav_reader import PyAvReader, has_pyav
from mambatrack.sources.reasons import READ_ERRORS, reason_of

PLAYLISTS = ("mpegurl", "dash+xml")  # in types of content; what they name is fetched by FFmpeg
CHUNK = 1 << 16
OPENING = 2  # times the limit of a read, until the first picture must be there

StreamReader = MjpegReader | PyAvReader | OpenCvReader


def open_web_stream(address: str, timeout_s: float) -> StreamReader:
    """The reader for what the address answers with. Raises MambatrackError where nothing answers,
    or no picture comes."""
    place = f"{without_secrets(address)} cannot be reached or is no video stream"
    try:
        answer = _get(address, timeout_s)
    except READ_ERRORS as error:
        raise MambatrackError(f"{place}: {reason_of(error)}") from None
    kind = answer.headers.get_content_type()
    if kind.startswith("multipart/"):
        boundary = str(answer.headers.get_param("boundary", "")).strip('"').removeprefix("--")
        return MjpegReader(answer, boundary.encode(), place, timeout_s)
    if kind == "text/html" and _is_markup(answer, place):
        answer.close()
        raise MambatrackError(
            f"{without_secrets(address)} answers with a web page; name the address of the stream "
            "itself, which a camera's manual or settings have, or the file of a downloaded video"
        )
    listed = any(each in kind for each in PLAYLISTS)
    if not listed and "Content-Length" not in answer.headers:
        return _open_stream(answer, address, place, timeout_s)
    answer.close()
    return _open_address(address, place, timeout_s)


def _is_markup(answer: Any, place: str) -> bool:
    """Whether what was sent begins as HTML does: some servers call streams so."""
    try:
        return bool(answer.peek(CHUNK).lstrip().startswith(b"<"))
    except READ_ERRORS as error:
        raise MambatrackError(f"{place}: {reason_of(error)}") from None


def _open_stream(answer: Any, address: str, place: str, timeout_s: float) -> StreamReader:
    """Reads on what the server has begun to send."""
    if has_pyav():
        connection = _Connection(answer, OPENING * timeout_s)
        reader = PyAvReader(connection, place, live=True)
        connection.limit(None)
        return reader
    if os.name == "posix":
        return _PipedReader(answer, place, timeout_s)
    answer.close()  # what OpenCV reads elsewhere, it connects to by itself
    return _open_address(address, place, timeout_s)


def _open_address(address: str, place: str, timeout_s: float) -> StreamReader:
    reader = PyAvReader if has_pyav() else OpenCvReader
    return reader(address, place, live=None, timeout_s=timeout_s)


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
        _Redirects(),
        urllib.request.HTTPBasicAuthHandler(passwords),
        urllib.request.HTTPDigestAuthHandler(passwords),
    )
    return opener.open(bare, timeout=timeout_s)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to another place of the same scheme, or from HTTP to HTTPS."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        schemes = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if schemes[0] != schemes[1] and schemes != ("http", "https"):
            raise MambatrackError(f"it redirects from {schemes[0]} to {schemes[1]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Connection:
    """An answer as a file, read from its front to its end in the time that limit() gives."""

    def __init__(self, answer: Any, seconds: float | None = None):
        self._answer = answer
        self.limit(seconds)

    def limit(self, seconds: float | None) -> None:
        """Gives so many seconds from now on to all that is read; None: no limit."""
        self._until = None if seconds is None else time.monotonic() + seconds

    def read(self, count: int = CHUNK) -> bytes:
        """What has come, at most ``count`` bytes; waits for the first of them."""
        if self._until is not None and time.monotonic() > self._until:
            raise TimeoutError
        content: bytes = self._answer.read1(min(count, CHUNK))
        return content

    def close(self) -> None:
        self._answer.close()


class _PipedReader(OpenCvReader):
    """An answer that OpenCV reads from a pipe, as it takes no connection that is open already."""

    def __init__(self, answer: Any, place: str, timeout_s: float):
        self._end, into = os.pipe()
        threading.Thread(target=_pour, args=(_Connection(answer), into), daemon=True).start()
        super().__init__(f"pipe:{self._end}", place, None, True, timeout_s)

    def close(self) -> None:
        super().close()
        if self._end >= 0:
            os.close(self._end)
            self._end = -1


def _pour(answer: _Connection, into: int) -> None:
    """Writes what comes into a pipe, until either end is closed."""
    with open(into, "wb", buffering=0) as pipe:
        try:
            while content := answer.read():
                pipe.write(content)
        except READ_ERRORS:
            pass  # the reader sees the end
        finally:
            answer.close()
