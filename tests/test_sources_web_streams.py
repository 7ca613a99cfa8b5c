"""What an address of HTTP may answer: streams of one client, files, playlists, and bad ones."""

import contextlib
import itertools
import socket
import threading
import time

import pytest

from mambatrack.errors import MambatrackError
from mambatrack.live.source import Backoff, LiveSource
from mambatrack.sources import readers, web_streams
from mambatrack.sources.frames import open_frames
from mjpeg_server import PROXIES, jpeg, until
from videos import COUNT, av, write_video

MULTIPART = "multipart/x-mixed-replace; boundary=frame"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


class Server:
    """A server of bare sockets. answer: called with each connection, in a thread; one: takes a
    single client and no more, as ``ffmpeg -listen 1`` does"""

    def __init__(self, answer, one=False):
        self._answer, self._one, self.taken = answer, one, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}/cam"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.taken += 1
                if self._one:
                    self._socket.close()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError), connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(1 << 16)
            self._answer(connection)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.close()


@pytest.fixture
def serve():
    """serve(answer, one) -> a server that is closed at the end."""
    servers = []

    def start(answer, one=False):
        servers.append(Server(answer, one))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def head(kind, *more):
    return "\r\n".join(["HTTP/1.1 200 OK", f"Content-Type: {kind}", *more, "", ""]).encode()


def chunked(content, size=1000):
    for at in range(0, len(content), size):
        part = content[at : at + size]
        yield f"{len(part):x}\r\n".encode() + part + b"\r\n"
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("pyav", [True, False])
@pytest.mark.parametrize("form", ["plain", "chunked"])
@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.flv"])
def test_a_stream_of_one_client_is_read_over_its_one_connection(
    name, form, pyav, serve, tmp_path, monkeypatch
):
    if av is None:
        pytest.skip("PyAV is not installed")
    content = write_video(tmp_path / name, rate=25).read_bytes()

    def answer(connection):
        if form == "plain":
            connection.sendall(head("application/octet-stream") + content)
            return
        connection.sendall(head("video/mp2t", "Transfer-Encoding: chunked"))
        for part in chunked(content):
            connection.sendall(part)

    server = serve(answer, one=True)
    for module in (readers, web_streams):
        monkeypatch.setattr(module, "has_pyav", lambda: pyav)
    with open_frames(server.address) as source:
        assert source.live and source.count is None
        assert len(list(source)) == COUNT
    assert source.problem.startswith("the stream ended after 12 frames") and server.taken == 1


def test_motion_jpeg_of_one_client_is_read_over_its_one_connection(serve):
    def answer(connection):
        parts = [b"--frame\r\n\r\n" + jpeg(20 * k) + b"\r\n" for k in range(5)]
        connection.sendall(head(MULTIPART) + b"".join(parts))

    server = serve(answer, one=True)
    assert len(list(open_frames(server.address))) == 5 and server.taken == 1


def test_live_reads_a_server_that_takes_one_client_at_a_time(serve, tmp_path):
    if av is None:
        pytest.skip("PyAV is not installed")
    content = write_video(tmp_path / "a.ts", rate=25).read_bytes()
    server = serve(lambda connection: connection.sendall(head("video/mp2t") + content), one=True)
    source = LiveSource(server.address, backoff=Backoff(0.01, 0.02), timeout_s=5)
    source.start()
    assert until(source.take).frame.image.shape == (48, 64, 3)
    source.close()


def endless(*starts, unit=b"x" * 1000):
    """Sends ``starts`` and then ``unit`` for ever."""

    def answer(connection):
        for start in starts:
            connection.sendall(start)
        for part in itertools.repeat(unit):
            connection.sendall(part)

    return answer


def trickle(*starts):
    """Sends ``starts`` and then a byte now and then, which keeps every wait for the next short."""

    def answer(connection):
        for start in starts:
            connection.sendall(start)
        for _ in range(10_000):
            connection.sendall(b"x")
            time.sleep(0.02)

    return answer


