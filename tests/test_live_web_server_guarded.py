"""The server of the live page over real connections: whom it refuses."""

import json

import pytest

from live_session import FakeControls, page_of
from mambatrack.errors import MambatrackError
from mambatrack.live.web.server import serve
from page_watcher import asked_page

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn"):
    pytest.importorskip(package, reason=NEEDED)
httpx = pytest.importorskip("httpx", reason=NEEDED)
connect = pytest.importorskip("websockets.sync.client", reason=NEEDED).connect
refusals = pytest.importorskip("websockets.exceptions", reason=NEEDED)

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def live():
    with asked_page() as page_and_client:
        yield page_and_client


@pytest.fixture(scope="module")
def guarded():
    with page_of(("door",), token=TOKEN) as (_, page):
        yield page.url.partition("?")[0]


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
