"""Forecasts in the picture: cones from the feet."""

import numpy as np
import pytest

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, make_tracks
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.colours import colour_of
from mambatrack.outputs.drawing.cones import cone, feet_ahead
from mambatrack.outputs.drawing.painter import draw
from mambatrack.settings import DrawingConfig

BOX = (100, 60, 140, 160)
BOXES = DrawingConfig(layers=("boxes", "lost"))


def moving(ids=(1,), step=4.0, spread=6.0, start=(104.0, 60, 144, 160)):
    """The box goes to the right, and is ever less sure."""
    boxes = np.array(start, np.float32) + step * np.arange(30)[:, None] * np.array([1, 0, 1, 0])
    boxes = np.repeat(boxes[None].astype(np.float32), len(ids), axis=0)
    width = spread * np.sqrt(np.arange(1, 31, dtype=np.float32))
    return Forecast(0, np.array(ids), boxes, np.repeat(width[None, :, None], 4, axis=2).repeat(
        len(ids), axis=0))  # fmt: skip


def picture(forecast, state=OBSERVED, gap=1):
    image = np.full((360, 480, 3), 90, np.uint8)
    gaps = np.array([gap if state == PREDICTED else 0])
    tracks = make_tracks(0, [BOX], [state], gap=gaps)
    return draw(image, tracks, config=BOXES, forecast=forecast)


def changed(forecast, state=OBSERVED, gap=1):
    return (picture(forecast, state, gap) != picture(None, state, gap)).any(axis=2)


def test_the_cone_starts_at_the_feet_and_widens_along_the_way():
    marked = changed(moving())
    assert marked[164, 150:230].all()
    widths = marked[163:, 122:230].sum(axis=0)
    assert widths[0] < 4 < widths[30] < widths[60] < widths[-1]
    assert not marked[:, :115].any(), "a cone behind the person"


def test_it_is_see_through_and_fades():
    image = picture(moving()).astype(int)
    toward = np.array(colour_of(1)) - 90
    shares = [((image[168, x] - 90)[toward != 0] / toward[toward != 0]).mean() for x in (170, 215)]
    assert 0.6 > shares[0] > shares[1] > 0.05


def test_the_cone_of_a_turning_path_does_not_narrow():
    forecast = moving(ids=(1,))
    forecast.boxes[0, 15:, 1::2] += 3 * np.arange(15, dtype=np.float32)[:, None]
    forecast.spread[0, 10] = 0.0
    path, radii = feet_ahead(forecast, 0, np.array(BOX, np.float32))
    assert (np.diff(radii) >= 0).all() and radii[0] == 0
    np.testing.assert_array_equal(path[0], [120, 160])
    sides = cone(path, radii)
    assert (np.diff(np.linalg.norm(sides[0] - sides[1], axis=1)) > -1e-6).all()


def test_who_stays_has_no_cone():
    assert not changed(moving(step=0.3)).any()


def test_cones_of_hidden_tracks_are_fainter_and_those_of_others_not_drawn():
    seen, hidden = (
        np.abs(picture(moving(), state).astype(int) - picture(None, state)).sum()
        for state in (OBSERVED, PREDICTED)
    )
    assert 0 < hidden < seen
    assert not changed(moving(), PREDICTED, gap=11).any(), "lost for long"
    assert not changed(moving(), TENTATIVE).any()
    assert not changed(moving(ids=(7,))).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "forecast",
    [
        moving(start=(-900.0, -900, -800, -700)),
        moving(start=(1e7 - 50, 0, 1e7, 10)),
        moving(step=-1e5, spread=1e6),
        moving(spread=0),
        moving(spread=np.nan),
        moving(step=np.nan),
        Forecast(0, np.array([1]), np.full((1, 1, 4), 50, np.float32), np.ones((1, 1, 4))),
    ],
)
def test_any_forecast_can_be_drawn(forecast):
    drawn = picture(forecast)
    assert drawn.shape == (360, 480, 3) and drawn.dtype == np.uint8
    assert (drawn[60:161, 100:141] != 90).any()  # the track's box, whatever its forecast
