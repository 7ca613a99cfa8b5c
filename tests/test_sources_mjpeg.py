"""Motion JPEG over HTTP in its dialects, and what is none."""

import base64
import http.server
import threading

import numpy as np
import pytest

from mambatrack.errors import MambatrackError
from mambatrack.sources.readers import open_reader
from mambatrack.sources.web_streams import open_web_stream
from mjpeg_server import jpeg

KIND = "multipart/x-mixed-replace; boundary="
PICTURES = [jpeg(20 * k) for k in range(4)]


@pytest.fixture
def answer(monkeypatch):
    """answer(body, content_type) -> the address of a server that gives it once and closes."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    servers = []

    def start(body, kind=KIND + "frame", authorization=None):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                right = authorization in (None, self.headers.get("Authorization"))
                self.send_response(200 if right else 401)
                self.send_header("Content-Type", kind)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                self.wfile.write(body if right else b"")

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/cam"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def body(pictures, boundary=b"--frame", length=True, end=b"\r\n", head=b""):
    parts = []
    for each in pictures:
        size = f"Content-Length: {len(each)}\r\n".encode() if length else b""
        parts.append(boundary + b"\r\nContent-Type: image/jpeg\r\n" + size + b"\r\n" + each + end)
    return head + b"".join(parts)


def read(address):
    reader = open_web_stream(address, 5)
    shades = []
    while reader.advance():
        image = reader.image()
        shades.append(None if image is None else round(image.mean() / 20))
    assert reader.problem(len(shades)).startswith(f"the stream ended after {len(shades)} frames")
    reader.close()
    return shades, reader


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"length": False},
        {"end": b""},
        {"length": False, "end": b"\r\n\r\n"},
        {"head": b"\r\n\r\n--frame\r\nX-Nothing: 1\r\nContent-Length: 0\r\n\r\n"},
        {"head": b"preamble\r\nof a server\r\n"},
    ],
)
def test_every_picture_of_a_stream_is_read(answer, form):
    shades, reader = read(answer(body(PICTURES, **form)))
    assert [each for each in shades if each is not None] == [0, 1, 2, 3]
    assert reader.live and reader.size == (64, 48) and reader.length is None


@pytest.mark.parametrize("kind", [KIND + '"--frame"', KIND + "--frame", KIND + "frame;x=1"])
def test_boundaries_are_written_in_many_ways(answer, kind):
    assert read(answer(body(PICTURES), kind))[0] == [0, 1, 2, 3]


def test_damaged_pictures_are_none_and_the_next_is_read(answer):
    noise = np.random.default_rng(0).bytes(500)
    parts = [noise, PICTURES[1], PICTURES[2][:-20], b"", PICTURES[3]]
    assert read(answer(body(parts)))[0] == [1, None, None, 3]


def test_a_picture_that_says_it_is_too_large_is_damaged(answer):
    place = PICTURES[1].index(b"\xff\xc0") + 5  # of height and width
    huge = PICTURES[1][:place] + b"\xff\xdc\xff\xdc" + PICTURES[1][place + 4 :]
    shades = read(answer(body([PICTURES[0], huge, PICTURES[2]])))[0]
    assert shades == [0, None, 2]


def test_what_is_no_video_is_refused(answer):
    with pytest.raises(MambatrackError, match="answers with a web page; name the address of"):
        open_web_stream(answer(b"<html>", "text/html"), 5)


def test_user_and_password_go_into_the_header(answer):
    word = base64.b64encode(b"me:s3c/r@t").decode()
    address = answer(body(PICTURES), authorization=f"Basic {word}")
    assert read(address.replace("//", "//me:s3c%2Fr%40t@"))[0] == [0, 1, 2, 3]
    with pytest.raises(
        MambatrackError, match="is no video stream: HTTP 401: user and password"
    ) as error:
        open_web_stream(address.replace("//", "//me:wr0ng@"), 5)
    assert "wr0ng" not in str(error.value)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "none is whole"),
        (body([b"no picture"] * 60), "none is whole"),
        (b"--frame\r\nContent-Length: 99999999999\r\n\r\nx", "a picture of 99999999999 bytes"),
        (b"--frame\r\nContent-Length: x\r\n\r\nx", "ValueError"),
    ],
)
def test_a_stream_without_a_picture_is_refused(answer, sent, reason):
    with pytest.raises(MambatrackError, match=f"gave no picture: {reason}"):
        open_reader(answer(sent))
