"""After a crossing: who looks like the other one gets the other one's id."""

import numpy as np
import pytest

from mambatrack import Tracker
from mambatrack.appearance.calibration import Calibration, Similarities
from mambatrack.appearance.doubts import FEWEST, MOST, PLACES, Doubts
from mambatrack.appearance.looks import Looks, looks_size
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.detections import as_detections
from mambatrack.embedders.colour import colour_embedder
from mambatrack.track_table import TrackTable
from painted import BLUE, RED, SIZE, ids_of, meeting

CLEAR = Calibration(Similarities(500, 0.9, 0.01), Similarities(500, 0.1, 0.01))
UNIFORM = Calibration(Similarities(500, 0.9, 0.01), Similarities(500, 0.9, 0.01))
OVER = np.array([[0, 0, 40, 100], [10, 0, 50, 100], [300, 0, 340, 100]], np.float32)
APART = OVER + np.array([[-60, 0, -60, 0], [60, 0, 60, 0], [0, 0, 0, 0]], np.float32)
LOOKS = np.eye(3, 4, dtype=np.float32)  # of the three tracks


def table_of(boxes=OVER):
    """Three tracks that look like LOOKS, and their boxes cxcywh."""
    table = TrackTable(1, 1, looks_size=looks_size(4))
    found, placed = as_detections(boxes), xyxy_to_cxcywh(boxes)
    table.start(placed, np.arange(3, dtype=np.float32)[:, None], found, np.arange(3))
    for _ in range(5):
        Looks(table).note(np.arange(3), LOOKS)
    return table, placed


def seen(doubts, who, as_who, calibration=CLEAR, times=1):
    """Tracks ``who`` look like ``as_who`` so many times."""
    for _ in range(times):
        rows = np.array(who)
        rows, vectors = rows[doubts.open[rows]], LOOKS[as_who][doubts.open[rows]]
        doubts.weigh(rows, vectors, calibration)
        doubts.settle()


def doubts_of(table, placed):
    doubts = Doubts(Looks(table))
    doubts.begin(placed)
    return doubts


def test_whoever_overlaps_is_in_doubt():
    table, placed = table_of()
    assert doubts_of(table, placed).open.tolist() == [True, True, False]
    table, placed = table_of(APART)
    assert not doubts_of(table, placed).open.any()


def test_who_is_hardly_known_is_in_no_doubt():
    table, placed = table_of()
    Looks(table).counts[1] = 1
    assert not doubts_of(table, placed).open.any()


def test_two_that_look_like_each_other_exchange_their_places():
    table, placed = table_of()
    doubts = doubts_of(table, placed)
    before = {name: table[name].copy() for name in table.columns()}
    seen(doubts, [0, 1], [1, 0], times=FEWEST)
    doubts.exchange()
    for name in set(before) - {"looks"}:
        order = [1, 0, 2] if name in PLACES else [0, 1, 2]
        assert np.array_equal(table[name], before[name][order]), name
    assert np.array_equal(Looks(table).means, LOOKS) and not doubts.open.any()


@pytest.mark.parametrize("who", [[0], [1]])
def test_one_of_them_may_be_enough(who):
    table, placed = table_of()
    doubts = doubts_of(table, placed)
    seen(doubts, who, [1 - who[0]], times=FEWEST)
    doubts.exchange()
    assert table["motion"][:, 0].tolist() == [1, 0, 2]


def test_one_look_is_not_enough():
    table, placed = table_of()
    doubts = doubts_of(table, placed)
    seen(doubts, [0, 1], [1, 0])
    doubts.exchange()
    assert doubts.open[:2].all() and table["motion"][:, 0].tolist() == [0, 1, 2]


def test_two_that_look_like_themselves_are_in_doubt_no_more():
    table, placed = table_of()
    doubts = doubts_of(table, placed)
    seen(doubts, [0, 1], [0, 1], times=2)
    doubts.exchange()
    assert not doubts.open.any() and table["motion"][:, 0].tolist() == [0, 1, 2]


