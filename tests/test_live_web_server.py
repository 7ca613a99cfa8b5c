"""The server of the live page over real connections: what it tells, and whom it refuses."""

import contextlib
import json
import struct
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from live_session import FakeControls, page_of, wait_for
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.live.web import hub
from mambatrack.live.web import server as server_module
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
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "10.0.0.1",
        "",
        "[::1",
        "a:b:c",
        "localhost:evil.example",
        "localhost:999999",
        "localhost@evil.example",
        "2130706433",
        "[::1]evil.example",
        "localhost.",
    ],
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


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
     {"Sec-Fetch-Site": "same-site"}],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["/api/snapshot/0.jpg", "/api/tracks", "/api/results/0.mot", "/metrics", "/api/events"]
)
def test_other_sites_cannot_have_anything_drawn_or_read(live, path, headers):
    _, _, client = live
    assert client.get(path, headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 200  # a link to the page


def test_snapshots_wait_for_each_other_up_to_a_number(live, monkeypatch):
    from mambatrack.live.web import api

    _, page, client = live
    slow = threading.Event()

    def draw(newest, boxes):
        slow.wait(20)
        return b"jpeg"

    monkeypatch.setattr(api, "snapshot", draw)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.get, "/api/snapshot/0.jpg") for _ in range(8)]
        wait_for(lambda: sum(each.done() for each in asked) == 8 - api.MOST_SNAPSHOTS)
        slow.set()
        codes = sorted(each.result().status_code for each in asked)
    assert codes == [200] * 4 + [429] * 4
    assert client.get("/api/snapshot/0.jpg").status_code == 200


def test_nothing_is_drawn_for_those_who_have_gone(live, monkeypatch):
    from mambatrack.live.web import api

    _, page, client = live
    drawn, slow = [], threading.Event()

    def draw(newest, boxes):
        drawn.append(1)
        slow.wait(20)
        return b"jpeg"

    monkeypatch.setattr(api, "snapshot", draw)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.get, "/api/snapshot/0.jpg")
        wait_for(lambda: drawn)
        for _ in range(2):
            with contextlib.suppress(httpx.ReadTimeout):
                httpx.get(page.url + "api/snapshot/0.jpg", timeout=0.3)
        slow.set()
        assert first.result().status_code == 200
    assert client.get("/api/snapshot/0.jpg").status_code == 200 and len(drawn) == 2


def test_an_address_with_an_odd_token_opens_the_page():
    with page_of(("door",), token="a&b#c+d%e f=g?h/i") as (_, page), httpx.Client() as client:
        answer = client.get(page.url)
        assert answer.status_code == 200 and "sign-in" not in answer.text
        assert client.get(page.url.partition("?")[0] + "api/sources").status_code == 200


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
