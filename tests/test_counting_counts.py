"""What has been counted so far, as plain records."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.counting.counter import Counter
from mambatrack.counting.counts import Crossings, Visits, place_count
from mambatrack.counting.output import NEWEST, CountingOutput
from mambatrack.counting.places import parse_places
from mambatrack.sources.frames import Frame
from test_counting_counter import LINE, ZONE, frame_of, run, walk


def count(counter):
    line, zone = counter.places
    return place_count(counter, line), place_count(counter, zone, 4.0)


def test_a_line_tells_directions_and_what_was_added_later():
    hidden = [None if 4 <= i < 8 else foot for i, foot in enumerate(walk(50, 150, 13))]
    counter, _ = run({1: hidden, 2: walk(150, 50, 11)}, LINE, ZONE)
    line, _ = count(counter)
    assert line.total == Crossings(ins=1, outs=1) and line.corrected == 1
    assert line.people == 2
    assert line.classes == {"person": line.total}
    assert line.points == ((100, 0), (100, 200))


def test_a_zone_tells_who_is_inside_and_how_long_others_stayed():
    counter = Counter(parse_places(LINE, ZONE), ("person",))
    gone, there = walk(50, 250, 41), [*walk(50, 150, 21), *[(150.0, 100.0)] * 20]
    for index in range(41):
        counter.update(frame_of(index, {1: gone[index], 2: there[index]}))
    _, zone = count(counter)
    assert zone.total == Visits(inside=1, entered=2, left=1) and zone.people == 2
    assert zone.dwell_s == pytest.approx(2.0, abs=0.01)
    assert zone.longest_s == pytest.approx(4.0 - 1.0, abs=0.01)


def test_before_anything_happens_all_is_zero():
    line, zone = count(Counter(parse_places(LINE, ZONE)))
    assert line.total == Crossings() and not line.classes
    assert zone.total == Visits() and zone.dwell_s is None and zone.longest_s is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(0, 1)), min_size=2, max_size=30))
def test_whoever_is_in_the_zone_came_in_or_began_there(steps):
    """In a straight line from place to place, as one of two classes."""
    counter = Counter(parse_places((), ZONE), ("person", "dog"))
    began = 0
    for index, (x, label) in enumerate(steps):
        tracks = frame_of(index, {1: (float(x), 100.0)})
        events = counter.update(replace(tracks, labels=np.array([label])))
        began += sum(each.event == "enter" and not each.whole for each in events)
        zone = place_count(counter, counter.places[0])
        assert zone.total.inside == zone.total.entered + began - zone.total.left
        assert zone.total.inside == sum(each.inside for each in zone.classes.values())


def test_the_newest_events_are_remembered_with_their_number():
    output = CountingOutput(Counter(parse_places(LINE, ())), None)
    picture = np.zeros((1, 1, 3), np.uint8)
    for index in range(4 * NEWEST):
        x = 50.0 if index % 2 else 150.0
        output.write(Frame(index, index / 10, picture), frame_of(index, {1: (x, 100.0)}))
    counts = output.counts()
    assert len(counts.events) == NEWEST and counts.number == 4 * NEWEST - 1
    assert counts.events[-1].direction == "in"