def test_in_uniforms_nobody_exchanges():
    table, placed = table_of()
    doubts = doubts_of(table, placed)
    seen(doubts, [0, 1], [1, 0], UNIFORM, times=MOST)
    doubts.exchange()
    assert not doubts.open.any() and table["motion"][:, 0].tolist() == [0, 1, 2]


def suspected(boxes, who, as_who, calibration=CLEAR):
    """The rivals of all tracks once ``who`` look like ``as_who``, and the table."""
    table, placed = table_of(boxes)
    Doubts(Looks(table)).suspect(np.array(who), LOOKS[as_who], placed, calibration)
    return Looks(table).rivals.tolist(), table


def test_whoever_looks_like_one_nearby_is_in_doubt_without_a_crossing():
    rivals, table = suspected(APART, [0, 1], [1, 0])
    assert rivals == [2, 1, 0]
    seen(Doubts(Looks(table)), [0, 1], [1, 0], times=FEWEST)
    Doubts(Looks(table)).exchange()
    assert table["motion"][:, 0].tolist() == [1, 0, 2]
    assert suspected(APART, [0, 1], [0, 1])[0] == [0, 0, 0]


def test_who_is_far_away_hardly_known_or_in_doubt_already_is_not_suspected():
    far = APART + np.array([[0, 0, 0, 0], [900, 0, 900, 0], [0, 500, 0, 500]], np.float32)
    assert suspected(far, [0], [1])[0] == [0, 0, 0]
    table, placed = table_of(APART)
    Looks(table).counts[1] = 1
    Doubts(Looks(table)).suspect(np.array([0]), LOOKS[[1]], placed, CLEAR)
    assert not Looks(table).rivals.any()
    Looks(table).counts[1] = 5
    Looks(table).rivals[0], Looks(table).evidence[0] = 3, 1.5
    Doubts(Looks(table)).suspect(np.array([0]), LOOKS[[1]], placed, CLEAR)
    assert Looks(table).rivals[0] == 3 and Looks(table).evidence[0] == 1.5


def test_a_look_that_is_of_nobody_known_and_one_in_uniform_raise_no_doubt():
    table, placed = table_of(APART)
    nobody = np.eye(4, dtype=np.float32)[[3]]
    Doubts(Looks(table)).suspect(np.array([0]), nobody, placed, CLEAR)
    assert not Looks(table).rivals.any()
    assert suspected(APART, [0, 1], [1, 0], UNIFORM)[0] == [0, 0, 0]


def test_a_doubt_ends_with_the_rival():
    table, placed = table_of()
    doubts_of(table, placed)
    table.drop(np.array([False, True, False]))
    doubts = Doubts(Looks(table))
    assert doubts.open.tolist() == [True, False]
    seen(doubts, [0], [1])
    doubts.exchange()
    assert not doubts.open.any()


def test_an_exchange_needs_both_tracks_only_once():
    """Three in a heap: the surest pair exchanges, the third one keeps its place."""
    heap = np.array([[0, 0, 40, 100], [4, 0, 44, 100], [12, 0, 52, 100]], np.float32)
    table, placed = table_of(heap)
    doubts = doubts_of(table, placed)
    assert doubts.open.all()
    seen(doubts, [0, 1, 2], [1, 0, 1], times=FEWEST)
    doubts.exchange()
    assert table["motion"][:, 0].tolist() == [1, 0, 2]


def tracked(embedder, back, colours, seed):
    """ids of the two before they meet and at the end"""
    tracker, found = Tracker(image_size=SIZE, embedder=embedder), []
    for picture, boxes, seen_now in meeting(back, colours, seed):
        found.append(ids_of(tracker.update(boxes, image=picture), seen_now))
    return found[10], found[-1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("back", [False, True])
def test_clothes_tell_who_turned_back_and_who_went_on(back, seed):
    before, after = tracked(colour_embedder(), back, (RED, BLUE), seed)
    assert before == after == {0: 1, 1: 2}


@pytest.mark.parametrize("back", [False, True])
def test_in_the_same_clothes_all_is_as_without(back):
    alike = (RED, RED)
    assert tracked(colour_embedder(), back, alike, 0) == tracked(None, back, alike, 0)
