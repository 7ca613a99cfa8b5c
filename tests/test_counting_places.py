"""Lines and zones as text, and where points are of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.counting.counter import Counter
from mambatrack.counting.places import Line, Zone, outside, parse_line, parse_places, parse_zone
from mambatrack.errors import MambatrackError


def test_a_line_is_read():
    assert parse_line("door: 0, 10.5, -3,1e2") == Line("door", (0, 10.5), (-3, 100))


def test_a_zone_is_read_open_or_closed():
    corners = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0))
    assert parse_zone("a:0,0;9,0;9,9") == parse_zone("a:0,0;9,0;9,9;0,0") == Zone("a", corners)


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_line, "0,0,9,9", "expected a name"),
        (parse_line, ":0,0,9,9", "expected a name"),
        (parse_line, "a:0,0,9", "expected x and y"),
        (parse_line, "a:0,0,9,nan", "expected x and y"),
        (parse_line, "a:0,0,9,inf", "expected x and y"),
        (parse_line, "a:0,0,9,1e9", "expected x and y"),
        (parse_line, "a:0,0,9,x", "expected numbers"),
        (parse_line, "a:", "expected numbers"),
        (parse_line, "a:1,2,1,2", "its two points are one"),
        (parse_line, "a:1,2,3,4,5,6", "expected two points"),
        (parse_zone, "a:0,0;9,9", "three corners"),
        (parse_zone, "a:0,0;9,9;0,0", "three corners"),
        (parse_zone, "a:0,0;5,5;9,9", "its edges cross"),
        (parse_zone, "a:0,0;9,9;9,0;0,9", "its edges cross"),
        (parse_zone, "a:0,0;9,0;4,0;4,9", "its edges cross"),
        (parse_zone, "a:0,0;9,0;9,9;5,0;0,9", "its edges cross"),
    ],
)
def test_what_is_no_place_is_refused(parse, text, message):
    with pytest.raises(MambatrackError, match=message):
        parse(text)


def test_a_name_belongs_to_one_place():
    with pytest.raises(MambatrackError, match="named 'a'"):
        parse_places(["a:0,0,9,9"], ["a:0,0;9,0;9,9"])


def test_a_zone_that_is_not_convex_has_a_bay():
    zone = parse_zone("u:0,0;30,0;30,30;20,30;20,10;10,10;10,30;0,30")
    inside = zone.offsets(np.array([(5.0, 20.0), (15.0, 20.0), (15.0, 5.0), (25.0, 29.0)])) >= 0
    assert inside.tolist() == [True, False, True, True]


@given(st.floats(-50, 50), st.floats(-50, 50), st.booleans())
def test_offsets_of_a_square_are_distances_with_a_sign(x, y, reverse):
    corners = [(0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (0.0, 20.0)]
    zone = Zone("z", tuple(corners[::-1] if reverse else corners))
    (offset,) = zone.offsets(np.array([(x, y)]))
    outside = np.hypot(max(-x, 0, x - 20), max(-y, 0, y - 20))
    if outside > 1e-9:
        assert offset == pytest.approx(-outside)
    elif min(x, y, 20 - x, 20 - y) > 1e-9:
        assert offset == pytest.approx(min(x, y, 20 - x, 20 - y))


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_a_line_has_a_right_and_a_left_hand(x, y):
    line = Line("l", (0, 0), (100, 0))
    assert line.offsets(np.array([(x, y)]))[0] == pytest.approx(y)
    assert Line("l", (100, 0), (0, 0)).offsets(np.array([(x, y)]))[0] == pytest.approx(-y)


@pytest.mark.parametrize(
    ("line", "is_outside"),
    [
        ("a:0,0,640,480", False), ("a:-50,100,20,100", False), ("a:-50,100,-1,100", True),
        ("a:641,0,900,480", True), ("a:0,481,640,481", True), ("a:0,-9,640,-1", True),
    ],
)  # fmt: skip
def test_a_place_beside_the_picture_is_found(line, is_outside):
    places = [parse_line(line)]
    assert outside(places, (640, 480)) == places * is_outside


@pytest.mark.parametrize("place", ["a:0.1,0.5,0.9,0.5", "a:0,0;0.5,0;0.5,1"])
def test_shares_of_the_picture_are_no_pixels(place):
    lines, zones = ([], [place]) if ";" in place else ([place], [])
    with pytest.raises(MambatrackError, match="look like shares of the picture"):
        parse_places(lines, zones)


def test_a_text_is_one_line_or_zone():
    line, zone = parse_places("door:0,0,9,9", "yard:0,0;9,0;9,9")
    assert line.name == "door" and zone.name == "yard"


@pytest.mark.parametrize("places", ["door:0,0,9,9", ["door:0,0,9,9"], [(0, 0, 9, 9)]])
def test_places_of_a_counter_are_lines_and_zones(places):
    with pytest.raises(MambatrackError, match="expected lines and zones, as parse_places"):
        Counter(places)
    with pytest.raises(MambatrackError, match="did you mean 'centre'"):
        Counter([], anchor="center")
