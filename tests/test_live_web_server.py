"""The server of the live page over real connections: what it tells, and whom it refuses."""

import asyncio
import contextlib
import json
import re
import socket
import struct
import time
import warnings

import cv2
import numpy as np
import pytest

from live_session import FakeControls, FakeSession, page_of, wait_for
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.live.web import hub, worker
from mambatrack.live.web import server as server_module
from mambatrack.live.web.guard import MOST_BODY
from mambatrack.live.web.server import serve

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn"):
    pytest.importorskip(package, reason=NEEDED)
httpx = pytest.importorskip("httpx", reason=NEEDED)
connect = pytest.importorskip("websockets.sync.client", reason=NEEDED).connect
refusals = pytest.importorskip("websockets.exceptions", reason=NEEDED)

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def live():
    with page_of() as (session, page):
        client = httpx.Client(base_url=page.url, timeout=20)
        wait_for(lambda: client.get("/api/sources").json()["sources"][1]["frames"] == 3)
        yield session, page, client


@pytest.fixture(scope="module")
def guarded():
    with page_of(("door",), token=TOKEN) as (_, page):
        yield page.url.partition("?")[0]


def socket_of(page):
    return connect(page.url.replace("http", "ws") + "ws", max_size=None)


def test_tracks_and_sources_are_those_of_the_session(live):
    session, _, client = live
    sources = client.get("/api/sources").json()
    assert [each["name"] for each in sources["sources"]] == ["door", "yard"]
    assert sources["sources"][0]["state"] == "open" and not sources["paused"]
    assert sources["sources"][0]["recorded"]["frames"] == 3
    both = client.get("/api/tracks").json()["sources"]
    (one,) = client.get("/api/tracks?source=1").json()["sources"]
    assert both[1] == one and one["size"] == [320, 180]
    table = session.trackers[1].state.hypotheses.table
    assert [track["id"] for track in one["tracks"]] == table["ids"].tolist()
    assert client.get("/api/tracks?source=2").status_code == 404


def test_pause_reaches_the_session_and_comes_back(live):
    session, _, client = live
    assert client.post("/api/pause").json() == {"paused": True} and session.paused
    assert client.get("/api/sources").json()["paused"]
    assert client.post("/api/resume", json={}).json() == {"paused": False} and not session.paused


def test_a_snapshot_is_the_newest_frame(live):
    _, page, client = live
    newest = page._state.sources[0].newest.frame.image
    plain, drawn = (
        cv2.imdecode(np.frombuffer(client.get(f"/api/snapshot/0.jpg?boxes={on}").content, "u1"), 1)
        for on in ("false", "true")
    )
    assert plain.shape == newest.shape
    assert np.abs(plain.astype(int) - newest).mean() < 5
    assert np.abs(drawn.astype(int) - newest).mean() > np.abs(plain.astype(int) - newest).mean()


def test_results_can_be_downloaded(live):
    _, _, client = live
    mot = client.get("/api/results/0.mot")
    assert 'filename="source-0.txt"' in mot.headers["content-disposition"]
    assert all(re.fullmatch(r"\d+,\d+(,-?[\d.]+){8}", line) for line in mot.text.splitlines())
    lines = client.get("/api/results/1.jsonl").text.splitlines()
    assert json.loads(lines[0])["classes"] == ["person"] and len(lines) == 4
    assert client.get("/api/results/0.csv").status_code == 422
    assert client.get("/api/results/7.mot").status_code == 404


def test_a_client_that_leaves_before_the_first_byte_gives_its_download_back():
    given_back = []

    async def send(_):
        raise OSError("gone")

    async def receive():
        await asyncio.sleep(60)

    async def leave():
        from starlette.requests import ClientDisconnect

        from mambatrack.live.web.api import _Download, _in_a_thread

        response = _Download(lambda: given_back.append(1), _in_a_thread(iter("abc")))
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
        with pytest.raises((OSError, ClientDisconnect)):
            await response(scope, receive, send)

    asyncio.run(leave())
    assert given_back == [1]


def test_health_metrics_and_schema(live):
    _, _, client = live
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'mambatrack_frames_total{source="0",name="door"} 3' in metrics.text
    paths = client.get("/api/openapi.json").json()["paths"]
    assert {"/api/tracks", "/api/events", "/api/pause", "/api/results/{source}.{kind}"} <= set(
        paths
    )


def test_not_ready_before_a_source_is_open_and_after_the_last_was_lost():
    with page_of(("door",), frames=0) as (session, page):
        client = httpx.Client(base_url=page.url)
        assert client.get("/readyz").status_code == 503
        assert client.get("/api/snapshot/0.jpg").status_code == 404
        assert client.get("/api/tracks").json() == {"sources": []}
        session.step(0)
        wait_for(lambda: client.get("/readyz").status_code == 200)
        session.lose(0, "cable pulled")
        wait_for(lambda: client.get("/readyz").status_code == 503)
        assert client.get("/api/sources").json()["sources"][0]["error"] == "cable pulled"


