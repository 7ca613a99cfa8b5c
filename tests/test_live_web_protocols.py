"""Connections that do not read, or mean no good: each is cut, and the others are served."""

import contextlib
import socket
import time

import pytest

from live_session import FakeSession, page_of, wait_for

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn"):
    pytest.importorskip(package, reason=NEEDED)
httpx = pytest.importorskip("httpx", reason=NEEDED)

from mambatrack.live.web import guard, protocols, worker  # noqa: E402
from mambatrack.live.web.server import serve  # noqa: E402
from page_watcher import next_picture, socket_of  # noqa: E402

WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW = {  # what is sent before the peer falls silent, or goes on byte by byte
    "nothing": b"",
    "half a line": b"GET /heal",
    "no end of the head": WHOLE[:-2],
    "a request and a byte": WHOLE + b"G",
    "a request and half another": WHOLE + WHOLE[:-2],
    "three requests and a byte": 3 * WHOLE + b"G",
    "a body that does not come": WHOLE[:-2] + b"Content-Length: 9\r\n\r\n",
}


@pytest.fixture
def page(monkeypatch):
    monkeypatch.setattr(protocols, "REQUEST_S", 0.5)
    monkeypatch.setattr(protocols, "HUSH_S", 0.5)
    with page_of() as (_, page):
        wait_for(lambda: page._state.sources[1].recording.frames == 3)
        yield page


def connection_to(page):
    host, port = page.url.split("/")[2].split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def is_cut(connection):
    """Reads to the end, which comes when the other side has had enough."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_who_does_not_finish_a_request_is_cut(page, sent):
    with connection_to(page) as connection:
        connection.sendall(sent)
        assert is_cut(connection)


def test_who_goes_on_byte_by_byte_is_cut(page):
    with connection_to(page) as connection, pytest.raises(OSError):
        connection.sendall(WHOLE + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        for _ in range(400):
            time.sleep(0.05)
            connection.sendall(b"x")


def test_a_connection_that_asks_again_and_again_is_kept(page):
    with httpx.Client(base_url=page.url) as client:
        for _ in range(4):
            assert client.get("/healthz").status_code == 200
            time.sleep(0.25)


def watcher_of(page):
    connection = connection_to(page)
    head = ("GET /ws HTTP/1.1", f"Host: {page.url.split('/')[2]}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", "")  # fmt: skip
    connection.sendall("\r\n".join(head).encode())
    assert connection.recv(12) == b"HTTP/1.1 101"
    return connection


def masked(kind, payload=b""):
    return bytes([0x80 | kind, 0x80 | len(payload), 0, 0, 0, 0]) + payload


FLOODS = {
    "pings": masked(0x9, b"ping"),
    "pongs": masked(0xA),
    "watch": masked(0x1, b'{"watch": [0]}'),
    "watch, large": masked(0x1, b'{"watch": [' + b"0, " * 30 + b"0]}"),
}


@pytest.mark.parametrize("message", [FLOODS["pings"], FLOODS["pongs"]], ids=["pings", "pongs"])
def test_a_watcher_who_floods_is_cut_and_counted(page, message):
    with watcher_of(page) as connection, pytest.raises(OSError):
        for _ in range(20_000):
            connection.sendall(message)
            time.sleep(0.0005)
    wait_for(lambda: page._state.dropped_clients == 1)


def test_a_watcher_who_floods_is_read_no_further_before_it_is_cut(page, monkeypatch):
    monkeypatch.setattr(protocols, "HUSH_S", 60)
    with watcher_of(page) as connection:
        connection.settimeout(1)
        with pytest.raises(TimeoutError):  # nobody takes what is sent
            for _ in range(1000):
                connection.sendall(1000 * FLOODS["pings"])
    assert page._state.dropped_clients == 0


def test_what_is_no_websocket_any_more_is_cut_without_an_error(page, caplog):
    with watcher_of(page) as connection:
        connection.sendall(bytes([0x8F, 0x80, 0, 0, 0, 0]))  # an opcode that does not exist
        assert is_cut(connection)
    assert "AssertionError" not in caplog.text


@pytest.mark.parametrize("message", [FLOODS["watch"], FLOODS["watch, large"]])
def test_a_watcher_who_chooses_without_end_is_listened_to_now_and_then(page, message):
    """Each choice has pictures drawn again: it is held back, or cut."""
    before, began = page._hub.demand.changes, time.monotonic()
    with watcher_of(page) as connection:
        connection.settimeout(1)
        try:
            for _ in range(3000):
                connection.sendall(message)
                time.sleep(0.0005)
        except OSError:
            pass
        taken = page._hub.demand.changes - before
    assert 1 <= taken <= 2 + (time.monotonic() - began) / 0.25


def test_a_watcher_who_chooses_now_and_then_is_kept(page):
    with watcher_of(page) as connection:
        for _ in range(20):
            connection.sendall(FLOODS["watch"])
            time.sleep(0.05)
        connection.settimeout(5)
        assert connection.recv(1 << 16)
    assert page._state.dropped_clients == 0


def test_an_allowance_grows_again():
    allowance = protocols.Allowance(3, 1000)
    assert all(allowance.spend(1) for _ in range(3))
    time.sleep(0.01)
    assert allowance.spend(3) and not allowance.spend(1000)


def test_too_many_requests_are_told_to_wait(monkeypatch):
    monkeypatch.setattr(guard, "MOST_REQUESTS", 5)
    monkeypatch.setattr(guard, "REQUESTS_PER_S", 0.1)
    monkeypatch.setattr(guard, "BUSY_S", 0.05)
    with page_of() as (_, page), httpx.Client(base_url=page.url) as client:
        codes = [client.get("/healthz").status_code for _ in range(8)]
    assert codes == [200] * 5 + [429] * 3


def test_who_does_not_read_is_dropped_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("mambatrack.live.web.protocols.STALL_S", 0.5)
    monkeypatch.setattr(worker, "MOST_FPS", 200.0)
    monkeypatch.setattr(worker, "PACE_S", 0.001)
    session = FakeSession(("door",), size=(640, 360), fps=60)
    page = serve(session, session.names, port=0)
    try:
        session.start(page)
        with raw_watcher(page) as sleeper, socket_of(page) as reader:
            wait_for(lambda: page._hub.demand.clients == 2)
            end = time.monotonic() + 60
            while page._hub.demand.clients == 2:
                reader.recv(timeout=20)
                assert time.monotonic() < end
            assert page._state.dropped_clients == 1
            first = next_picture(reader)[0]["frame"]
            assert next_picture(reader)[0]["frame"] > first
            sleeper.settimeout(20)
            with contextlib.suppress(ConnectionError):
                while sleeper.recv(1 << 20):
                    pass
    finally:
        session.stop()
        page.close()


@contextlib.contextmanager
def raw_watcher(page):
    """A connection that asks for pictures and never reads one."""
    port = int(page.url.split(":")[2].strip("/"))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        yield connection
