"""Identities at lines and in zones: each is counted once, whatever hides it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.counting.counter import Counter
from mambatrack.counting.places import parse_places
from mambatrack.tracks import Tracks, TrackState

LINE, ZONE = ["door:100,0,100,200"], ["yard:100,50;200,50;200,150;100,150"]
HEIGHT, RATE = 40, 10


def frame_of(index, feet, ended=(), state=None):
    """Tracks of one frame; feet: (x, y) of the foot by id, None where nobody sees it."""
    ids = np.array(sorted(feet), np.int64)
    seen = np.array([feet[each] is not None for each in ids.tolist()], bool)
    places = [feet[each] or (0, 0) for each in ids.tolist()]
    boxes = np.array([(x - 10, y - HEIGHT, x + 10, y) for x, y in places], np.float32)
    count = len(ids)
    return Tracks(
        index, index / RATE, boxes.reshape(-1, 4), ids, np.ones(count, np.float32),
        np.zeros(count, np.int64),
        np.where(seen, TrackState.OBSERVED, TrackState.PREDICTED).astype(np.uint8),
        np.where(seen, 0, 1), np.zeros((count, 4), np.float32), np.arange(count),
        np.array(ended, np.int64),
    )  # fmt: skip


def run(paths, lines=(), zones=(), ended=None, frames=None, **options):
    """paths: for each id its feet, frame by frame -> (counter, events)"""
    counter = Counter(parse_places(lines, zones), ("person",), **options)
    frames = max(map(len, paths.values())) if frames is None else frames
    events = []
    for index in range(frames):
        feet = {each: path[index] for each, path in paths.items() if index < len(path)}
        gone = [each for each, path in paths.items() if index == len(path)]
        events += counter.update(frame_of(index, feet, gone))
    return counter, events + counter.finish()


def run_states(path, states, lines=(), zones=()):
    """One identity with the state of each frame -> (counter, events as told in each update)"""
    counter, told = Counter(parse_places(lines, zones), ("person",)), []
    for index, (foot, state) in enumerate(zip(path, states, strict=True)):
        tracks = frame_of(index, {1: foot})
        told.append(counter.update(replace(tracks, state=np.array([state], np.uint8))))
    return counter, told


def walk(x0, x1, steps, y=100):
    return [(float(x), float(y)) for x in np.linspace(x0, x1, steps)]


def kinds(events):
    return [(each.event, each.place, each.id, each.direction) for each in events]


def test_who_crosses_from_left_hand_to_right_hand_goes_in():
    """The line goes down the picture: its right hand is at smaller x."""
    _, events = run({1: walk(150, 50, 11), 2: walk(50, 150, 11)}, LINE)
    assert sorted(kinds(events)) == [("crossing", "door", 1, "in"), ("crossing", "door", 2, "out")]
    assert all(each.time_s == pytest.approx(0.5) and each.frame == 5 for each in events)


@pytest.mark.parametrize("hidden", [(4, 7), (3, 9), (5, 7)])
def test_who_is_hidden_at_the_line_is_counted_once(hidden):
    path = [
        None if hidden[0] <= i < hidden[1] else foot for i, foot in enumerate(walk(50, 150, 13))
    ]
    counter, events = run({1: path}, LINE)
    assert kinds(events) == [("crossing", "door", 1, "out")] and events[0].filled
    assert counter.counts == {("door", "crossing", "out", "person"): 1}


def test_who_is_seen_on_one_side_only_is_not_counted():
    _, events = run({1: [*walk(50, 90, 5), None, None, *walk(90, 50, 5)]}, LINE)
    assert events == []
    _, events = run({1: [*walk(50, 95, 5), None, None, None]}, LINE)
    assert events == []


def test_a_box_that_trembles_on_the_line_is_not_counted():
    path = [(100 + (-1) ** i * 1.5, 100.0) for i in range(40)]
    _, events = run({1: [*walk(50, 99, 5), *path, *walk(99, 50, 5)]}, LINE)
    assert events == []
    _, events = run({1: [*walk(50, 99, 5), *path, *walk(101, 150, 5)]}, LINE)
    assert kinds(events) == [("crossing", "door", 1, "out")]


def test_who_flickers_is_counted_once():
    path = [foot if i % 2 else None for i, foot in enumerate(walk(49, 151, 21))]
    _, events = run({1: path}, LINE)
    assert kinds(events) == [("crossing", "door", 1, "out")]


def test_who_goes_round_the_end_of_the_line_is_not_counted():
    _, events = run({1: walk(50, 150, 11, y=230)}, LINE)
    assert events == []


def test_there_and_back_are_two():
    counter, events = run({1: [*walk(50, 150, 11), *walk(150, 50, 11)]}, LINE)
    assert [each.direction for each in events] == ["out", "in"]


def test_a_zone_tells_how_long_somebody_was_in_it():
    counter, events = run({1: walk(50, 250, 41)}, zones=ZONE)
    assert [each.event for each in events] == ["enter", "leave"]
    assert events[1].dwell_s == pytest.approx(2.0, abs=0.01) and not counter.visitors("yard")


def test_who_begins_or_ends_in_a_zone_is_told_and_not_counted():
    counter, events = run({1: walk(150, 160, 5), 2: walk(50, 150, 6)}, zones=ZONE, frames=12)
    assert [(each.id, each.event, each.whole) for each in events] == [
        (1, "enter", False), (2, "enter", True), (1, "leave", False), (2, "leave", False),
    ]  # fmt: skip
    assert counter.counts == {("yard", "enter", "", "person"): 1}
    assert events[2].dwell_s == pytest.approx(0.4)


def test_identities_that_are_exchanged_back_are_not_counted():
    """Two people stand on either side; their ids change places, and back."""
    left, right = (60.0, 100.0), (140.0, 100.0)
    one = [left] * 5 + [right] * 5 + [left] * 5
    other = [right] * 5 + [left] * 5 + [right] * 5
    counter, events = run({1: one, 2: other}, LINE)
    assert [each.event for each in events] == ["exchange", "exchange"]
    assert (events[0].id, events[0].other, events[0].frame) == (1, 2, 5)
    assert not counter.counts


def test_fast_ones_without_overlap_are_still_counted():
    _, events = run({1: walk(0, 300, 4), 2: walk(300, 0, 4, y=30)}, LINE)
    assert sorted(each.direction for each in events) == ["in", "out"]


def test_the_anchor_is_the_foot_or_the_centre():
    line = ["bar:0,90,300,90"]
    path = {1: [(150.0, float(y)) for y in range(60, 100, 4)]}
    assert len(run(path, line)[1]) == 1 and not run(path, line, anchor="centre")[1]


@settings(max_examples=30, deadline=None)
@given(
    hidden=st.sets(st.integers(1, 38)),
    speeds=st.lists(st.sampled_from([-8.0, -4.0, 4.0, 8.0]), min_size=1, max_size=4),
)
def test_what_is_hidden_changes_no_count(hidden, speeds):
    """Crossings in and out differ by one at most, and by what the first and last side say; hiding
    frames changes that difference for no straight walk."""
    steps = np.repeat(speeds, 40 // len(speeds))
    x = 60 + np.cumsum(steps)
    path = [None if i in hidden and i < len(x) - 1 else (float(each), 100.0)
            for i, each in enumerate(x)]  # fmt: skip
    counter, _ = run({1: path}, LINE)
    out = counter.counts["door", "crossing", "out", "person"]
    back = counter.counts["door", "crossing", "in", "person"]
    first = x[0] >= 100
    clear = abs(x[-1] - 100) > 3
    if clear and abs(x[0] - 100) > 3:
        assert out - back == int(x[-1] > 100) - int(first)


def returned(counter, index, feet, pairs):
    tracks = frame_of(index, feet)
    return counter.update(replace(tracks, returned=np.array(pairs, np.int64).reshape(-1, 2)))


def test_who_is_known_again_is_one_person_at_each_place():
    counter = Counter(parse_places(LINE, ZONE), ("person",))
    for index, foot in enumerate(walk(50, 150, 11)):
        counter.update(frame_of(index, {1: foot}))
    counter.update(frame_of(11, {}, ended=[1]))
    for index, foot in enumerate(walk(150, 60, 10), 12):
        counter.update(frame_of(index, {2: foot}))
    assert counter.people == {"door": {1, 2}, "yard": {1, 2}}
    (event,) = returned(counter, 22, {1: (60.0, 100.0)}, [(2, 1)])
    assert (event.event, event.id, event.other, event.place) == ("return", 1, 2, "")
    assert counter.people == {"door": {1}, "yard": {1}}
    again = [
        each for index, foot in enumerate(walk(62, 150, 9), 23)
        for each in counter.update(frame_of(index, {1: foot}))
    ]  # fmt: skip
    assert {each.id for each in again} == {1} and counter.people == {"door": {1}, "yard": {1}}
    assert counter.counts["door", "crossing", "out", "person"] == 2


def test_who_is_known_again_while_hidden_leaves_the_zone_once():
    counter = Counter(parse_places([], ZONE), ("person",))
    for index in range(4):
        counter.update(frame_of(index, {1: (150.0, 100.0)}))
    for index in range(4, 8):
        counter.update(frame_of(index, {1: None, 2: (160.0, 100.0)}))
    events = returned(counter, 8, {1: (160.0, 100.0)}, [(2, 1)])
    assert [(each.event, each.id) for each in events] == [("leave", 1), ("return", 1)]
    assert [each.id for each in counter.visitors("yard")] == [1]


SEEN, DOUBTFUL = TrackState.OBSERVED, TrackState.TENTATIVE


def test_what_a_tentative_track_did_is_counted_once_it_is_confirmed():
    _, told = run_states(walk(150, 50, 11), [DOUBTFUL] * 8 + [SEEN] * 3, LINE)
    (event,) = told[8]
    assert (event.event, event.direction, event.frame, event.filled) == ("crossing", "in", 5, False)
    assert not any(told[:8] + told[9:])


def test_a_track_that_is_never_confirmed_is_nowhere():
    counter, told = run_states(walk(250, 50, 21), [DOUBTFUL] * 21, LINE, ZONE)
    assert not any(told) and not counter.visitors("yard") and not counter.finish()
    assert not counter.counts and not counter.people["yard"] and not counter.people["door"]
    assert not counter.dwell["yard"].count


def test_a_thing_is_not_in_the_zone_in_which_it_stands():
    """It is taken for a person until nothing about it has changed for a while."""
    stands = [(150.0, 100.0)] * 30
    counter, told = run_states(stands[:10], [SEEN] * 10, (), ZONE)
    assert counter.people["yard"] == {1} and len(counter.visitors("yard")) == 1
    counter, told = run_states(stands, [SEEN] * 10 + [DOUBTFUL] * 20, (), ZONE)
    assert kinds(told[0]) == [("enter", "yard", 1, None)] and not any(told[1:])
    assert not counter.people["yard"] and not counter.visitors("yard")
    (left,) = counter.finish()
    assert (left.event, left.whole, left.dwell_s) == ("leave", False, None)
    assert not counter.dwell["yard"].count and not counter.counts


def test_a_person_who_stood_like_a_thing_was_there_all_the_time():
    path = [(50.0, 100.0), *[(150.0, 100.0)] * 28, (250.0, 100.0)]
    states = [SEEN] * 5 + [DOUBTFUL] * 20 + [SEEN] * 5
    counter, told = run_states(path, states, (), ZONE)
    (left,) = told[-1]
    assert left.event == "leave" and left.whole and left.dwell_s == pytest.approx(2.8, abs=0.2)
    assert counter.people["yard"] == {1} and not any(told[2:-1])


def test_what_a_thing_seems_to_do_is_not_told_and_leaves_in_the_file_what_entered():
    path = [(150.0, 100.0)] * 5 + [(250.0, 100.0), (150.0, 100.0)] * 200
    counter, told = run_states(path, [SEEN] * 5 + [DOUBTFUL] * 400, (), ZONE)
    assert not any(told[1:]) and kinds(counter.finish()) == [("leave", "yard", 1, None)]
    path = [(50.0, 100.0)] * 5 + [(150.0, 100.0)] * 5
    counter, told = run_states(path, [SEEN] * 5 + [DOUBTFUL] * 5, (), ZONE)
    assert not any(told) and not counter.finish()
