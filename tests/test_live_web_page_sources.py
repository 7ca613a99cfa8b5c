"""The live page in a real browser while people walk: its sources, figures, buttons and keys."""

from pathlib import Path

import pytest

from live_browser import CHROMIUM, SIZE, expect_text, press, running
from live_session import FakeSession, page_of, wait_for
from mambatrack.camera.interface import Travel
from mambatrack.counting.places import parse_places
from mambatrack.live.web.server import serve

for package in ("fastapi", "uvicorn", "websockets", "playwright.sync_api"):
    pytest.importorskip(package, reason="needs the extras [web] and [dev]")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium in PATH")

TRAVEL = Travel(frames=8, known=4, unknown=3, cuts=2, pixels=20, certainty=3.6)


def test_the_page_lives_through_a_restart_of_the_server(tab):
    with running() as (_, page):
        port = int(page.url.split(":")[2].strip("/"))
        tab.goto(page.url)
        expect_text(tab, "#connection", "Live")
    expect_text(tab, "#connection", "Offline")
    assert "not live" in tab.get_by_role("alert").inner_text()
    assert tab.get_by_role("button", name="Pause").is_disabled()
    session = FakeSession(("gate",), SIZE)
    page = serve(session, session.names, port=port)
    try:
        session.start(page)
        expect_text(tab, "#connection", "Live")
        assert tab.get_by_role("alert").inner_text() == ""
        expect_text(tab, "figcaption", "gate")
        first = tab.wait_for_selector("figure canvas[data-frame]").get_attribute("data-frame")
        tab.wait_for_selector(f'figure canvas:not([data-frame="{first}"])')
    finally:
        session.stop()
        page.close()


def test_a_stream_that_dies_is_told_with_its_reason_until_it_is_back(tab):
    with running(("door", "yard")) as (session, page):
        tab.goto(page.url)
        expect_text(tab, "#connection", "Live")
        session.lose(1, "rtsp://joe:secret@cam/1: connection refused")
        expect_text(tab, "#banners", "yard: the stream is lost, reconnecting.")
        text = tab.get_by_role("alert").inner_text()
        assert "connection refused" in text and "secret" not in tab.content()
        expect_text(tab, "#connection", "Stream lost")
        expect_text(tab, "figure:nth-child(2) .over", "Stream lost")
        session.restore(1)
        expect_text(tab, "#connection", "Live")
        assert tab.get_by_role("alert").inner_text() == ""


def test_a_source_whose_camera_moves_says_so_in_its_picture(tab):
    with running(("door", "yard")) as (session, page):
        tab.goto(page.url)
        expect_text(tab, "#connection", "Live")
        session.set_status(1, problem="the camera moved in 40 frames")
        expect_text(tab, "figure:nth-child(2) p", "the camera moved in 40 frames")
        assert tab.locator("figure:nth-child(1) p").is_hidden()


def test_how_the_camera_moved_is_below_its_picture(tab):
    with running(("door", "yard")) as (session, page):
        tab.goto(page.url)
        session.travels[1] = TRAVEL
        expect_text(
            tab, "figure:nth-child(2) small",
            "camera 2.5 px a frame, certainty 0.90, 2 cuts, not known in 3 of 8 frames",
        )  # fmt: skip
        assert tab.locator("figure:nth-child(1) small").is_hidden()


def test_pause_and_resume(tab):
    with running() as (session, page):
        tab.goto(page.url)
        press(tab, "Pause")
        expect_text(tab, "#connection", "Paused")
        assert session.paused
        tab.wait_for_selector('#pause[aria-pressed="true"]')
        press(tab, "Resume")
        expect_text(tab, "#connection", "Live")
        assert not session.paused


def test_results_are_downloaded_from_the_menu(tab):
    with page_of(("door",)) as (session, page):
        tab.goto(page.url)
        expect_text(tab, "#connection", "Live")
        tab.locator("summary").click()
        expect_text(tab, "#recorded", "3 frames so far. At most 256 MiB")
        with tab.expect_download() as download:
            tab.get_by_role("link", name="JSON Lines").click()
        text = Path(download.value.path()).read_text()
        assert text.startswith('{"format":"mambatrack-tracks"') and text.count("\n") == 4


