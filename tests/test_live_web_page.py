"""The live page in a real browser: what is drawn of a track, a line and a zone."""

from dataclasses import replace

import numpy as np
import pytest

from live_browser import CHROMIUM, SIZE, drawn, expect_text, one_box, press
from live_session import FakeControls
from mambatrack.counting.counter import Counter
from mambatrack.counting.output import CountingOutput
from mambatrack.counting.places import parse_places
from mambatrack.live.web.server import serve
from mambatrack.settings import DrawingConfig
from mambatrack.tracks import TrackState

for package in ("fastapi", "uvicorn", "websockets", "playwright.sync_api"):
    pytest.importorskip(package, reason="needs the extras [web] and [dev]")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium in PATH")


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
