"""Labels keep off each other and off heads while there is room, and inside the picture."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.boxes import intersection
from mambatrack.outputs.drawing.labels import Label, LabelLayout
from mambatrack.outputs.drawing.rules import HEAD

SIZE, HIGH, WIDE, SHORT = (1280, 720), 20, 90, 30
NOTHING = np.zeros((0, 4))


def placed(boxes, layout=None, taken=NOTHING, size=SIZE):
    """[L, 4] places of the labels of all boxes, and their texts."""
    boxes = np.array(boxes)
    labels = [Label(row, row, ("full", "id"), (WIDE, SHORT)) for row in range(len(boxes))]
    done = (layout or LabelLayout()).place(labels, boxes, HIGH, size, taken)
    corners = np.array([corner for corner, _ in done], float)
    texts = [text for _, text in done]
    widths = np.array([WIDE if text == "full" else SHORT for text in texts])
    ends = corners + np.stack([widths, np.full(len(done), HIGH)], axis=1)
    return np.concatenate([corners, ends], axis=1), texts


def heads(boxes):
    tops = np.array(boxes, float)
    tops[:, 3] = tops[:, 1] + HEAD * (tops[:, 3] - tops[:, 1])
    return tops


def covered(places):
    """How much of the labels' area lies on other labels."""
    shared = intersection(places, places)
    return float((shared - np.diag(np.diag(shared))).sum())


def test_a_label_is_above_its_box_where_nothing_is_in_the_way():
    places, texts = placed([(100, 200, 160, 380)])
    assert places[0].tolist() == [100, 180, 190, 200] and texts == ["full"]


def test_a_label_leaves_the_head_of_who_stands_behind_free():
    boxes = [(100, 200, 160, 380), (100, 140, 160, 320)]
    places, _ = placed(boxes)
    assert intersection(places, heads(boxes)).sum() == 0
    assert covered(places) == 0


def test_at_the_upper_edge_it_goes_below_or_beside_and_not_on_the_head():
    boxes = [(100, 0, 160, 180)]
    places, _ = placed(boxes)
    assert intersection(places, heads(boxes)).sum() == 0


def test_neighbours_labels_do_not_cover_each_other():
    boxes = [(100 + 50 * each, 200, 145 + 50 * each, 380) for each in range(8)]
    places, _ = placed(boxes)
    assert covered(places) == 0


def test_the_id_alone_goes_where_the_full_text_has_no_room():
    boxes = [(40 * each, 60 * row, 40 * each + 38, 60 * row + 58)
             for row in range(6) for each in range(8)]  # fmt: skip
    places, texts = placed(boxes, size=(320, 360))
    assert "id" in texts
    assert covered(places) < 0.02 * len(boxes) * HIGH * SHORT


def test_what_is_taken_is_left_free():
    taken = np.array([[90.0, 170, 400, 200]])
    places, _ = placed([(100, 200, 160, 380)], taken=taken)
    assert intersection(places, taken).sum() == 0


def test_a_label_does_not_hop_from_side_to_side():
    rng, layout, sides = np.random.default_rng(0), LabelLayout(), set()
    for _ in range(40):
        jitter = rng.integers(-3, 4, (2, 4))
        boxes = np.array([(100, 200, 160, 380), (175, 200, 235, 380)]) + jitter
        places, _ = placed(boxes, layout)
        sides.add(bool(places[1, 1] < boxes[1, 1] - HIGH / 2))
    assert len(sides) == 1


box = st.tuples(st.integers(0, 1200), st.integers(0, 700), st.integers(1, 400), st.integers(1, 400))


@settings(max_examples=60, deadline=None)
@given(st.lists(box, min_size=1, max_size=25))
def test_labels_are_inside_the_picture(given_boxes):
    boxes = [(x, y, min(x + w, 1279), min(y + h, 719)) for x, y, w, h in given_boxes]
    places, _ = placed(boxes)
    assert (places[:, :2] >= 0).all() and (places[:, 2:] <= SIZE).all()
