import dataclasses

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.motion.forecast import forecast as patched
from mambatrack.simulation.world import simulate

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
    wanted = plain.state.hypotheses.table.columns()
    for name, column in asked.state.hypotheses.table.columns().items():
        np.testing.assert_array_equal(column, wanted[name])


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
    with pytest.raises(ValueError, match="read-only"):
        forecast.boxes[0] = 0


@pytest.mark.parametrize("horizon", [0, -1, 1001, 2.5, True, "30", None])
def test_a_horizon_is_a_number_of_frames(horizon):
    with pytest.raises(MambatrackError, match="horizon is .*expected"):
        tracker().forecast(horizon)
