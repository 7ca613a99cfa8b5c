"""The drawn frame: honest about what was seen, and safe for any box."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.outputs.drawing.colours import GREY, colour_of
from mambatrack.outputs.drawing.picture import Trails, draw
from test_outputs_text import OBSERVED, PREDICTED, TENTATIVE, make_tracks

BOX = (100, 60, 300, 260)


def blank(height=360, width=480):
    return np.full((height, width, 3), 90, np.uint8)


def left_edge(image, colour):
    """Rows of the left edge of BOX, below its label, that show the colour."""
    return (image[90:250, 100] == colour).all(axis=1)


def test_an_observed_box_is_solid_and_a_predicted_one_dashed():
    seen = left_edge(draw(blank(), make_tracks(0, [BOX], [OBSERVED])), colour_of(1))
    lost = left_edge(draw(blank(), make_tracks(0, [BOX], [PREDICTED])), colour_of(1))
    assert seen.all()
    assert 0.3 < lost.mean() < 0.7
    assert np.abs(np.diff(lost.astype(int))).sum() >= 8


def test_dashes_let_the_picture_through():
    image = draw(blank(), make_tracks(0, [BOX], [PREDICTED]))
    assert (image[90:250, 100] == 90).all(axis=1).any()


def test_a_lost_track_is_drawn_while_it_is_known_where_it_is():
    for spread, shown in ((150, True), (250, False)):
        wide = np.array([[spread, 10, 10, 10]], np.float32)
        image = draw(blank(), make_tracks(0, [BOX], [PREDICTED], spread=wide), legend=False)
        assert (image != 90).any() == shown


def test_a_tentative_box_is_thin_and_grey():
    image = draw(blank(), make_tracks(0, [BOX], [TENTATIVE]), legend=False)
    changed = (image != 90).any(axis=2)
    assert (image[changed] == GREY).all()
    assert changed[160, 90:110].sum() == 1


def test_labels_tell_seen_from_lost():
    images = [
        draw(blank(), make_tracks(0, [BOX], [s]), legend=False) for s in (OBSERVED, PREDICTED)
    ]
    plates = [image[47:59, 101:146] for image in images]
    assert (plates[0] == colour_of(1)).all(axis=2).mean() > 0.4
    assert (plates[1] == colour_of(1)).all(axis=2).mean() < 0.05


def test_the_score_and_class_and_gap_are_written():
    def picture(state=OBSERVED, **columns):
        return draw(blank(), make_tracks(0, [BOX], [state], **columns), names=["person"])

    base = picture()
    assert (base != picture(scores=np.array([0.5], np.float32))).any()
    assert (base != picture(labels=np.array([3]))).any()
    lost = picture(PREDICTED, gap=np.array([1]))
    assert (lost != picture(PREDICTED, gap=np.array([12]))).any()


@pytest.mark.filterwarnings("error")
def test_boxes_that_are_not_finite_are_left_out():
    wild = [[np.nan] * 4, [np.inf] * 4, [-np.inf, 10, np.inf, np.nan]]
    drawn = draw(blank(), make_tracks(0, [BOX, *wild]), legend=False)
    np.testing.assert_array_equal(drawn, draw(blank(), make_tracks(0, [BOX]), legend=False))


def test_the_input_is_altered_only_when_asked():
    image, tracks = blank(), make_tracks(0, [BOX])
    result = draw(image, tracks, fps=25.0)
    assert (image == 90).all() and (result != 90).any()
    assert draw(image, tracks, fps=25.0, in_place=True) is image
    np.testing.assert_array_equal(image, result)
    np.testing.assert_array_equal(tracks.boxes, [BOX])


def test_the_legend_shows_count_and_speed():
    one, two = (make_tracks(0, [(400, 300, 410, 310)] * n) for n in (1, 2))
    corner = [draw(blank(), tracks, fps=25.0)[:80, :150] for tracks in (one, two)]
    assert (corner[0] != corner[1]).any()
    assert (corner[0] != draw(blank(), one, fps=9.0)[:80, :150]).any()
    assert (draw(blank(), one, legend=False)[:80, :150] == 90).all()


coordinate = st.one_of(st.floats(width=32), st.floats(-1000, 1000, width=32))


@settings(max_examples=150, deadline=None)
@given(
    boxes=st.lists(st.tuples(*[coordinate] * 4), min_size=1, max_size=4),
    state=st.sampled_from([OBSERVED, PREDICTED, TENTATIVE]),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_box_on_any_image_is_safe(boxes, state, size):
    image = blank(*size)
    trails = Trails(4)
    for frame in range(3):
        tracks = make_tracks(frame, boxes, [state] * len(boxes))
        trails.update(tracks)
        assert draw(image, tracks, trails, fps=1.0).shape == image.shape
    assert (image == 90).all()


def test_boxes_outside_are_not_drawn():
    outside = [(-50, 10, -5, 40), (500, 10, 520, 40), (10, 400, 40, 420)]
    assert (draw(blank(), make_tracks(0, outside), legend=False) == 90).all()


def test_nothing_to_draw():
    assert (draw(blank(), make_tracks(0, ()), Trails(), legend=False) == 90).all()


def test_trails_follow_move_up_and_forget():
    trails = Trails(3)
    for frame in range(5):
        trails.update(make_tracks(frame, [(frame, 0, frame + 10, 20)], ids=np.array([7])))
    np.testing.assert_array_equal(trails.points[0], [[7, 20], [8, 20], [9, 20]])
    trails.update(make_tracks(5, [(0, 0, 4, 4), (5, 0, 15, 20)], ids=np.array([3, 7])))
    np.testing.assert_array_equal(trails.points[1, -1], [10, 20])
    assert np.isnan(trails.points[0, :2]).all()
    trails.update(make_tracks(6, ()))
    assert trails.points.shape == (0, 3, 2)
    trails.update(make_tracks(7, [(0, 0, 4, 4)], ids=np.array([7])))
    assert np.isnan(trails.points[0, :2]).all(), "an ended track's trail came back"


def trail_width(state):
    """Pixels that a level trail of a track in that state takes in one column."""
    trails = Trails(10)
    for frame in range(10):
        trails.update(make_tracks(frame, [(100 + 10 * frame, 20, 120 + 10 * frame, 200)], [state]))
    image = draw(blank(), make_tracks(10, ()), trails, legend=False)
    assert (image == 90).all(), "the trail of a track that is not in the frame"
    tracks = make_tracks(9, [(190, 20, 210, 150)], [state])
    column = draw(blank(), tracks, trails, legend=False)[170:230, 185]
    return int((column != 90).any(axis=1).sum())


def test_a_trail_is_thin_where_the_track_was_not_seen():
    assert 1 <= trail_width(PREDICTED) < trail_width(OBSERVED) <= 8


def test_lines_and_text_grow_with_the_image():
    counts = []
    for height in (360, 1440):
        scale = height // 360
        image = blank(height, 480 * scale)
        box = tuple(scale * value for value in BOX)
        drawn = draw(image, make_tracks(0, [box]), legend=False)
        counts.append((drawn[160 * scale, : 200 * scale] != 90).any(axis=1).sum())
    assert counts[1] > counts[0]