def test_events_begin_with_the_state_and_go_on_with_tracks(live):
    session, _, client = live
    kinds, events = [], {}
    with client.stream("GET", "/api/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kinds.append(line[7:])
                if len(kinds) == 1:
                    session.step(0)
            elif line.startswith("data: "):
                events[kinds[-1]] = json.loads(line[6:])
            if "tracks" in events:
                break
    assert kinds[0] == "state" and events["state"]["sources"][0]["name"] == "door"
    assert (
        events["tracks"]["tracks"]
        == client.get("/api/tracks").json()["sources"][events["tracks"]["source"]]["tracks"]
    )


def picture_in(message):
    (length,) = struct.unpack(">I", message[:4])
    head = json.loads(message[4 : 4 + length])
    return head, cv2.imdecode(np.frombuffer(message[4 + length :], "u1"), 1)


def next_picture(watcher):
    while isinstance(message := watcher.recv(timeout=20), str):
        pass
    return picture_in(message)


def test_a_watcher_gets_the_state_then_pictures_with_their_tracks(live):
    session, page, _ = live
    with socket_of(page) as watcher:
        hello = json.loads(watcher.recv(timeout=20))
        assert hello["type"] == "hello" and len(hello["samples"]) == 2
        seen = {}
        while len(seen) < 2:  # also of frames that were there before
            head, image = next_picture(watcher)
            seen[head["source"]] = head
        assert image.shape == (180, 320, 3) and head["size"] == [320, 180]
        assert seen[0]["frame"] == session.trackers[0].frame - 1


def test_a_watcher_gets_the_sources_that_it_chose(live):
    session, page, _ = live
    with socket_of(page) as watcher:
        watcher.send('{"watch": [1]}')
        wait_for(lambda: page._hub.demand.watchers[0] == 0)
        with contextlib.suppress(TimeoutError):
            while True:
                watcher.recv(timeout=0.3)  # what was on its way
                time.sleep(0.1)
                break
        for _ in range(5):
            session.step(0)
        session.step(1)
        wanted = session.trackers[1].frame - 1
        while next_picture(watcher)[0]["frame"] != wanted:
            pass


NONSENSE = (
    "", "[", "[]", "3", "{}", '{"watch": 1}', '{"watch": ["a"]}', '{"watch": [true]}', b"\xff\x00",
    "[" * 3000,
)  # fmt: skip


@pytest.mark.parametrize("message", NONSENSE)
def test_a_watcher_who_talks_nonsense_is_let_go(live, message):
    _, page, client = live
    with socket_of(page) as watcher, pytest.raises(refusals.ConnectionClosed) as closed:
        watcher.send(message)
        while True:
            watcher.recv(timeout=20)
    assert closed.value.rcvd.code == 1003
    assert client.get("/healthz").status_code == 200


def test_a_long_message_is_refused(live):
    _, page, _ = live
    with socket_of(page) as watcher, pytest.raises(refusals.ConnectionClosed) as closed:
        watcher.send("x" * 5000)
        while True:
            watcher.recv(timeout=20)
    assert closed.value.rcvd.code == 1009


def test_a_watcher_too_many_is_told_so(monkeypatch):
    monkeypatch.setattr(hub, "MOST_WATCHERS", 1)
    with page_of(("door",)) as (_, page), socket_of(page) as first:
        first.recv(timeout=20)
        with socket_of(page) as second, pytest.raises(refusals.ConnectionClosed) as closed:
            second.recv(timeout=20)
        assert closed.value.rcvd.code == 1013
        assert httpx.get(page.url + "api/events").status_code == 429


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


def test_the_caller_of_update_never_waits(monkeypatch):
    """Whatever becomes of the page's own work."""
    with page_of(("door",)) as (session, page):
        with page._state.lock:  # the worker stands still here
            for _ in range(50):
                session.step(0)
        wait_for(lambda: page._state.sources[0].recording.frames == 53)
    session.step(0)  # also after the end


def test_a_failure_of_the_page_is_told_once_and_tracking_goes_on(monkeypatch):
    with page_of(("door",), frames=1) as (session, page):
        client = httpx.Client(base_url=page.url)
        wait_for(lambda: page._state.sources[0].recording.frames == 1)
        monkeypatch.setattr(page._state.sources[0].timeline, "add", lambda *_: 1 / 0)
        with warnings.catch_warnings(record=True):
            for _ in range(3):
                session.step(0)
            wait_for(lambda: client.get("/healthz").status_code == 503)
        assert "ZeroDivisionError" in page._state.problem
        assert "Zero" not in client.get("/healthz").text
        assert page._worker.alive


def test_without_the_token_nothing_is_told(guarded):
    client = httpx.Client(base_url=guarded)
    for path in (
        "/api/tracks", "/api/sources", "/metrics", "/api/openapi.json", "/app.js", "/nothing",
        "/api/snapshot/0.jpg", "/api/results/0.mot", "/api/events", f"/api/tracks?token={TOKEN}",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 401 and "door" not in answer.text, path
        assert answer.headers["www-authenticate"] == "Bearer"
    assert client.post("/api/pause").status_code == 401
    assert client.get("/", params={"token": TOKEN[:-1]}).status_code == 401
    assert "Token" in client.get("/").text
    assert client.get("/healthz").status_code == 200
    with pytest.raises(refusals.InvalidStatus) as refused:
        connect(guarded.replace("http", "ws") + "ws")
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9\xff"]
)
def test_a_wrong_token_is_refused(guarded, header):
    headers = {"Authorization": header.encode("latin-1")}
    assert httpx.get(guarded + "api/tracks", headers=headers).status_code == 401


def test_the_token_opens_as_a_header_and_by_the_page_as_a_cookie(guarded):
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(guarded + "api/tracks", headers=bearer).status_code == 200
    with connect(guarded.replace("http", "ws") + "ws", additional_headers=bearer) as watcher:
        assert json.loads(watcher.recv(timeout=20))["type"] == "hello"
    client = httpx.Client(base_url=guarded)
    page = client.get("/", params={"token": TOKEN})
    assert page.status_code == 200 and "app.js" in page.text
    cookie = page.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    assert client.get("/api/tracks").status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "10.0.0.1", "", "[::1", "a:b:c"]
)
def test_names_that_are_not_this_machine_are_refused(live, host):
    _, _, client = live
    assert client.get("/api/tracks", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "[::1]:8000"])
