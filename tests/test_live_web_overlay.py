"""What the page draws, by the rules of files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.live.web.overlay import TRAIL_POINTS, Overlay, hex_of
from mambatrack.live.web.track_log import dumps
from mambatrack.motion.forecast import Forecast
from mambatrack.outputs.drawing.colours import rgb_of
from mambatrack.outputs.drawing.rules import LabelKind, Rules
from mambatrack.outputs.drawing.trails import Trails
from mambatrack.settings import DrawingConfig
from mambatrack.tracks import TrackState
from test_counting_counter import frame_of, walk

SIZE = (320, 200)
NAMES = ("person",)


def followed(*paths, config=None, frames=None):
    """An overlay that has taken the paths of the ids 1, 2, ..., and its last tracks."""
    overlay = Overlay(config)
    for index in range(frames or len(paths[0])):
        feet = {each: path[index] for each, path in enumerate(paths, 1) if index < len(path)}
        overlay.update(frame_of(index, feet), SIZE, NAMES)
    return overlay


def test_it_is_what_files_show():
    overlay = followed(walk(50, 150, 11), [*walk(150, 190, 8), None, None, None])
    rules, trails = Rules(DrawingConfig(), None, NAMES), Trails(DrawingConfig().trail_s)
    paths = walk(50, 150, 11), [*walk(150, 190, 8), None, None, None]
    for index in range(11):
        tracks = frame_of(index, {1: paths[0][index], 2: paths[1][index]})
        shown = rules.update(tracks, SIZE)
        trails.update(tracks, shown)
    told = overlay.of_tracks()
    assert [each["opacity"] for each in told] == pytest.approx(shown.opacity.tolist(), abs=0.01)
    assert [each["kind"] for each in told] == shown.labels.tolist()
    assert told[0]["name"] == "person" and told[0]["colours"][0] == hex_of(1)
    [trail] = [each for each in overlay.of_frame(None)["trails"] if each["id"] == 1]
    points, _, _ = trails.lines(0)
    assert trail["points"][0][:2] == pytest.approx(points[0].tolist(), abs=0.1)
    assert trail["points"][-1] == [*points[-1].round(2).tolist(), 1.0, 1.0]


def test_a_hidden_track_is_told_even_where_files_leave_it_out():
    """Its watcher may want it: the page has a switch for it."""
    config = DrawingConfig(layers=("boxes",))
    overlay = followed([*walk(50, 80, 10), (81.0, 100.0)], walk(100, 200, 11), config=config)
    tracks = frame_of(11, {1: None, 2: (210.0, 100.0)})
    tracks.boxes[0] = 72, 60, 92, 100
    overlay.update(tracks, SIZE, NAMES)
    hidden, seen = overlay.of_tracks()
    assert 0 < hidden["opacity"] < seen["opacity"] == 1.0
    assert hidden["kind"] == LabelKind.ID


def test_trails_fade_with_their_track_and_are_short():
    overlay = Overlay(DrawingConfig(trail_s=5.0))
    for index, foot in enumerate(walk(10, 300, 50)):
        overlay.update(frame_of(index, {1: foot}), SIZE, NAMES)
    [trail] = overlay.of_frame(None)["trails"]
    shares = [share for _, _, share, _ in trail["points"]]
    assert len(shares) == TRAIL_POINTS and shares == sorted(shares) and trail["opacity"] == 1
    opacities = []
    for index in range(50, 57):
        overlay.update(frame_of(index, {}), SIZE, NAMES)
        opacities += [each["opacity"] for each in overlay.of_frame(None)["trails"]]
    assert opacities == sorted(opacities, reverse=True) and 0 < len(opacities) < 7


def test_a_cone_begins_at_the_feet():
    overlay = followed(walk(50, 150, 11))
    steps = np.array([9, 0, 9, 0], np.float32) * np.arange(1, 6)[:, None]
    boxes = overlay.tracks.boxes[:, None] + steps
    ahead = Forecast(10, np.array([1]), boxes, np.full((1, 5, 4), 3, np.float32))
    [cone] = overlay.of_frame(ahead)["cones"]
    assert cone["path"][0] == [150, 100] and cone["path"][-1] == [195, 100]
    left, right = np.array(cone["sides"])
    width = np.linalg.norm(left - right, axis=1)
    assert width[0] < 0.5 and width[-1] > 5 and (np.diff(width) >= -0.11).all()


NUMBERS = st.floats(-1e9, 1e9) | st.sampled_from([np.nan, np.inf, -np.inf])
ROWS = st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.sampled_from(TrackState))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, max_size=4))
def test_whatever_the_tracks_hold_is_valid_json(rows):
    overlay = Overlay()
    for index in range(3):
        tracks = frame_of(index, dict.fromkeys(range(len(rows)), (50.0, 100.0)))
        for row, (*box, state) in enumerate(rows):
            tracks.boxes[row], tracks.state[row], tracks.spread[row] = box, state, box
        overlay.update(tracks, SIZE, NAMES)
        ahead = Forecast(index, tracks.ids, tracks.boxes[:, None] + 30, tracks.spread[:, None])
        dumps({"tracks": overlay.of_tracks(), **overlay.of_frame(ahead)})
        assert len(overlay.of_tracks()) == len(rows)


@given(st.integers(0, 2**53))
def test_colours_are_those_of_files(identity):
    assert hex_of(identity) == "#{:02x}{:02x}{:02x}".format(*rgb_of(identity))


@pytest.mark.parametrize(("names", "told"), [(("object",), ""), (("person",), "person")])
def test_a_class_without_a_name_is_not_told(names, told):
    overlay = Overlay()
    overlay.update(frame_of(0, {1: (50.0, 100.0)}), SIZE, names)
    assert [each["name"] for each in overlay.of_tracks()] == [told]
