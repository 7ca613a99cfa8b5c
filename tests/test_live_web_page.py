"""The live page in a real browser, without a display: Debian's Chromium through Playwright."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from live_session import FakeControls, FakeSession, page_of, wait_for
from mambatrack.camera.interface import Travel
from mambatrack.counting.counter import Counter
from mambatrack.counting.output import CountingOutput
from mambatrack.counting.places import parse_places
from mambatrack.live.updates import Forecast, LiveUpdate, SourceStatus
from mambatrack.live.web.server import serve
from mambatrack.settings import DrawingConfig
from mambatrack.sources.frames import Frame
from mambatrack.tracks import Tracks, TrackState

NEEDED = "needs the extras [web] and [dev]"
for package in ("fastapi", "uvicorn", "websockets"):
    pytest.importorskip(package, reason=NEEDED)
playwright = pytest.importorskip("playwright.sync_api", reason=NEEDED)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium in PATH")

SIZE = (320, 180)
WAIT_MS = 30_000
TRAVEL = Travel(frames=8, known=4, unknown=3, cuts=2, pixels=20, certainty=3.6)
# the smallest box [x1, y1, x2, y2] around all coloured pixels, in pixels of the picture, and how
# much of its left edge they cover
COLOURED = """canvas => {
  const {width, height} = canvas, scale = 320 / width;
  const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const on = (x, y) => {
    const at = 4 * (y * width + x), pixel = [data[at], data[at + 1], data[at + 2]];
    return Math.max(...pixel) - Math.min(...pixel) > 30;
  };
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (on(x, y)) {
    left = Math.min(left, x); right = Math.max(right, x);
    top = Math.min(top, y); bottom = Math.max(bottom, y);
  }
  let edge = 0;
  for (let y = top; y <= bottom; y++) if (on(left, y) || on(left + 1, y)) edge++;
  return {box: [left, top, right, bottom].map(side => side * scale),
          edge: edge / (bottom - top + 1), frame: Number(canvas.dataset.frame)};
}"""


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(browser):
    """An empty tab; the test fails where a script or the content policy complained."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT_MS)
    tab = context.new_page()
    tab.problems, tab.requests = [], []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda message: tab.problems.append(message.text))
    tab.on("request", lambda request: tab.requests.append(request.url))
    yield tab
    context.close()
    # Canvas2D is of COLOURED; a test may be in a field before the page puts the focus there
    usual = ("net::ERR", "Failed to load resource", "Canvas2D", "Autofocus processing")
    assert [text for text in tab.problems if not any(part in text for part in usual)] == []


@contextlib.contextmanager
def running(names=("door",), places=(), **options):
    """-> (session, page): people who walk until the end of the block."""
    session = FakeSession(names, SIZE, places=places)
    page = serve(session, session.names, port=0, **options)
    session.start(page)
    try:
        yield session, page
    finally:
        session.stop()
        page.close()


def one_box(frame, state=TrackState.OBSERVED, label=0, names=("person", "dog")):
    """A grey picture and a single track of 40 x 100 pixels that goes to the right."""
    left = 20 + 8 * frame
    row = {
        "boxes": np.array([[left, 50, left + 40, 150]], np.float32), "ids": np.array([2]),
        "scores": np.ones(1, np.float32), "labels": np.array([label]),
        "state": np.array([state], np.uint8), "gap": np.array([int(state == 2)]),
        "spread": np.zeros((1, 4), np.float32), "det_ind": np.zeros(1, np.int64),
    }  # fmt: skip
    tracks = Tracks(frame, frame / 10, **row, ended=np.zeros(0, np.int64))
    ahead = row["boxes"][:, None] + np.array([40, 0, 40, 0], np.float32) * np.arange(1, 4)[:, None]
    forecast = Forecast(frame, row["ids"], ahead, np.full((1, 3, 4), 6, np.float32))
    picture = Frame(frame, frame / 10, np.full((SIZE[1], SIZE[0], 3), 128, np.uint8))
    status = SourceStatus("door", "open", SIZE, fps=10.0, frames=frame + 1, latency_ms=5.0)
    return LiveUpdate(0, picture, tracks, status, 3.0, 2.0, names, forecast)


def press(tab, *names):
    for name in names:
        tab.get_by_role("button", name=name, exact=True).click()


def drawn(tab, frame):
    """What COLOURED finds once that frame is on the page."""
    tab.wait_for_selector(f'figure canvas[data-frame="{frame}"]')
    return tab.eval_on_selector("figure canvas", COLOURED)


def expect_text(tab, selector, text):
    tab.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)",
        arg=[selector, text],
    )


