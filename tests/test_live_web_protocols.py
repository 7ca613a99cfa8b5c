"""Connections that do not read."""

import contextlib
import socket
import time

from live_session import FakeSession, wait_for
from mambatrack.live.web import worker
from mambatrack.live.web.server import serve
from test_live_web_server import next_picture, socket_of


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
