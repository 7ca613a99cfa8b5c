"""The live page in a browser: Debian's Chromium through Playwright, and what is asked of it."""

import contextlib
import shutil

import numpy as np

from live_session import FakeSession
from mambatrack.live.updates import Forecast, LiveUpdate, SourceStatus
from mambatrack.live.web.server import serve
from mambatrack.sources.frames import Frame
from mambatrack.tracks import Tracks, TrackState

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SIZE = (320, 180)
WAIT_MS = 30_000
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


@contextlib.contextmanager
def chromium():
    """A browser without a display."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def empty_tab(browser):
    """A tab that fails the test where a script or the content policy complained."""
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