def test_boxes_are_where_the_tracks_are_and_move_with_them(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(one_box(0))
        tab.goto(page.url)
        drawn(tab, 0)
        press(tab, "Ids", "Names", "Trails", "Forecast")
        for frame in (1, 2, 12):
            update = one_box(frame)
            page.update(update)
            found = drawn(tab, frame)
            assert found["box"] == pytest.approx(update.tracks.boxes[0].tolist(), abs=2)
            assert found["edge"] > 0.95
        press(tab, "Boxes")
        assert drawn(tab, 12)["box"][2] < 0
    finally:
        page.close()


def test_a_predicted_box_is_dashed_and_can_be_hidden(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(replace(one_box(0, TrackState.PREDICTED), gaps_s=(1.26,)))
        tab.goto(page.url)
        drawn(tab, 0)
        press(tab, "Ids", "Names", "Trails", "Forecast")
        assert 0.3 < drawn(tab, 0)["edge"] < 0.8
        assert tab.locator("tr.predicted").count() == 1
        expect_text(tab, "#rows tr td:nth-child(5)", "1.3 s")
        press(tab, "Hidden")
        assert drawn(tab, 0)["box"][2] < 0 and tab.locator("#rows tr").count() == 0
    finally:
        page.close()


def test_the_forecast_is_a_cone_from_the_feet_of_its_track(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(one_box(0))
        tab.goto(page.url)
        drawn(tab, 0)
        press(tab, "Ids", "Names", "Trails", "Boxes")
        left, top, right, bottom = drawn(tab, 0)["box"]
        assert left == pytest.approx(40, abs=4) and right == pytest.approx(160, abs=3)
        assert top == pytest.approx(144, abs=3) and bottom == pytest.approx(156, abs=3)
    finally:
        page.close()


def test_layers_begin_as_they_are_configured_and_stay_as_they_were_chosen(tab):
    drawing = DrawingConfig(layers=("ids", "trails"))
    page = serve(FakeControls(), ["door"], port=0, drawing=drawing)
    on = '#layers button[aria-pressed="true"]'
    try:
        page.update(one_box(0))
        tab.goto(page.url)
        tab.get_by_role("button", name="Forecast").wait_for()
        assert tab.locator(on).all_inner_texts() == ["Ids", "Trails", "Tentative", "Forecast"]
        press(tab, "Ids", "Boxes")
        tab.reload()
        tab.get_by_role("button", name="Forecast").wait_for()
        assert tab.locator(on).all_inner_texts() == ["Boxes", "Trails", "Tentative", "Forecast"]
    finally:
        page.close()


def test_a_class_can_be_left_out_and_stays_out(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(one_box(0, label=1))
        tab.goto(page.url)
        expect_text(tab, "#rows", "dog")
        page.update(one_box(1, label=0))
        drawn(tab, 1)
        press(tab, "person")
        assert drawn(tab, 1)["box"][2] < 0 and tab.locator("#rows tr").count() == 0
        tab.reload()
        assert drawn(tab, 1)["box"][2] < 0
        press(tab, "person")
        assert drawn(tab, 1)["box"][2] > 0
    finally:
        page.close()


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


def test_a_snapshot_is_a_picture_with_boxes(tab):
    cv2 = pytest.importorskip("cv2")
    page = serve(FakeControls(), ["front door"], port=0)
    try:
        page.update(one_box(3))
        tab.goto(page.url)
        drawn(tab, 3)
        with tab.expect_download() as download:
            press(tab, "Snapshot")
        assert download.value.suggested_filename == "front-door-3.png"
        image = cv2.imread(str(download.value.path()))
        assert image.shape == (SIZE[1], SIZE[0], 3)
        assert np.ptp(image[100, 42:47].astype(int), axis=-1).max() > 60
    finally:
        page.close()


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


def counted(frame):
    """What one_box tells with a line at x = 160 and a zone on its left; nobody sees the box while
    it goes across."""
    places = parse_places(["door:160,0,160,180"], ["left:0,60;158,60;158,170;0,170"])
    output = CountingOutput(Counter(places, ("person",)), None)
    for number in range(frame + 1):
        update = one_box(number)
        hidden = 14 <= number < 18
        state, gap = np.array([2 if hidden else 1], np.uint8), np.array([hidden * (number - 13)])
        output.write(update.frame, replace(update.tracks, state=state, gap=gap))
    return replace(update, counts=output.counts())


def test_lines_and_zones_are_drawn_and_counted_and_corrections_are_told(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(counted(0))
        tab.goto(page.url)
        drawn(tab, 0)
        expect_text(tab, "#place-rows", "left")
        press(tab, "Ids", "Names", "Trails", "Forecast", "Boxes")
        left, top, right, bottom = drawn(tab, 0)["box"]
        assert left == pytest.approx(0, abs=2) and bottom == pytest.approx(180, abs=2)
        assert top == pytest.approx(0, abs=2) and right > 158
        page.update(counted(24))
        drawn(tab, 24)
        expect_text(tab, "#place-rows tr:first-child td:nth-child(4)", "1")
        assert tab.locator("#place-rows td:nth-child(8)").all_inner_texts() == ["1", "1"]
        expect_text(tab, "#events", "2 crossed door out")
        assert tab.locator("#events .corrected").count() == 2
        press(tab, "Lines and zones")
        assert drawn(tab, 24)["box"][2] < 0
    finally:
        page.close()


def test_a_track_that_is_chosen_stands_out_in_the_picture_and_in_its_row(tab):
    page = serve(FakeControls(), ["door"], port=0)
    try:
        page.update(one_box(3))
        tab.goto(page.url)
        drawn(tab, 3)
        chosen = tab.locator("#rows tr.chosen")
        tab.locator("#rows button").click()
        assert chosen.locator("button[aria-pressed=true]").count() == 1
        tab.locator("#rows button").press("Enter")
        assert chosen.count() == 0
        width = tab.locator("figure canvas").bounding_box()["width"]
        tab.locator("figure canvas").click(position={"x": 60 * width / 320, "y": 100 * width / 320})
        assert chosen.inner_text().startswith("2")
        tab.keyboard.press("Escape")
        assert chosen.count() == 0
        tab.locator("figure canvas").click(position={"x": 300 * width / 320, "y": 20})
        assert chosen.count() == 0
    finally:
        page.close()


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