def test_the_figures_the_table_and_the_timeline_tell_of_the_tracks(tab):
    with running() as (session, page):
        tab.goto(page.url)
        wait_for(lambda: tab.locator("#rows tr").count() >= 2)
        ids = {int(text) for text in tab.locator("#rows td:first-child").all_inner_texts()}
        assert ids <= set(range(1, session.trackers[0].state.hypotheses.table.next_id))
        expect_text(tab, "#fps", "20.0")
        expect_text(tab, "#latency-note", "detect 8.0")
        tab.wait_for_selector('#timeline[aria-label^="Timeline of "]:not([aria-label*=" 0 "])')
        tab.wait_for_selector('#fps-graph[aria-label^="Now 20.0 fps"]')
        expect_text(tab, "#rows tr td:nth-child(4)", "s")
        assert not tab.locator("#places").is_visible()
        for layer in ("Lines and zones", "Forecast"):
            assert tab.get_by_role("button", name=layer).count() == 0


def test_one_of_several_sources_can_be_chosen(tab):
    with running(("door", "yard")) as (_, page):
        tab.goto(page.url)
        tab.wait_for_selector("figure:nth-child(2) canvas[data-frame]")
        press(tab, "1 yard")
        assert not tab.locator("figure").nth(0).is_visible()
        wait_for(lambda: page._hub.demand.watchers == {0: 0, 1: 1})
        press(tab, "All")
        assert tab.locator("figure").nth(0).is_visible()
        wait_for(lambda: page._hub.demand.watchers == {0: 1, 1: 1})


def test_the_token_is_asked_for_and_leaves_the_address(tab):
    with running(token="a-token-of-the-tests") as (_, page):
        plain = page.url.partition("?")[0]
        tab.goto(plain)
        tab.get_by_label("Token").fill("a-token-of-the-tests")
        press(tab, "Open")
        expect_text(tab, "#connection", "Live")
        assert tab.url == plain
        tab.reload()
        expect_text(tab, "#connection", "Live")
        assert tab.evaluate("document.cookie") == ""


def test_nothing_comes_from_elsewhere(tab):
    with running() as (_, page):
        tab.goto(page.url)
        expect_text(tab, "#connection", "Live")
        assert len(tab.requests) > 5
        assert all(url.startswith((page.url, "data:", "blob:")) for url in tab.requests)


@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (390, "dark"), (768, "light"), (1920, "dark")]
)
def test_nothing_hangs_over_the_edge_and_text_can_be_read(browser, width, scheme):
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    names = "door", "a yard with far too long a name for any phone"
    places = parse_places(
        ["a gate with a long name:160,0,160,180"], ["all:0,0;320,0;320,180;0,180"]
    )
    with running(names, places) as (session, page):
        tab = context.new_page()
        tab.goto(page.url)
        wait_for(lambda: tab.locator("#rows tr").count() >= 2)
        session.travels[0] = TRAVEL
        expect_text(tab, "figcaption small", "camera 2.5 px")
        session.lose(1, "x" * 200)
        expect_text(tab, "#banners", "lost")
        assert tab.locator("#places").is_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        ink, ground = (
            tab.evaluate(f"getComputedStyle(document.body).{name}").removeprefix("rgb(")[:-1]
            for name in ("color", "backgroundColor")
        )
        dark, light = sorted(sum(map(int, each.split(","))) for each in (ink, ground))
        assert light - dark > 500 and (ground < ink) == (scheme == "dark")
    context.close()


def test_keys_hold_the_picture_save_it_and_explain_themselves(tab):
    with running(("front door",)) as (session, page):
        tab.goto(page.url)
        expect_text(tab, "#rows", "person")
        tab.keyboard.press(" ")
        expect_text(tab, ".over", "Held")
        assert tab.get_by_role("status").inner_text() == "Held"
        held = tab.locator("figure canvas").get_attribute("data-frame")
        frames = session.statuses[0].frames
        wait_for(lambda: session.statuses[0].frames > frames + 3)
        assert tab.locator("figure canvas").get_attribute("data-frame") == held
        with tab.expect_download() as download:
            tab.keyboard.press("s")
        assert download.value.suggested_filename == f"front-door-{held}.png"
        tab.keyboard.press(" ")
        tab.wait_for_selector(f'figure canvas:not([data-frame="{held}"])')
        assert not session.paused
        tab.keyboard.press("?")
        assert tab.get_by_role("dialog", name="Keys").is_visible()
        tab.keyboard.press("Escape")
        assert not tab.get_by_role("dialog").is_visible()
        tab.keyboard.press("f")
        tab.wait_for_function("document.fullscreenElement?.id === 'stage'")
