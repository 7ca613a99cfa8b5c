"""Whatever is sent to the server of the live page: it refuses, leaks nothing, and lives on."""

import contextlib
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live_session import page_of, wait_for

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn"):
    pytest.importorskip(package, reason=NEEDED)
httpx = pytest.importorskip("httpx", reason=NEEDED)
schemathesis = pytest.importorskip("schemathesis", reason=NEEDED)
CHECKS = pytest.importorskip("schemathesis.specs.openapi.checks", reason=NEEDED)

TOKEN = "a-token-of-the-tests"
FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
TRICKS = (
    "/../server.py", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
    "/page/../api.py", "/app.js/../../server.py", "/..\\..\\server.py", "/app.js%00.html", "/%00",
    "/app.js/", "/.git/config", "/api/results/0.mot/../../../x", "/api/results/../0.mot",
    "/api/results/0.mot%00", "/api/results/-1.mot", "/api/results/%2e%2e.mot",
    "/api/snapshot/../../x.jpg", "/api/snapshot/0%2f1.jpg", "/api/snapshot/1e3.jpg",
    "/api/snapshot/99999999999999999999999.jpg", "/api/tracks?source=" + "9" * 5000,
    "/api/snapshot/٣.jpg", "/api/results/0.exe", "/__init__.py", "/docs", "/redoc", "/openapi.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def page():
    with page_of() as (_, page):
        wait_for(lambda: page._state.sources[1].recording.frames == 3)
        yield page


@pytest.fixture(scope="module")
def guarded():
    with page_of(token=TOKEN) as (_, page):
        yield page


@pytest.fixture(scope="module")
def operations(page):
    """All of the API but the stream of events, which does not end."""
    schema = schemathesis.openapi.from_url(page.url + "api/openapi.json")
    found = [each.ok() for each in schema.get_all_operations()]
    return [each for each in found if each.path != "/api/events"]


@given(data=st.data())
@settings(FEW, max_examples=80)
def test_answers_are_as_the_schema_says(operations, data):
    """But for a parameter that is given several times, of which one is taken."""
    operation = data.draw(st.sampled_from(operations))
    mode = data.draw(st.sampled_from(schemathesis.GenerationMode))
    answer = data.draw(operation.as_strategy(generation_mode=mode)).call_and_validate(
        timeout=20, excluded_checks=[CHECKS.negative_data_rejection]
    )
    assert answer.status_code < 500


@pytest.mark.parametrize("source", ["%0B1", "%201", "-1", "+1", "01", "1.0", "10000", "x", "[]"])
def test_a_source_is_a_plain_number(page, source):
    for path in (f"tracks?source={source}", f"snapshot/{source}.jpg", f"results/{source}.mot"):
        assert httpx.get(f"{page.url}api/{path}").status_code in (404, 422)
    assert httpx.get(f"{page.url}api/tracks?source={source}").status_code == 422


def send(page, data, most=1 << 16):
    """Sends raw bytes and returns what came back, up to ``most`` bytes, or until it takes long."""
    port = int(page.url.split(":")[2].split("/")[0])
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while len(answer) < most and (part := connection.recv(1 << 16)):
                answer += part
    return answer


def lives(page):
    return httpx.get(page.url.partition("?")[0] + "healthz", timeout=20).status_code == 200


@given(st.binary(max_size=600))
@FEW
def test_noise_is_refused(page, noise):
    answer = send(page, noise)
    assert not answer or answer.startswith(b"HTTP/1.1 4")


HEADERS = st.sampled_from([
    "Host: localhost", "Host: evil.example", "Connection: Upgrade", "Upgrade: websocket",
    "Upgrade: h2c", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 99",
    "Sec-WebSocket-Key: x", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Expect: 100-continue",
    "Content-Length: 5", "Content-Length: -1", "Content-Length: " + "9" * 30,
    "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Cookie: a=b; ;=;c",
    "Cookie: " + "mambatrack-8000=" * 300, "Authorization: Bearer",
    f"Authorization: Bearer {TOKEN[:-1]}", "Origin: http://localhost", "Range: bytes=0-",
    "Content-Type: application/json", "X: " + "y" * 9000,
])  # fmt: skip
PATHS = ("/", "/ws", "/api/pause", "/api/tracks", "/api/results/0.mot", "/metrics", "*", "/%")


@given(
    st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "PUT", "TRACE", "CONNECT", "get", "X"]),
    st.sampled_from(PATHS + TRICKS),
    st.lists(HEADERS, max_size=8),
    st.binary(max_size=200),
)
@FEW
def test_odd_requests_without_the_token_get_nothing(guarded, method, path, headers, body):
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "Connection: close", "", ""])
    answer = send(guarded, head.encode() + body)
    status = answer[9:12]
    assert not answer or status[:1] == b"4", answer
    assert b"door" not in answer and b"Traceback" not in answer and TOKEN.encode() not in answer


@pytest.mark.parametrize("path", TRICKS)
def test_tricks_with_paths_lead_nowhere(page, path):
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = send(page, head.encode())
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert b"root:" not in answer and b"import" not in answer


def test_what_is_too_long_is_refused(page):
    long = "a" * 100_000
    for head in (
        f"GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost\r\nX: {long}\r\n\r\n",
        f"POST /api/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{long}",
    ):
        answer = send(page, head.encode())
        assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert lives(page)


TWOFOLD = {
    "two lengths": "Content-Length: 0\r\nContent-Length: 5",
    "a length and chunks": "Content-Length: 4\r\nTransfer-Encoding: chunked",
    "chunks twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "unknown chunks": "Transfer-Encoding: xchunked",
    "a length with a sign": "Content-Length: +4",
    "two hosts": "Host: evil.example",
    "two origins": "Origin: http://evil.example\r\nOrigin: http://localhost",
    "two sites": "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: none",
    "a blank in a name": "Content-Length : 0",
}


@pytest.mark.parametrize("more", TWOFOLD.values(), ids=TWOFOLD)
def test_what_can_be_read_as_two_requests_is_refused(page, more):
    page._state.controls.resume()
    head = f"POST /api/pause HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n0\r\n\r\n"
    answer = send(page, head.encode() + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400") and b"200 OK" not in answer
    assert not page._state.controls.paused


@pytest.mark.parametrize("path", ["", "healthz", "api/sources", "metrics"])
def test_the_head_alone_can_be_asked_for(page, path):
    whole, head = httpx.get(page.url + path), httpx.head(page.url + path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert httpx.head(f"{page.url}api/pause").status_code == 405


def test_who_sends_no_request_is_cut(monkeypatch, page):
    monkeypatch.setattr("mambatrack.live.web.protocols.REQUEST_S", 0.2)
    port = int(page.url.split(":")[2].strip("/"))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"GET / HT")
        with contextlib.suppress(ConnectionError):
            assert connection.recv(100) == b""


def test_too_many_connections_are_cut_and_the_others_served(monkeypatch, page):
    monkeypatch.setattr("mambatrack.live.web.protocols.MOST_CONNECTIONS", 20)
    port = int(page.url.split(":")[2].strip("/"))
    with contextlib.ExitStack() as stack:
        several = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            for _ in range(40)
        ]
        with contextlib.suppress(ConnectionError):
            assert several[-1].recv(100) == b""
    wait_for(lambda: lives(page))


def test_after_all_that_it_lives(page, guarded):
    assert lives(page) and lives(guarded)
    assert page._worker.alive and not page._state.problem and not guarded._state.problem
