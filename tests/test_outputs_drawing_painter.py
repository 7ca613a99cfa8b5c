"""The drawn frame: honest about what was seen, and safe for any box."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from few_tracks import OBSERVED, PREDICTED, TENTATIVE, make_tracks
from mambatrack.outputs.drawing.colours import GREY, colour_of
from mambatrack.outputs.drawing.painter import Painter, draw
from mambatrack.settings import LAYERS, DrawingConfig

BOX = (100, 60, 300, 260)
BOXES = DrawingConfig(layers=("boxes", "lost"))
PLAIN = DrawingConfig(layers=("boxes", "ids", "labels", "scores", "lost"))


def blank(height=360, width=480):
    return np.full((height, width, 3), 90, np.uint8)


def drawn(tracks, config=BOXES, image=None, **options):
    return draw(blank() if image is None else image, tracks, config=config, **options)


def left_edge(image, colour):
    """Rows of the left edge of BOX that are nearer to the colour than to the grey picture."""
    edge = image[70:250, 100].astype(int)
    return np.abs(edge - colour).sum(axis=1) < np.abs(edge - 90).sum(axis=1)


def test_an_observed_box_is_solid_and_a_hidden_one_dashed():
    seen = left_edge(drawn(make_tracks(0, [BOX], [OBSERVED])), colour_of(1))
    lost = left_edge(drawn(make_tracks(0, [BOX], [PREDICTED], gap=np.array([1]))), colour_of(1))
    assert seen.all()
    assert 0.3 < lost.mean() < 0.7
    assert np.abs(np.diff(lost.astype(int))).sum() >= 8


def test_dashes_let_the_picture_through_the_more_the_longer_it_is_hidden():
    images = [
        drawn(make_tracks(0, [BOX], [PREDICTED], gap=np.array([gap]))).astype(int)
        for gap in (1, 12, 23)
    ]
    assert (images[0][70:250, 100] == 90).all(axis=1).any()
    marks = [np.abs(image - 90).sum() for image in images]
    assert marks[0] > 1.3 * marks[1] > 1.5 * marks[2] > 0


def test_a_tentative_box_is_thin_and_grey():
    changed = drawn(make_tracks(0, [BOX], [TENTATIVE]), PLAIN)
    marked = (changed != 90).any(axis=2)
    assert (changed[marked] == GREY).all()
    assert marked[160, 90:110].sum() == 1


def test_labels_tell_seen_from_hidden():
    plates = [
        drawn(make_tracks(0, [BOX], [state], gap=np.array([1])), PLAIN)[48:58, 102:112]
        for state in (OBSERVED, PREDICTED)
    ]
    assert (plates[0] == colour_of(1)).all(axis=2).mean() > 0.3
    assert (plates[1] == colour_of(1)).all(axis=2).mean() < 0.05
    assert plates[1].mean() < 60


def test_the_score_and_class_are_written():
    def picture(**columns):
        return drawn(make_tracks(0, [BOX], **columns), PLAIN, names=["person", "car"])

    base = picture()
    assert (base != picture(scores=np.array([0.5], np.float32))).any()
    assert (base != picture(labels=np.array([1]))).any()


@pytest.mark.filterwarnings("error")
def test_boxes_that_are_not_finite_are_left_out():
    wild = [[np.nan] * 4, [np.inf] * 4, [-np.inf, 10, np.inf, np.nan]]
    picture = drawn(make_tracks(0, [BOX, *wild]), PLAIN)
    np.testing.assert_array_equal(picture, drawn(make_tracks(0, [BOX]), PLAIN))


def test_the_input_is_altered_only_when_asked():
    image, tracks = blank(), make_tracks(0, [BOX])
    result = draw(image, tracks)
    assert (image == 90).all() and (result != 90).any()
    assert draw(image, tracks, in_place=True) is image
    np.testing.assert_array_equal(image, result)
    np.testing.assert_array_equal(tracks.boxes, [BOX])


def test_a_part_of_a_picture_can_be_drawn_into():
    whole, tracks = (
        blank(400, 600),
        make_tracks(0, [BOX, (320, 60, 400, 260)], [OBSERVED, PREDICTED]),
    )
    painters = [Painter(names=("person",)) for _ in range(2)]
    for step in range(20):
        moved = replace(tracks, boxes=tracks.boxes + 4 * np.float32(step))
        part, alone = whole[20:380, 60:540], blank()
        part[:] = 90
        painters[0].draw(part, moved, in_place=True)
        np.testing.assert_array_equal(part, painters[1].draw(alone, moved))
    outside = np.ones(whole.shape[:2], bool)
    outside[20:380, 60:540] = False
    assert (whole[outside] == 90).all()


def test_the_legend_counts_what_is_drawn():
    legend = DrawingConfig(layers=("legend", "lost"))
    far, near = (400, 300, 410, 310), (420, 300, 430, 310)
    corners = [
        drawn(make_tracks(0, boxes, states), legend)[:40, :150]
        for boxes, states in (
            ([far], [OBSERVED]),
            ([far, near], [OBSERVED, OBSERVED]),
            ([far, near], [OBSERVED, PREDICTED]),
            ([far, (900, 300, 910, 310)], [OBSERVED, OBSERVED]),
        )
    ]
    assert (corners[0] != corners[1]).any() and (corners[1] != corners[2]).any()
    assert (corners[0] == corners[3]).all(), "what is outside the picture counts"


def test_layers_are_drawn_one_by_one():
    states, boxes = [OBSERVED, PREDICTED], [BOX, (330, 60, 400, 260)]
    tracks = make_tracks(0, boxes, states)
    assert (drawn(tracks, DrawingConfig(layers=())) == 90).all()
    marks = {
        layer: drawn(tracks, DrawingConfig(layers=(layer,)), names=["person"]) != 90
        for layer in LAYERS
    }
    shows = {layer: bool(mark.any()) for layer, mark in marks.items()}
    assert shows == {
        "boxes": True, "ids": True, "labels": True, "scores": True, "legend": True,
        "trails": False, "lost": False, "forecast": False, "zones": False,
    }  # fmt: skip
    assert not marks["boxes"][:, 320:410].any(), "a hidden box without the layer lost"


def test_thousands_of_tracks_can_be_drawn():
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 400, (3000, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (3000, 2))], axis=1)
    states = np.where(rng.random(3000) < 0.7, OBSERVED, PREDICTED)
    tracks = make_tracks(0, boxes, states)
    assert (draw(blank(), tracks, names=("person",)) != 90).any()


coordinate = st.one_of(st.floats(width=32), st.floats(-1000, 1000, width=32))


@pytest.mark.filterwarnings("error")
@settings(max_examples=50, deadline=None)
@given(
    boxes=st.lists(st.tuples(*[coordinate] * 4), min_size=1, max_size=4),
    states=st.lists(st.sampled_from([OBSERVED, PREDICTED, TENTATIVE]), min_size=3, max_size=3),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
)
def test_any_box_on_any_image_is_safe(boxes, states, size):
    image, painter = blank(*size), Painter(DrawingConfig(layers=LAYERS), names=("a", "b"))
    for frame, state in enumerate(states):
        tracks = make_tracks(frame, boxes, [state] * len(boxes))
        assert painter.draw(image, tracks).shape == image.shape
    assert (image == 90).all()


def test_boxes_outside_are_not_drawn():
    outside = [(-50, 10, -5, 40), (500, 10, 520, 40), (10, 400, 40, 420)]
    assert (drawn(make_tracks(0, outside), PLAIN) == 90).all()


def test_nothing_to_draw():
    assert (drawn(make_tracks(0, ()), PLAIN) == 90).all()


def test_lines_and_text_grow_with_the_image():
    counts = []
    for height in (360, 1440):
        scale = height // 360
        tracks = make_tracks(0, [tuple(scale * value for value in BOX)])
        picture = drawn(tracks, PLAIN, blank(height, 480 * scale))
        beside = (picture[160 * scale, : 200 * scale] != 90).any(axis=1).sum()
        above = (picture[: 59 * scale, 110 * scale] != 90).any(axis=1).sum()
        counts.append((beside, above))
    assert counts[1][0] > counts[0][0] and counts[1][1] > counts[0][1]


def test_a_small_box_is_not_filled_by_its_lines():
    image = blank(2160, 3840)
    picture = drawn(make_tracks(0, [(1000, 1000, 1020, 1040)]), image=image)
    assert (picture[1005:1035, 1005:1015] == 90).all()
