"""The server of the live page over real connections: what it tells a watcher."""

import contextlib
import json
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from live_session import FakeControls, page_of, wait_for
from mambatrack.errors import MambatrackError, MissingExtra
from mambatrack.live.web import hub
from mambatrack.live.web import server as server_module
from mambatrack.live.web.server import serve
from page_watcher import asked_page, next_picture, socket_of

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn"):
    pytest.importorskip(package, reason=NEEDED)
httpx = pytest.importorskip("httpx", reason=NEEDED)
pytest.importorskip("websockets.sync.client", reason=NEEDED)
refusals = pytest.importorskip("websockets.exceptions", reason=NEEDED)


@pytest.fixture(scope="module")
def live():
    with asked_page() as page_and_client:
        yield page_and_client


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
        assert wait_for(lambda: page._hub.demand.watchers[0] == 0)
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
        assert wait_for(lambda: page._state.sources[0].recording.frames == 53)
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


def test_a_taken_port_and_a_wrong_host_are_said(live):
    port = int(live[1].url.split(":")[2].strip("/"))
    with pytest.raises(MambatrackError, match=f"port {port}"):
        serve(FakeControls(), ["door"], port=port)
    for host, port in (("no such host", 0), ("127.0.0.1", 70000), ("203.0.113.7", 0)):
        with pytest.raises(MambatrackError, match=f"port {port}|{host}"):
            serve(FakeControls(), ["door"], host=host, port=port, token="a-token-of-the-tests")


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
