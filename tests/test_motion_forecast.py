import dataclasses
from dataclasses import replace

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.motion.forecast import Forecast
from mambatrack.motion.forecast import forecast as patched
from mambatrack.outputs.drawing.colours import colour_of
from mambatrack.outputs.drawing.picture import draw
from mambatrack.simulation.world import simulate
from test_outputs_text import OBSERVED, PREDICTED, TENTATIVE, make_tracks

KINDS = ["mamba", "mamba-window", "kalman", "velocity", "still"]


def tracker(predictor="kalman", association="overlap", **settings_):
    overrides = {"tracker.predictor": predictor, "tracker.association": association}
    return Tracker(load_config(None, overrides | settings_), image_size=(960, 540))


def world(frames, seed=3):
    return [next_.detections for next_, _ in zip(simulate(seed=seed), range(frames), strict=False)]


@pytest.mark.parametrize("predictor", KINDS)
def test_a_forecast_is_what_empty_frames_would_bring(predictor):
    tracked = tracker(predictor)
    for found in world(40):
        tracks = tracked.update(found)
    forecast = tracked.forecast(12)
    assert forecast.ids.tolist() == tracks.ids.tolist() and forecast.frame == tracks.frame == 39
    assert forecast.boxes.shape == forecast.spread.shape == (len(tracks), 12, 4)
    assert forecast.boxes.dtype == forecast.spread.dtype == np.float32 and forecast.horizon == 12
    for step in range(12):
        later = tracked.update()
        own = np.isin(forecast.ids, later.ids)
        assert own.any()
        np.testing.assert_array_equal(forecast.boxes[own, step], later.boxes)
        np.testing.assert_array_equal(forecast.spread[own, step], later.spread)


@pytest.mark.parametrize("association", ["overlap", "learned"])
@pytest.mark.parametrize("predictor", KINDS)
def test_a_forecast_changes_nothing(predictor, association):
    asked, plain = tracker(predictor, association), tracker(predictor, association)
    for index, found in enumerate(world(60)):
        a, b = asked.update(found), plain.update(found)
        for field in dataclasses.fields(a):
            np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name))
        asked.forecast(1 + index % 7)
    for name in asked.state.hypotheses.table._arrays:
        np.testing.assert_array_equal(
            asked.state.hypotheses.table[name], plain.state.hypotheses.table[name]
        )


def test_it_is_the_patching_of_the_motion_model():
    tracked = tracker("mamba")
    for found in world(20):
        tracked.update(found)
    boxes, spread = patched(tracked.predictor, tracked.state.hypotheses.table["motion"], 30)
    forecast = tracked.forecast()
    np.testing.assert_allclose(xyxy_to_cxcywh(forecast.boxes), boxes, atol=1e-3)
    np.testing.assert_array_equal(forecast.spread, spread)


def test_one_call_of_the_predictor_per_step():
    tracked, calls = tracker("kalman"), []
    predict = tracked.predictor.predict
    tracked.predictor.predict = lambda state: calls.append(len(state)) or predict(state)
    tracked.update([[100.0 * place, 0, 100 * place + 40, 90] for place in range(5)])
    calls.clear()
    tracked.forecast(9)
    assert calls == [5] * 9


def test_a_walker_goes_on_and_becomes_less_certain():
    tracked = tracker("kalman")
    for step in range(30):
        tracked.update([[4.0 * step, 100, 4 * step + 40, 220]])
    forecast = tracked.forecast(10)
    ahead = 4.0 * np.arange(30, 40)
    np.testing.assert_allclose(forecast.boxes[0, :, 0], ahead, atol=0.5)
    assert (np.diff(forecast.spread[0, :, 0]) > 0).all()


def test_nobody_has_no_future_and_results_are_frozen():
    tracked = tracker()
    forecast = tracked.forecast()
    assert forecast.frame == -1 and len(forecast) == 0 and forecast.boxes.shape == (0, 30, 4)
    tracked.update([[0, 0, 10, 20]])
    forecast = tracked.forecast(np.int64(2))
    kept = forecast.boxes.copy(), forecast.ids.copy()
    tracked.update([[3, 0, 13, 20]])
    assert (forecast.boxes == kept[0]).all() and (forecast.ids == kept[1]).all()
    with pytest.raises(ValueError):
        forecast.boxes[0] = 0


@pytest.mark.parametrize("horizon", [0, -1, 1001, 2.5, True, "30", None])
def test_a_horizon_is_a_number_of_frames(horizon):
    with pytest.raises(MambatrackError, match="horizon is .*expected"):
        tracker().forecast(horizon)


def moving(ids=(1,), step=4.0, spread=6.0, start=(100.0, 60, 140, 160)):
    boxes = np.array(start, np.float32) + step * np.arange(30)[:, None] * np.array([1, 0, 1, 0])
    boxes = np.repeat(boxes[None].astype(np.float32), len(ids), axis=0)
    width = spread * np.sqrt(np.arange(1, 31, dtype=np.float32))
    return Forecast(0, np.array(ids), boxes, np.repeat(width[None, :, None], 4, axis=2).repeat(
        len(ids), axis=0))  # fmt: skip


def picture(forecast, state=OBSERVED, ids=(1,)):
    image = np.full((360, 480, 3), 90, np.uint8)
    tracks = make_tracks(0, [(100, 60, 140, 160)], [state], ids=np.array(ids))
    return draw(image, tracks, legend=False, forecast=forecast)


def changed(forecast, state=OBSERVED):
    return (picture(forecast, state) != picture(None, state)).any(axis=2)


def test_the_cone_widens_along_the_way_and_is_see_through():
    cone = changed(moving())
    widths = cone[:, 130:230].sum(axis=0)
    assert widths[0] < widths[40] < widths[-1] and cone[164, 125:230].all()
    image = picture(moving())
    inside = image[165, 160].astype(int)
    toward = np.array(colour_of(1)) - 90
    share = (inside - 90)[toward != 0] / toward[toward != 0]
    assert (share > 0.1).all() and (share < 0.6).all()


def test_cones_of_lost_tracks_are_drawn_and_those_of_tentative_or_unknown_ones_not():
    assert changed(moving(), PREDICTED).any()
    long_lost = replace(make_tracks(0, [(100, 60, 140, 160)], [PREDICTED]), gap=np.array([11]))
    image = np.full((360, 480, 3), 90, np.uint8)
    drawn = draw(image, long_lost, legend=False, forecast=moving())
    assert (drawn == draw(image, long_lost, legend=False)).all()
    assert not changed(moving(), TENTATIVE).any()
    assert not changed(moving(ids=(7,))).any()


@pytest.mark.parametrize(
    "forecast",
    [
        moving(start=(-900.0, -900, -800, -700)),
        moving(start=(1e7 - 50, 0, 1e7, 10)),
        moving(step=-1e5, spread=1e6),
        moving(spread=0),
        Forecast(0, np.array([1]), np.full((1, 1, 4), 50, np.float32), np.ones((1, 1, 4))),
    ],
)
def test_any_forecast_can_be_drawn(forecast):
    drawn = picture(forecast)
    assert drawn.shape == (360, 480, 3) and drawn.dtype == np.uint8
    assert (drawn[60:161, 100:141] != 90).any()  # the track's box, whatever its forecast


def test_the_given_image_stays_as_it_was():
    image = np.full((360, 480, 3), 90, np.uint8)
    draw(image, make_tracks(0, [(100, 60, 140, 160)], [OBSERVED]), forecast=moving())
    assert (image == 90).all()
