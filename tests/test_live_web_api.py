"""The live page's interface for programs."""

import asyncio
import json
import re

import cv2
import numpy as np
import pytest

from live_session import page_of, wait_for
from mambatrack.counting.places import parse_places
from mambatrack.live.web.guard import MOST_BODY

NEEDED = "needs the extras [web] and [dev]"

httpx = pytest.importorskip("httpx", reason=NEEDED)

PLACES = parse_places(["mid:160,0,160,180"], ["all:0,0;320,0;320,180;0,180"])


@pytest.fixture(scope="module")
def live():
    with page_of(places=PLACES) as (session, page):
        client = httpx.Client(base_url=page.url, timeout=20)
        wait_for(lambda: client.get("/api/sources").json()["sources"][1]["frames"] == 3)
        yield session, page, client


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


def test_how_the_camera_moved_is_told_with_the_source_and_with_its_newest_frame():
    with page_of(("door",)) as (session, page):
        client = httpx.Client(base_url=page.url, timeout=20)
        wait_for(lambda: client.get("/api/tracks").json()["sources"])
        assert client.get("/api/sources").json()["sources"][0]["camera"] is None
        assert client.get("/api/tracks").json()["sources"][0]["camera"] is None
        session.cameras[0] = [[1, 0, 3], [0, 1, 4]]
        session.step(0)
        told = wait_for(lambda: client.get("/api/sources").json()["sources"][0]["camera"])
        assert told == {"frames": 1, "unknown": 0, "cuts": 0, "pixels_a_frame": 5, "certainty": 1}
        newest = wait_for(lambda: client.get("/api/tracks").json()["sources"][0]["camera"])
        assert newest == {
            "transform": [1, 0, 3, 0, 1, 4, 0, 0, 1], "certainty": 1, "cut": False,
        }  # fmt: skip


def test_counts_are_those_of_lines_and_zones(live):
    session, _, client = live
    door, yard = client.get("/api/counts").json()["sources"]
    assert (door["name"], door["frame"], yard["source"]) == ("door", 2, 1)
    assert client.get("/api/counts?source=1").json()["sources"] == [yard]
    (line,), (zone,) = door["lines"], door["zones"]
    inside = len(session.counting[0].counter.visitors("all"))
    assert line["points"] == [[160, 0], [160, 180]] and (line["in"], line["out"]) == (0, 0)
    assert zone["inside"] == inside > 0 and zone["classes"]["person"]["inside"] == inside
    assert [each["number"] for each in door["events"]] == list(range(len(door["events"])))
    assert {each["event"] for each in door["events"]} == {"enter"}
    assert client.get("/api/counts?source=2").status_code == 404
    schema = client.get("/api/openapi.json").json()["components"]["schemas"]
    assert {"in", "out", "corrected", "people", "points", "name", "classes"} == set(
        schema["Line"]["required"]
    )


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
    named = client.get("/api/snapshot/1.jpg").headers["content-disposition"]
    assert named == 'inline; filename="yard-2.jpg"'
    assert np.abs(drawn.astype(int) - newest).mean() > np.abs(plain.astype(int) - newest).mean()


def test_results_can_be_downloaded(live):
    _, _, client = live
    mot = client.get("/api/results/0.mot")
    assert 'filename="door.txt"' in mot.headers["content-disposition"]
    assert all(re.fullmatch(r"\d+,\d+(,-?[\d.]+){8}", line) for line in mot.text.splitlines())
    lines = client.get("/api/results/1.jsonl").text.splitlines()
    assert json.loads(lines[0])["classes"] == ["person"] and len(lines) == 4
    table = client.get("/api/results/0.csv")
    assert table.text.startswith("x_min,") and 'filename="door.csv"' in str(table.headers)
    assert client.get("/api/results/0.xlsx").status_code == 422
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