BAD = {
    "no boundary, no line": (endless(head(MULTIPART)), "no boundary"),
    "no boundary": (endless(head(MULTIPART), unit=b"x\r\n" * 10_000), "no boundary"),
    "endless headers": (
        endless(head(MULTIPART), b"--frame\r\n", unit=b"X-A: b\r\n" * 100), "headers of more than",
    ),
    "a header without an end": (
        endless(head(MULTIPART), b"--frame\r\nX-A: "), "headers of more than",
    ),
    "a picture without an end": (
        endless(head(MULTIPART), b"--frame\r\n\r\n", unit=b"x\r\n" * 10_000), "no end",
    ),
    "boundaries alone": (endless(head(MULTIPART), unit=b"--frame\r\n\r\n" * 100), "none is whole"),
    "a byte now and then": (trickle(head(MULTIPART)), "no answer in time"),
    "headers byte by byte": (trickle(head(MULTIPART), b"--frame\r\nX: "), "no answer in time"),
    "a picture byte by byte": (
        trickle(head(MULTIPART), b"--frame\r\nContent-Length: 99999\r\n\r\n"), "no answer in time",
    ),
    "nothing": (lambda connection: time.sleep(3), "no answer in time"),
    "no boundary named": (endless(head("multipart/x-mixed-replace")), "no boundary"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_stream_that_never_comes_to_a_picture_is_given_up(kind, serve):
    answer, reason = BAD[kind]
    server = serve(answer)
    with pytest.raises(MambatrackError, match=reason):
        readers.open_reader(server.address, timeout_s=1.0)


def test_live_waits_between_tries_of_a_stream_without_end(serve):
    server = serve(endless(head(MULTIPART), b"--frame\r\n", unit=b"X-A: b\r\n" * 100))
    source = LiveSource(server.address, backoff=Backoff(60, 60), timeout_s=1.0)
    source.start()
    until(lambda: source.status.error, "error")
    assert source.status.state == "connecting" and "headers" in source.status.error
    assert server.taken == 1
    source.close()


def test_live_tells_of_an_answer_that_never_ends_to_begin(serve):
    server = serve(trickle(b"HTTP/1.1 200 OK\r\nX-A: "))
    source = LiveSource(server.address, backoff=Backoff(60, 60), timeout_s=0.3)
    source.start()
    until(lambda: source.status.error, "error")
    assert source.status.state == "connecting" and "no frame for more" in source.status.error
    source.close(0)


def test_a_picture_that_comes_slowly_is_the_end_of_a_stream(serve):
    first = b"--frame\r\n\r\n" + jpeg(20) + b"\r\n--frame\r\nContent-Length: 99999\r\n\r\n"
    server = serve(trickle(head(MULTIPART), first))
    reader = readers.open_reader(server.address, timeout_s=0.5)
    assert reader.advance() and reader.image() is not None
    assert not reader.advance()
    assert reader.problem(1) == "the stream ended after 1 frame: no answer in time"
    reader.close()


@pytest.mark.parametrize("unit", [b"x" * 10_000, bytes(188 * 50), b"\x47" + b"\xff" * 187])
def test_a_stream_of_no_video_is_given_up(unit, serve):
    server = serve(endless(head("video/mp2t"), unit=unit))
    with pytest.raises(MambatrackError, match="is no video stream and gave no frame"):
        readers.open_reader(server.address, timeout_s=0.5)


def redirect(place):
    return lambda connection: connection.sendall(
        f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    "place", ["ftp://127.0.0.1/x", "file:///etc/passwd", "rtsp://127.0.0.1/x", "data:,x",
              "gopher://127.0.0.1/x"],
)  # fmt: skip
def test_redirects_to_another_scheme_are_not_followed(place, serve):
    server = serve(redirect(place))
    with pytest.raises(MambatrackError, match="is no video stream: ") as error:
        readers.open_reader(server.address, timeout_s=2.0)
    assert "passwd" not in str(error.value) and server.taken == 1


def test_redirects_within_the_scheme_are_followed_and_never_for_ever(serve):
    parts = [b"--frame\r\n\r\n" + jpeg(20) + b"\r\n"] * 3
    camera = serve(lambda connection: connection.sendall(head(MULTIPART) + b"".join(parts)))
    assert len(list(open_frames(serve(redirect(camera.address)).address))) == 3
    with pytest.raises(MambatrackError, match="HTTP 302"):
        readers.open_reader(serve(redirect("/cam")).address, timeout_s=2.0)


def test_no_reason_holds_the_password(serve):
    server = serve(redirect("ftp://me:S3cret9x@127.0.0.1/x"))
    address = server.address.replace("//", "//me:S3cret9x@") + "?token=S3cret9x"
    with pytest.raises(MambatrackError) as error:
        readers.open_reader(address, timeout_s=2.0)
    assert "S3cret9x" not in str(error.value)


@pytest.mark.parametrize("more", [[], ["Content-Length: 30"]])
def test_a_web_page_is_told(more, serve):
    page = b"\n<!DOCTYPE html><html>Welcome"
    server = serve(lambda connection: connection.sendall(head("text/html", *more) + page))
    with pytest.raises(MambatrackError, match="answers with a web page; name the address of the s"):
        readers.open_reader(server.address, timeout_s=2.0)
    assert server.taken == 1


@pytest.mark.parametrize(
    ("status", "said"), [(401, "HTTP 401: user and password, as in"), (404, "HTTP 404: there is")]
)
def test_what_a_server_refuses_with_is_told(status, said, serve):
    refusal = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    server = serve(lambda connection: connection.sendall(refusal))
    with pytest.raises(MambatrackError, match=said):
        readers.open_reader(server.address, timeout_s=2.0)