def test_names_of_this_machine_are_not(live, host):
    _, _, client = live
    assert client.get("/api/tracks", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"},
     {"Sec-Fetch-Site": "cross-site"}],
)  # fmt: skip
def test_other_sites_cannot_pause_or_watch(live, headers):
    session, page, client = live
    assert client.post("/api/pause", headers=headers).status_code == 403 and not session.paused
    with pytest.raises(refusals.InvalidStatus):
        connect(page.url.replace("http", "ws") + "ws", additional_headers=headers)


def test_the_own_page_can(live):
    _, page, client = live
    origin = {"Origin": page.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/resume", headers=origin).status_code == 200
    with connect(page.url.replace("http", "ws") + "ws", additional_headers=origin) as watcher:
        assert watcher.recv(timeout=20)


@pytest.mark.parametrize("path", ["/", "/app.js", "/api/tracks", "/nothing", "/metrics"])
def test_every_answer_has_the_security_headers(live, path):
    _, _, client = live
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers and "access-control-allow-origin" not in headers


def test_an_address_beyond_this_machine_needs_a_token_and_gets_one():
    with page_of(("door",), host="0.0.0.0") as (_, page):
        assert len(page.token) >= 32 and page.url.endswith(page.token)
        port = page.url.split(":")[2].split("/")[0]
        local = f"http://127.0.0.1:{port}/api/tracks"
        assert httpx.get(local).status_code == 401
        bearer = {"Authorization": f"Bearer {page.token}"}
        assert httpx.get(local, headers=bearer).status_code == 200
        assert httpx.get(local, headers={**bearer, "Host": "192.168.1.7"}).status_code == 200
        assert httpx.get(local, headers={**bearer, "Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("token", ["", "short", "not printable\n\n", "nicht-ascii-ü-ü"])
def test_a_token_that_is_too_simple_is_refused(token):
    with pytest.raises(MambatrackError, match="token"):
        serve(FakeControls(), ["door"], port=0, token=token)


def test_a_taken_port_and_a_wrong_host_are_said(live):
    port = int(live[1].url.split(":")[2].strip("/"))
    with pytest.raises(MambatrackError, match=f"port {port}"):
        serve(FakeControls(), ["door"], port=port)
    for host, port in (("no such host", 0), ("127.0.0.1", 70000), ("203.0.113.7", 0)):
        with pytest.raises(MambatrackError):
            serve(FakeControls(), ["door"], host=host, port=port, token=TOKEN)


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr(server_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"mambatrack\[web\]"):
        serve(FakeControls(), ["door"])


def test_closing_ends_watchers_and_removes_what_was_recorded():
    with page_of(("door",)) as (_, page), socket_of(page) as watcher:
        watcher.recv(timeout=20)
        recording = page._state.sources[0].recording
        wait_for(lambda: recording.frames == 3)
        page.close()
        assert recording.size == 0
        with pytest.raises(refusals.ConnectionClosed):
            while True:
                watcher.recv(timeout=20)
        with pytest.raises(httpx.ConnectError):
            httpx.get(page.url)


def test_bodies_are_short_and_valid(live):
    session, _, client = live
    kind = {"Content-Type": "application/json"}
    wrong = (
        "{",
        "[1]",
        '{"a": 1}',
        '"\\ud800"',
        '{"\\ud800": 1}',
        "[" * 2000,
        "nul",
        "1e999",
        b"\xff",
    )
    for body in wrong:
        answer = client.post("/api/pause", content=body, headers=kind)
        assert 400 <= answer.status_code < 500, body
        assert not session.paused
    assert client.post("/api/pause", content=b"x" * (MOST_BODY + 1)).status_code == 413
    chunks = (b"x" * 1000 for _ in range(50))
    assert client.post("/api/pause", content=chunks).status_code == 413
    assert client.get("/healthz").status_code == 200
